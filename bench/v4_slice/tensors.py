"""All tensors of a slice: their official names and shapes, their GGUF names, and their bytes in both formats.

A tensor is made in bands of rows, so no more than a few megabytes of it are ever in memory.
"""
import math
import struct
from dataclasses import dataclass
from typing import Callable, Iterator

from .values import (AS_E4M3, BLOCK, NIBBLE_SPREAD, TILE, Planes, exponent_for, grid_values, mxfp4, q8_0, stream,
                     values_near_one)


@dataclass
class Stored:
    """One tensor of a file."""
    name: str
    dtype: str
    shape: tuple  # slowest first
    bytes: int
    bands: Callable[[], Iterator[bytes]]


def bands_of(rows):
    return ((start, min(TILE, rows - start)) for start in range(0, rows, TILE))


class Matrix:
    """A tensor of grid values with one exponent, or with one for every tile (FP8 and Q8_0)."""

    BYTES = {"F32": 4, "F16": 2, "BF16": 2}

    def __init__(self, seed, name, shape, deviation=None):
        self.seed, self.name, self.shape = seed, name, shape
        self.columns = shape[-1]
        self.rows = math.prod(shape[:-1])
        self.values = values_near_one() if deviation is None else grid_values(exponent_for(deviation))
        self.exponent = None if deviation is None else exponent_for(deviation)

    def raw(self):
        for start, rows in bands_of(self.rows):
            yield start, stream(self.seed, self.name, start).randbytes(rows * self.columns)

    def tile_exponents(self, start):
        """Of one band: half of the tiles have half the values."""
        tiles = -(-self.columns // TILE)
        return [self.exponent - (b & 1) for b in stream(self.seed, self.name, "scale", start).randbytes(tiles)]

    def plain(self, dtype):
        def bands():
            planes = Planes(self.values, dtype)
            return (planes.encode(raw) for _, raw in self.raw())
        return [Stored(self.name, dtype, self.shape, math.prod(self.shape) * self.BYTES[dtype], bands)]

    def fp8(self):
        base = self.name.removesuffix("weight")
        tiles = (-(-self.rows // TILE), -(-self.columns // TILE))
        return [Stored(base + "weight", "F8_E4M3", self.shape, self.rows * self.columns,
                       lambda: (raw.translate(AS_E4M3) for _, raw in self.raw())),
                Stored(base + "scale", "F8_E8M0", tiles, tiles[0] * tiles[1],
                       lambda: (bytes(127 + e for e in self.tile_exponents(start))
                                for start, _ in bands_of(self.rows)))]

    def q8_0(self, tiled=True):
        def exponents(start):
            return self.tile_exponents(start) if tiled else [self.exponent] * -(-self.columns // TILE)
        return [Stored(self.name, "Q8_0", self.shape, self.rows * self.columns // BLOCK * (BLOCK + 2),
                       lambda: (q8_0(raw, self.columns, exponents(start)) for start, raw in self.raw()))]


class Experts:
    """One of the three matrices of every expert: random E2M1 codes with a power of two for every 32."""

    def __init__(self, seed, name, experts, shape):
        self.seed, self.name, self.experts, self.shape = seed, name, experts, shape
        low = 127 + exponent_for(shape[1] ** -0.5, NIBBLE_SPREAD) - 1
        self.scale_of = bytes(low + (b & 1) for b in range(256))

    def codes(self, expert):
        for start, rows in bands_of(self.shape[0]):
            yield stream(self.seed, self.name, expert, start).randbytes(rows * self.shape[1] // 2)

    def scales(self, expert):
        for start, rows in bands_of(self.shape[0]):
            random = stream(self.seed, self.name, expert, start, "scale")
            yield random.randbytes(rows * self.shape[1] // BLOCK).translate(self.scale_of)

    def fp4(self):
        rows, columns = self.shape
        for e in range(self.experts):
            at = self.name.replace("*", str(e))
            yield Stored(at + ".weight", "I8", (rows, columns // 2), rows * columns // 2, lambda e=e: self.codes(e))
            yield Stored(at + ".scale", "F8_E8M0", (rows, columns // BLOCK), rows * columns // BLOCK,
                         lambda e=e: self.scales(e))

    def mxfp4(self):
        def bands():
            for e in range(self.experts):
                for codes, scales in zip(self.codes(e), self.scales(e)):
                    yield mxfp4(codes, scales)
        shape = (self.experts, *self.shape)
        return [Stored(self.name, "MXFP4", shape, math.prod(shape) // BLOCK * 17, bands)]


class ExpertTable:
    """The experts that each token has in layers that route by token."""

    def __init__(self, seed, name, vocab, experts, per_token):
        self.seed, self.name, self.shape, self.experts = seed, name, (vocab, per_token), experts

    def whole(self, dtype):
        code = {"I32": "i", "I64": "q"}[dtype]

        def bands():
            for start, rows in bands_of(self.shape[0]):
                random = stream(self.seed, self.name, start)
                ids = [i for _ in range(rows) for i in random.sample(range(self.experts), self.shape[1])]
                yield struct.pack(f"<{len(ids)}{code}", *ids)
        return [Stored(self.name, dtype, self.shape, math.prod(self.shape) * struct.calcsize(code), bands)]


class Slice:
    """All tensors of a trunk, as (kind, GGUF name, tensor); the kind says how either format stores it."""

    def __init__(self, size, seed):
        self.c, self.seed, self.all = size, seed, []
        self.trunk()

    def matrix(self, kind, name, gguf, shape, deviation):
        self.all.append((kind, gguf, Matrix(self.seed, name, shape, deviation)))

    def trunk(self):
        c = self.c
        self.matrix("table", "embed.weight", "token_embd.weight", (c.vocab, c.dim), 1)
        self.matrix("table", "head.weight", "output.weight", (c.vocab, c.dim), c.dim ** -0.5)
        self.matrix("norm", "norm.weight", "output_norm.weight", (c.dim,), None)
        self.mixing("hc_head", "output_hc", c.streams, scales=1)
        for layer in range(c.layers):
            self.block(layer)

    def mixing(self, name, gguf, rows, scales):
        wide = self.c.streams * self.c.dim
        for part, shape, deviation in (("fn", (rows, wide), wide ** -0.5), ("base", (rows,), 0.5),
                                       ("scale", (scales,), None)):
            self.matrix("f32", f"{name}_{part}", f"{gguf}_{part}.weight", shape, deviation)

    def block(self, layer):
        c, at, blk = self.c, f"layers.{layer}.", f"blk.{layer}."
        for site in ("attn", "ffn"):
            self.matrix("norm", f"{at}{site}_norm.weight", f"{blk}{site}_norm.weight", (c.dim,), None)
            self.mixing(f"{at}hc_{site}", f"{blk}hc_{site}", (2 + c.streams) * c.streams, scales=3)
        self.attention(at + "attn.", blk, c.ratio(layer))
        self.experts(at + "ffn.", blk, layer < c.hash_layers)

    def attention(self, at, blk, ratio):
        c = self.c
        heads = c.heads * c.head_dim
        self.matrix("f32", at + "attn_sink", blk + "attn_sinks.weight", (c.heads,), 1)
        self.block_matrix(at + "wq_a", blk + "attn_q_a", c.q_rank, c.dim)
        self.matrix("norm", at + "q_norm.weight", blk + "attn_q_a_norm.weight", (c.q_rank,), None)
        self.block_matrix(at + "wq_b", blk + "attn_q_b", heads, c.q_rank)
        self.block_matrix(at + "wkv", blk + "attn_kv", c.head_dim, c.dim)
        self.matrix("norm", at + "kv_norm.weight", blk + "attn_kv_a_norm.weight", (c.head_dim,), None)
        self.block_matrix(at + "wo_a", blk + "attn_output_a", c.o_groups * c.o_rank, heads // c.o_groups)
        self.block_matrix(at + "wo_b", blk + "attn_output_b", c.dim, c.o_groups * c.o_rank)
        if ratio:
            self.pooler(at + "compressor.", blk + "attn_compressor_", ratio, c.head_dim)
        if ratio == 4:
            self.block_matrix(at + "indexer.wq_b", blk + "indexer.attn_q_b", c.index_heads * c.index_dim, c.q_rank)
            self.small(at + "indexer.weights_proj.weight", blk + "indexer.proj.weight", c.index_heads)
            self.pooler(at + "indexer.compressor.", blk + "indexer_compressor_", ratio, c.index_dim)

    def block_matrix(self, name, gguf, rows, columns):
        self.matrix("blocks", name + ".weight", gguf + ".weight", (rows, columns), columns ** -0.5)

    def small(self, name, gguf, rows):
        self.matrix("small", name, gguf, (rows, self.c.dim), self.c.dim ** -0.5)

    def pooler(self, at, blk, ratio, dim):
        wide = (2 if ratio == 4 else 1) * dim  # windows of four overlap
        self.matrix("f32", at + "ape", blk + "ape.weight", (ratio, wide), 0.5)
        self.matrix("norm", at + "norm.weight", blk + "norm.weight", (dim,), None)
        self.small(at + "wkv.weight", blk + "kv.weight", wide)
        self.small(at + "wgate.weight", blk + "gate.weight", wide)

    def experts(self, at, blk, by_token):
        c = self.c
        self.matrix("router", at + "gate.weight", blk + "ffn_gate_inp.weight", (c.experts, c.dim), c.dim ** -0.5)
        if by_token:
            self.all.append(("ids", blk + "ffn_gate_tid2eid.weight",
                             ExpertTable(self.seed, at + "gate.tid2eid", c.vocab, c.experts, c.experts_per_token)))
        else:
            self.matrix("f32", at + "gate.bias", blk + "exp_probs_b.bias", (c.experts,), 0.05)
        for name, gguf, shape in (("w1", "gate", (c.expert_dim, c.dim)), ("w3", "up", (c.expert_dim, c.dim)),
                                  ("w2", "down", (c.dim, c.expert_dim))):
            self.all.append(("experts", f"{blk}ffn_{gguf}_exps.weight",
                             Experts(self.seed, f"{at}experts.*.{name}", c.experts, shape)))
            self.block_matrix(f"{at}shared_experts.{name}", f"{blk}ffn_{gguf}_shexp", *shape)

    def as_safetensors(self):
        how = {"table": lambda t: t.plain("BF16"), "norm": lambda t: t.plain("BF16"), "f32": lambda t: t.plain("F32"),
               "small": lambda t: t.plain("BF16"), "router": lambda t: t.plain("BF16"), "blocks": Matrix.fp8,
               "ids": lambda t: t.whole("I64"), "experts": Experts.fp4}
        return [stored for kind, _, tensor in self.all for stored in how[kind](tensor)]

    def as_gguf(self):
        how = {"table": lambda t: t.q8_0(tiled=False), "norm": lambda t: t.plain("F32"),
               "f32": lambda t: t.plain("F32"), "small": lambda t: t.plain("F16"), "router": lambda t: t.plain("F32"),
               "blocks": Matrix.q8_0, "ids": lambda t: t.whole("I32"), "experts": Experts.mxfp4}
        made = []
        for kind, gguf, tensor in self.all:
            for stored in how[kind](tensor):
                stored.name = gguf
                made.append(stored)
        return made
