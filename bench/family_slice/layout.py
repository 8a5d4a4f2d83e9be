"""All tensors of a slice, family by family."""
from dataclasses import dataclass

from v4_slice.tensors import Matrix

from .tensors import Alternating, Blocks, HeadRows, Stack, fp8, in_q8_0, plain


@dataclass
class Entry:
    kind: str           # how either format stores it
    gguf: str           # None: not in GGUF files
    tensor: object
    published: bool = True  # whether it is in safetensors


class Layout:
    """The tensors of one shape. `entries` has them in the order of the files."""

    def __init__(self, shape, seed):
        self.c, self.seed, self.entries = shape, seed, []
        self.matrix("table", "model.embed_tokens.weight", "token_embd.weight", (shape.vocab, shape.dim), 1)
        self.matrix("table", "lm_head.weight", "output.weight", (shape.vocab, shape.dim))
        self.norm("model.norm.weight", "output_norm.weight", shape.dim)
        for layer in range(shape.layers):
            self.at, self.blk = f"model.layers.{layer}.", f"blk.{layer}."
            getattr(self, shape.family)(layer)

    def add(self, kind, gguf, tensor, published=True):
        self.entries.append(Entry(kind, gguf, tensor, published))
        return tensor

    def matrix(self, kind, name, gguf, shape, deviation=0):
        return self.add(kind, gguf, Matrix(self.seed, name, shape, deviation or shape[-1] ** -0.5))

    def norm(self, name, gguf, n):
        self.add("norm", gguf, Matrix(self.seed, name, (n,), None))

    def dense(self, name, gguf, rows, columns):
        self.matrix("dense", f"{self.at}{name}.weight", f"{self.blk}{gguf}.weight", (rows, columns))

    def small(self, kind, name, gguf, shape, deviation=0):
        return self.matrix(kind, self.at + name, self.blk + gguf, shape, deviation)

    def layer_norm(self, name, gguf, n=0):
        self.norm(f"{self.at}{name}.weight", f"{self.blk}{gguf}.weight", n or self.c.dim)

    def mlp(self, at, suffix, width):
        for name, rows, columns in (("gate", width, self.c.dim), ("up", width, self.c.dim), ("down", self.c.dim, width)):
            self.dense(f"mlp.{at}{name}_proj", f"ffn_{name}{suffix}", rows, columns)

    def stacks(self, kind=Stack):
        c = self.c
        suffix = ".weight" if kind is Stack else ""
        for name, shape in (("gate", (c.width, c.dim)), ("up", (c.width, c.dim)), ("down", (c.dim, c.width))):
            yield name, kind(self.seed, f"{self.at}mlp.experts.*.{name}_proj{suffix}", c.experts, shape)

    def experts(self):
        self.small("router", "mlp.gate.weight", "ffn_gate_inp.weight", (self.c.experts, self.c.dim))
        for name, stack in self.stacks():
            self.add("stack", f"{self.blk}ffn_{name}_exps.weight", stack)

    def attention(self, bias=(), q=1):
        c = self.c
        wide = {"q": q * c.heads * c.head_dim, "k": c.kv_heads * c.head_dim, "v": c.kv_heads * c.head_dim}
        for name, rows in wide.items():
            self.dense(f"self_attn.{name}_proj", f"attn_{name}", rows, c.dim)
        self.dense("self_attn.o_proj", "attn_output", c.dim, c.heads * c.head_dim)
        for name in bias:
            long = "attn_output" if name == "o" else f"attn_{name}"
            self.small("small", f"self_attn.{name}_proj.bias", long + ".bias", (wide.get(name, c.dim),), 0.1)

    def sigmoid_experts(self, layer):
        if layer < self.c.dense_layers:
            return self.mlp("", "", self.c.dense_width)
        self.experts()
        self.small("f32", "mlp.gate.e_score_correction_bias", "exp_probs_b.bias", (self.c.experts,), 0.05)
        self.mlp("shared_experts.", "_shexp", self.c.width)

    def glm4_moe(self, layer):
        self.layer_norm("input_layernorm", "attn_norm")
        self.layer_norm("post_attention_layernorm", "post_attention_norm")
        self.attention(bias="qkv")
        for name in "qk":
            self.layer_norm(f"self_attn.{name}_norm", f"attn_{name}_norm", self.c.head_dim)
        self.sigmoid_experts(layer)

    def deepseek_v3(self, layer):
        c = self.c
        self.layer_norm("input_layernorm", "attn_norm")
        self.layer_norm("post_attention_layernorm", "ffn_norm")
        self.dense("self_attn.q_a_proj", "attn_q_a", c.query_rank, c.dim)
        self.layer_norm("self_attn.q_a_layernorm", "attn_q_a_norm", c.query_rank)
        self.dense("self_attn.q_b_proj", "attn_q_b", c.heads * (c.plain + c.head_dim), c.query_rank)
        self.dense("self_attn.kv_a_proj_with_mqa", "attn_kv_a_mqa", c.latent + c.head_dim, c.dim)
        self.layer_norm("self_attn.kv_a_layernorm", "attn_kv_a_norm", c.latent)
        both = self.matrix("dense", self.at + "self_attn.kv_b_proj.weight", None, (2 * c.heads * c.plain, c.latent))
        for gguf, values in (("attn_k_b", False), ("attn_v_b", True)):
            self.add("dense", f"{self.blk}{gguf}.weight", HeadRows(both, c.heads, values), published=False)
        self.dense("self_attn.o_proj", "attn_output", c.dim, c.heads * c.plain)
        self.sigmoid_experts(layer)

    def gpt_oss(self, _layer):
        c = self.c
        self.layer_norm("input_layernorm", "attn_norm")
        self.layer_norm("post_attention_layernorm", "post_attention_norm")
        self.attention(bias="qkvo")
        self.small("small", "self_attn.sinks", "attn_sinks.weight", (c.heads,), 1)
        self.small("router", "mlp.router.weight", "ffn_gate_inp.weight", (c.experts, c.dim))
        self.small("small", "mlp.router.bias", "ffn_gate_inp.bias", (c.experts,), 0.1)
        biases = {}
        for name, stack in self.stacks(Blocks):
            self.add("blocks", f"{self.blk}ffn_{name}_exps.weight", stack)
            biases[name] = Matrix(self.seed, f"{self.at}mlp.experts.{name}_proj_bias", (c.experts, stack.shape[0]), 0.1)
            self.add("small", f"{self.blk}ffn_{name}_exps.bias", biases[name], published=name == "down")
        self.add("small", None, Alternating(self.at + "mlp.experts.gate_up_proj_bias", biases["gate"], biases["up"]))

    def qwen3_5_moe(self, layer):
        self.layer_norm("input_layernorm", "attn_norm")
        self.layer_norm("post_attention_layernorm", "post_attention_norm")
        if layer % 4 == 3:
            self.attention(q=2)
            for name in "qk":
                self.layer_norm(f"self_attn.{name}_norm", f"attn_{name}_norm", self.c.head_dim)
        else:
            self.delta_net()
        self.experts()
        self.mlp("shared_expert.", "_shexp", self.c.width)
        self.small("f32", "mlp.shared_expert_gate.weight", "ffn_gate_inp_shexp.weight", (self.c.dim,))

    def delta_net(self):
        c = self.c
        keys, values = c.key_heads * c.delta_dim, c.value_heads * c.delta_dim
        self.dense("linear_attn.in_proj_qkv", "attn_qkv", 2 * keys + values, c.dim)
        self.dense("linear_attn.in_proj_z", "attn_gate", values, c.dim)
        self.dense("linear_attn.in_proj_b", "ssm_beta", c.value_heads, c.dim)
        self.dense("linear_attn.in_proj_a", "ssm_alpha", c.value_heads, c.dim)
        self.small("f32", "linear_attn.conv1d.weight", "ssm_conv1d.weight", (2 * keys + values, 4))
        self.small("f32", "linear_attn.dt_bias", "ssm_dt.bias", (c.value_heads,), 1)
        decay = self.small("f32", "linear_attn.decay", "ssm_a", (c.value_heads,), 1)
        decay.values = [-abs(v) for v in decay.values]
        self.layer_norm("linear_attn.norm", "ssm_norm", c.delta_dim)
        self.dense("linear_attn.out_proj", "ssm_out", c.dim, values)

    def as_gguf(self, k_quants=False):
        stack = Stack.q4_k if k_quants else in_q8_0
        how = {"table": in_q8_0, "dense": in_q8_0, "stack": stack, "blocks": Blocks.mxfp4}
        made = []
        for entry in self.entries:
            if not entry.gguf:
                continue
            for stored in how.get(entry.kind, lambda t: plain(t, "F32"))(entry.tensor):
                stored.name = entry.gguf
                made.append(stored)
        return made

    def as_safetensors(self):
        bf16 = (lambda t: plain(t, "BF16"))
        dense = fp8 if self.c.family == "deepseek_v3" else bf16
        how = {"dense": dense, "f32": lambda t: plain(t, "F32"),
               "stack": lambda t: [stored for part in t.parts for stored in dense(part)]}
        made = [stored for e in self.entries if e.published and e.kind != "blocks"
                for stored in how.get(e.kind, bf16)(e.tensor)]
        blocks = [e.tensor for e in self.entries if e.kind == "blocks"]
        for gate, up, down in zip(blocks[0::3], blocks[1::3], blocks[2::3]):
            made += gate.u8((up,)) + down.u8()
        return made

