"""The keys of a slice: of its GGUF file, and of its config.json."""
from v4_slice.gguf import BOOL, F32, I32, MOSTLY_MXFP4, STRING, U32, tokenizer_keys

ARCHITECTURES = {"deepseek_v3": "deepseek2", "qwen3_5_moe": "qwen35moe", "gpt_oss": "gpt-oss", "glm4_moe": "glm4moe"}
TOKENIZERS = {"deepseek_v3": "deepseek-v3", "qwen3_5_moe": "qwen35", "gpt_oss": "gpt-4o", "glm4_moe": "glm4"}
EPS = {"deepseek_v3": 1e-6, "qwen3_5_moe": 1e-6, "gpt_oss": 1e-5, "glm4_moe": 1e-5}
THETA = {"deepseek_v3": 1e4, "qwen3_5_moe": 1e7, "gpt_oss": 150000.0, "glm4_moe": 1e6}
YARN = {"deepseek_v3": 40.0, "gpt_oss": 32.0}  # factors, on 4096 positions
SIGMOID = 2
MOSTLY_Q8_0 = 7


def common(c):
    keys = [("context_length", U32, c.context), ("embedding_length", U32, c.dim), ("block_count", U32, c.layers),
            ("feed_forward_length", U32, c.dense_width or c.width), ("vocab_size", U32, c.vocab),
            ("attention.head_count", U32, c.heads), ("attention.layer_norm_rms_epsilon", F32, EPS[c.family]),
            ("rope.freq_base", F32, THETA[c.family]), ("expert_count", U32, c.experts),
            ("expert_used_count", U32, c.experts_per_token), ("expert_feed_forward_length", U32, c.width)]
    if c.family in YARN:
        keys += [("rope.scaling." + name, kind, v) for name, kind, v in [
            ("type", STRING, "yarn"), ("factor", F32, YARN[c.family]), ("original_context_length", U32, 4096),
            ("yarn_beta_fast", F32, 32.0), ("yarn_beta_slow", F32, 1.0)]]
    return keys


def heads(c):
    return [("attention.head_count_kv", U32, c.kv_heads), ("attention.key_length", U32, c.head_dim),
            ("attention.value_length", U32, c.head_dim)]


def sigmoid_experts(c):
    return [("leading_dense_block_count", U32, c.dense_layers), ("expert_shared_count", U32, 1),
            ("expert_weights_scale", F32, c.scale), ("expert_weights_norm", BOOL, True),
            ("expert_gating_func", U32, SIGMOID), ("expert_group_count", U32, c.groups),
            ("expert_group_used_count", U32, c.groups_kept)]


def deepseek_v3(c):
    latent, head = c.latent + c.head_dim, c.plain + c.head_dim
    return [("attention.head_count_kv", U32, 1), ("attention.q_lora_rank", U32, c.query_rank),
            ("attention.kv_lora_rank", U32, c.latent), ("attention.key_length", U32, latent),
            ("attention.value_length", U32, c.latent), ("attention.key_length_mla", U32, head),
            ("attention.value_length_mla", U32, c.plain), ("rope.dimension_count", U32, c.head_dim),
            ("rope.scaling.yarn_log_multiplier", F32, 0.1), *sigmoid_experts(c)]


def glm4_moe(c):
    return [*heads(c), ("rope.dimension_count", U32, c.head_dim // 2), *sigmoid_experts(c)]


def gpt_oss(c):
    return [*heads(c), ("attention.sliding_window", U32, c.window)]


def qwen3_5_moe(c):
    turned = c.head_dim // 4
    section = turned // 2 // 3
    return [*heads(c), ("rope.dimension_count", U32, turned), ("full_attention_interval", U32, 4),
            ("rope.dimension_sections", I32, [turned // 2 - 2 * section, section, section, 0]),
            ("expert_shared_feed_forward_length", U32, c.width), ("ssm.conv_kernel", U32, 4),
            ("ssm.state_size", U32, c.delta_dim), ("ssm.group_count", U32, c.key_heads),
            ("ssm.time_step_rank", U32, c.value_heads), ("ssm.inner_size", U32, c.value_heads * c.delta_dim)]


def gguf_keys(c, vocabulary):
    arch = ARCHITECTURES[c.family]
    own = common(c) + globals()[c.family](c)
    return [("general.architecture", STRING, arch),
            ("general.name", STRING, f"synthetic {c.family}, {c.layers} layers"),
            ("general.file_type", U32, MOSTLY_MXFP4 if c.family == "gpt_oss" else MOSTLY_Q8_0),
            *((f"{arch}.{name}", kind, v) for name, kind, v in own),
            *tokenizer_keys(vocabulary, TOKENIZERS[c.family])]


def sigmoid_config(c):
    return {"n_routed_experts": c.experts, "n_shared_experts": 1, "moe_intermediate_size": c.width,
            "first_k_dense_replace": c.dense_layers, "norm_topk_prob": True, "routed_scaling_factor": c.scale,
            "n_group": c.groups, "topk_group": c.groups_kept}


OWN_CONFIG = {
    "deepseek_v3": lambda c: {
        "architectures": ["DeepseekV3ForCausalLM"], "q_lora_rank": c.query_rank, "kv_lora_rank": c.latent,
        "qk_nope_head_dim": c.plain, "qk_rope_head_dim": c.head_dim, "v_head_dim": c.plain, "scoring_func": "sigmoid",
        "topk_method": "noaux_tc", "attention_bias": False, **sigmoid_config(c),
        "quantization_config": {"quant_method": "fp8", "fmt": "e4m3", "weight_block_size": [128, 128],
                                "activation_scheme": "dynamic"},
        "rope_scaling": {"type": "yarn", "factor": 40, "original_max_position_embeddings": 4096, "beta_fast": 32,
                         "beta_slow": 1, "mscale": 1.0, "mscale_all_dim": 1.0}},
    "gpt_oss": lambda c: {
        "architectures": ["GptOssForCausalLM"], "head_dim": c.head_dim, "num_local_experts": c.experts,
        "attention_bias": True, "sliding_window": c.window, "swiglu_limit": 7.0,
        "quantization_config": {"quant_method": "mxfp4"},
        "rope_scaling": {"rope_type": "yarn", "factor": 32.0, "original_max_position_embeddings": 4096,
                         "beta_fast": 32.0, "beta_slow": 1.0, "truncate": False}},
    "glm4_moe": lambda c: {
        "architectures": ["Glm4MoeForCausalLM"], "head_dim": c.head_dim, "attention_bias": True, "use_qk_norm": True,
        "partial_rotary_factor": 0.5, **sigmoid_config(c)},
}


def config(c):
    """The keys of a published config.json."""
    return {"model_type": c.family, "hidden_size": c.dim, "intermediate_size": c.dense_width or c.width,
            "num_hidden_layers": c.layers, "num_attention_heads": c.heads, "num_key_value_heads": c.kv_heads,
            "num_experts_per_tok": c.experts_per_token, "vocab_size": c.vocab, "hidden_act": "silu",
            "max_position_embeddings": c.context, "rms_norm_eps": EPS[c.family], "rope_theta": THETA[c.family],
            "tie_word_embeddings": False, "torch_dtype": "bfloat16", "bos_token_id": 0, "eos_token_id": 1,
            **OWN_CONFIG[c.family](c)}
