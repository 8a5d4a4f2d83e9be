"""Writes a slice as one `deepseek4` GGUF file (version 3) with the keys that published files carry."""
import struct

ALIGNMENT = 32
TYPES = {"F32": 0, "F16": 1, "Q8_0": 8, "Q4_K": 12, "I32": 26, "MXFP4": 39}
U32, I32, F32, BOOL, STRING, ARRAY = 4, 5, 6, 7, 8, 9
CODES = {U32: "<I", I32: "<i", F32: "<f", BOOL: "<?"}
MOSTLY_MXFP4 = 38
SQRT_SOFTPLUS = 4
CONTROL, NORMAL = 3, 1  # kinds of tokens


def text(s):
    raw = s.encode()
    return struct.pack("<Q", len(raw)) + raw


def value(kind, v):
    return text(v) if kind == STRING else struct.pack(CODES[kind], v)


def key(name, kind, v):
    if isinstance(v, list):
        return text(name) + struct.pack("<IIQ", ARRAY, kind, len(v)) + b"".join(value(kind, x) for x in v)
    return text(name) + struct.pack("<I", kind) + value(kind, v)


def shape_keys(c):
    return [("context_length", U32, c.context), ("embedding_length", U32, c.dim), ("block_count", U32, c.layers),
            ("feed_forward_length", U32, c.expert_dim), ("vocab_size", U32, c.vocab),
            ("expert_count", U32, c.experts), ("expert_used_count", U32, c.experts_per_token),
            ("expert_shared_count", U32, 1), ("expert_feed_forward_length", U32, c.expert_dim),
            ("expert_weights_scale", F32, c.route_scale), ("expert_weights_norm", BOOL, True),
            ("expert_gating_func", U32, SQRT_SOFTPLUS), ("hash_layer_count", U32, min(c.hash_layers, c.layers)),
            ("nextn_predict_layers", U32, 0), ("swiglu_clamp_exp", F32, [10.0] * c.layers),
            ("swiglu_clamp_shexp", F32, [10.0] * c.layers), ("hyper_connection.count", U32, c.streams),
            ("hyper_connection.sinkhorn_iterations", U32, c.sinkhorn), ("hyper_connection.epsilon", F32, 1e-6)]


def attention_keys(c):
    ratios = [c.ratio(layer) for layer in range(c.layers)]
    return [("attention." + name, kind, v) for name, kind, v in [
        ("head_count", U32, c.heads), ("head_count_kv", U32, 1), ("layer_norm_rms_epsilon", F32, 1e-6),
        ("key_length", U32, c.head_dim), ("value_length", U32, c.head_dim), ("q_lora_rank", U32, c.q_rank),
        ("output_lora_rank", U32, c.o_rank), ("output_group_count", U32, c.o_groups),
        ("sliding_window", U32, c.window), ("compress_ratios", I32, ratios),
        ("compress_rope_freq_base", F32, 160000.0), ("indexer.head_count", U32, c.index_heads),
        ("indexer.key_length", U32, c.index_dim), ("indexer.top_k", U32, c.index_top_k)]]


def rope_keys():
    return [("rope.freq_base", F32, 10000.0), ("rope.dimension_count", U32, 64), ("rope.scaling.type", STRING, "yarn"),
            ("rope.scaling.factor", F32, 16.0), ("rope.scaling.original_context_length", U32, 65536),
            ("rope.scaling.yarn_beta_fast", F32, 32.0), ("rope.scaling.yarn_beta_slow", F32, 1.0)]


def tokenizer_keys(vocabulary, pre="joyai-llm"):
    kinds = [CONTROL if i in vocabulary.special else NORMAL for i in range(len(vocabulary.tokens))]
    return [("tokenizer.ggml." + name, kind, v) for name, kind, v in [
        ("model", STRING, "gpt2"), ("pre", STRING, pre), ("tokens", STRING, vocabulary.tokens),
        ("token_type", I32, kinds), ("merges", STRING, vocabulary.merges), ("bos_token_id", U32, 0),
        ("eos_token_id", U32, 1), ("padding_token_id", U32, 1), ("add_bos_token", BOOL, True)]]


def keys(c, vocabulary):
    own = [("deepseek4." + name, kind, v) for name, kind, v in shape_keys(c) + attention_keys(c) + rope_keys()]
    return [("general.architecture", STRING, "deepseek4"),
            ("general.name", STRING, f"synthetic DeepSeek V4 {c.name}, {c.layers} layers"),
            ("general.file_type", U32, MOSTLY_MXFP4), *own, *tokenizer_keys(vocabulary)]


def padded(n):
    return -(-n // ALIGNMENT) * ALIGNMENT


def write(file, its_keys, tensors):
    head = [key(*k) for k in its_keys]
    count = len(head)
    at = 0
    for t in tensors:
        shape = t.shape[::-1]
        head.append(text(t.name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, TYPES[t.dtype], at))
        at += padded(t.bytes)
    directory = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), count) + b"".join(head)
    file.write(directory.ljust(padded(len(directory)), b"\0"))
    for t in tensors:
        for band in t.bands():
            file.write(band)
        file.write(b"\0" * (padded(t.bytes) - t.bytes))
