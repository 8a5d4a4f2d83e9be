"""Tensors of random grid values (v4_slice/values.py) and how each number format stores them.

Every tensor yields the bytes that choose its values in bands of rows, so a file is made without much memory.
"""
import math
import struct

from v4_slice.tensors import TILE, Experts, Matrix, Stored, bands_of
from v4_slice.values import AS_E4M3, BLOCK, Planes, q4_k, q8_0, stream

K_BLOCK = 256  # values of a Q4_K block


class Alternating:
    """Two tensors as one whose values come from both in turn."""

    def __init__(self, name, first, second):
        self.name, self.first, self.second, self.values = name, first, second, first.values
        self.shape = (*first.shape[:-1], 2 * first.shape[-1])

    def raw(self):
        for (start, a), (_, b) in zip(self.first.raw(), self.second.raw()):
            both = bytearray(2 * len(a))
            both[0::2], both[1::2] = a, b
            yield start, both


class HeadRows:
    """One half of the rows of every head, for a matrix that has TILE rows for keys and TILE for values a head.
    Keys are transposed."""

    def __init__(self, both, heads, values):
        self.both, self.values, self.exponent = both, values, both.exponent
        self.shape = (heads, TILE, both.columns) if values else (heads, both.columns, TILE)
        self.columns = self.shape[-1]

    def raw(self):
        columns = self.both.columns
        for start, raw in self.both.raw():
            if self.values == (start // TILE % 2 == 1):
                yield start, raw if self.values else b"".join(raw[i::columns] for i in range(columns))


class Stack:
    """One of the three matrices of every expert; a * in the name is the number of the expert."""

    def __init__(self, seed, name, experts, shape):
        self.parts = [Matrix(seed, name.replace("*", str(e)), shape, shape[1] ** -0.5) for e in range(experts)]
        self.seed, self.name, self.shape, self.columns = seed, name, (experts, *shape), shape[1]
        self.exponent = self.parts[0].exponent

    def raw(self):
        return (band for part in self.parts for band in part.raw())

    def q4_k(self):
        """Other values than the other formats: Q4_K has none of the grid."""
        blocks = self.columns // K_BLOCK

        def bands():
            for e, part in enumerate(self.parts):
                for start, rows in bands_of(part.rows):
                    random = stream(self.seed, self.name, e, start, "q4_k")
                    yield q4_k(random.randbytes(rows * blocks * 140), self.columns ** -0.5)
        return [Stored("", "Q4_K", self.shape, math.prod(self.shape) // K_BLOCK * 144, bands)]


class Blocks(Experts):
    """The same in MXFP4."""

    def u8(self, others=()):
        """gpt-oss's tensors of codes and of scales: of this stack, or of several with their rows in turn."""
        rows, columns = self.shape
        all_rows, stacks = rows * (1 + len(others)), (self, *others)
        base = self.name.removesuffix("*.down_proj").removesuffix("*.gate_proj") + (
            "gate_up_proj" if others else "down_proj")

        def bands(what, width):
            for e in range(self.experts):
                for parts in zip(*(getattr(s, what)(e) for s in stacks)):
                    yield b"".join(p[i:i + width] for i in range(0, len(parts[0]), width) for p in parts)
        runs = columns // BLOCK
        return [Stored(base + "_blocks", "U8", (self.experts, all_rows, runs, 16), self.experts * all_rows * runs * 16,
                       lambda: bands("codes", columns // 2)),
                Stored(base + "_scales", "U8", (self.experts, all_rows, runs), self.experts * all_rows * runs,
                       lambda: bands("scales", runs))]


def plain(tensor, dtype):
    planes = Planes(tensor.values, dtype)
    return [Stored(tensor.name, dtype, tensor.shape, math.prod(tensor.shape) * len(planes.tables),
                   lambda: (planes.encode(raw) for _, raw in tensor.raw()))]


def fp8(matrix):
    """E4M3 codes with a float32 scale for each tile."""
    tiles = tuple(-(-n // TILE) for n in matrix.shape)
    scales = struct.pack("<f", 2.0 ** matrix.exponent) * math.prod(tiles)
    return [Stored(matrix.name, "F8_E4M3", matrix.shape, math.prod(matrix.shape),
                   lambda: (raw.translate(AS_E4M3) for _, raw in matrix.raw())),
            Stored(matrix.name + "_scale_inv", "F32", tiles, len(scales), lambda: iter([scales]))]


def in_q8_0(tensor):
    exponents = [tensor.exponent] * -(-tensor.columns // TILE)
    return [Stored("", "Q8_0", tensor.shape, math.prod(tensor.shape) // BLOCK * (BLOCK + 2),
                   lambda: (q8_0(raw, tensor.columns, exponents) for _, raw in tensor.raw()))]
