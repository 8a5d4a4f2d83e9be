"""Writes a slice as a folder in the official layout: config.json, tokenizer.json, model.safetensors."""
import json


def config(c):
    """The keys of a published config.json. There is no draft block, so compress_ratios names the layers alone."""
    return {
        "architectures": ["DeepseekV4ForCausalLM"], "model_type": "deepseek_v4", "attention_bias": False,
        "bos_token_id": 0, "eos_token_id": 1, "expert_dtype": "fp4", "hc_eps": 1e-6, "hc_mult": c.streams,
        "hc_sinkhorn_iters": c.sinkhorn, "head_dim": c.head_dim, "hidden_act": "silu", "hidden_size": c.dim,
        "index_head_dim": c.index_dim, "index_n_heads": c.index_heads, "index_topk": c.index_top_k,
        "max_position_embeddings": c.context, "moe_intermediate_size": c.expert_dim, "n_routed_experts": c.experts,
        "n_shared_experts": 1, "norm_topk_prob": True, "num_attention_heads": c.heads,
        "num_experts_per_tok": c.experts_per_token, "num_hidden_layers": c.layers,
        "num_hash_layers": min(c.hash_layers, c.layers), "num_key_value_heads": 1, "num_nextn_predict_layers": 0,
        "o_groups": c.o_groups, "o_lora_rank": c.o_rank, "q_lora_rank": c.q_rank, "qk_rope_head_dim": 64,
        "quantization_config": {"activation_scheme": "dynamic", "fmt": "e4m3", "quant_method": "fp8",
                                "scale_fmt": "ue8m0", "weight_block_size": [128, 128]},
        "rms_norm_eps": 1e-6, "rope_theta": 10000, "compress_rope_theta": 160000,
        "rope_scaling": {"beta_fast": 32, "beta_slow": 1, "factor": 16, "original_max_position_embeddings": 65536,
                         "type": "yarn"},
        "routed_scaling_factor": c.route_scale, "scoring_func": "sqrtsoftplus", "sliding_window": c.window,
        "swiglu_limit": 10.0, "tie_word_embeddings": False, "topk_method": "noaux_tc", "torch_dtype": "bfloat16",
        "vocab_size": c.vocab, "compress_ratios": [c.ratio(layer) for layer in range(c.layers)]}


def header(tensors):
    entries, at = {}, 0
    for t in tensors:
        entries[t.name] = {"dtype": t.dtype, "shape": t.shape, "data_offsets": [at, at + t.bytes]}
        at += t.bytes
    raw = json.dumps(entries, separators=(",", ":")).encode()
    return raw.ljust(-(-len(raw) // 8) * 8)


def write(folder, file, its_config, vocabulary, tensors):
    texts = {"config.json": its_config, "tokenizer.json": vocabulary.tokenizer_json()}
    for name, content in texts.items():
        (folder / name).write_text(json.dumps(content, ensure_ascii=False))
    head = header(tensors)
    file.write(len(head).to_bytes(8, "little") + head)
    for t in tensors:
        for band in t.bands():
            file.write(band)
