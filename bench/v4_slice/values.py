"""Random values that several number formats hold exactly.

A value of a *grid* is k · 2^e, k a whole number of at most four significant bits up to 120, near a normal
distribution. E4M3 codes, Q8_0 bytes, BF16, F16 and F32 hold all of them. A random byte says which k it is, so
a matrix in any format is one table look-up of the same bytes. A value of *nibbles* is an E2M1 code times a
power of two for every 32 values; MXFP4 blocks hold the same codes in another order.
"""
import math
import random
import statistics
import struct

TILE = 128   # FP8 has a scale for every TILE x TILE values
BLOCK = 32   # Q8_0, MXFP4 and FP4 have one for so many values of a row
SPREAD = 40  # standard deviation of k
NIBBLE_SPREAD = 2.93  # standard deviation of a random E2M1 code's value


def grid_step(k):
    """The nearest whole number that has four significant bits and is not 0: real E4M3 codes are hardly ever below the
    normal numbers, and kernels read those that are more slowly."""
    unit = max(1, 1 << max(0, int(abs(k)).bit_length() - 4))
    return int(math.copysign(max(1, round(abs(k) / unit)) * unit, k))


GRID = [grid_step(SPREAD * statistics.NormalDist().inv_cdf((byte + 0.5) / 256)) for byte in range(256)]


def e4m3(k):
    """The code of a whole number of GRID."""
    if k == 0:
        return 0
    exponent = abs(k).bit_length() - 1
    mantissa = (abs(k) * 8 >> exponent) - 8
    return (128 if k < 0 else 0) | (exponent + 7) << 3 | mantissa


AS_E4M3 = bytes(e4m3(k) for k in GRID)
AS_INT8 = bytes(k & 255 for k in GRID)


def exponent_for(deviation, spread=SPREAD):
    """The e with which values of that spread come nearest to a standard deviation."""
    return round(math.log2(deviation / spread))


def stream(seed, *name):
    return random.Random("/".join(map(str, (seed, *name))))


class Planes:
    """Look-up tables from a random byte to each byte of a number, for 256 given values."""

    def __init__(self, values, dtype):
        coded = [self._coded(value, dtype) for value in values]
        self.tables = [bytes(code[i] for code in coded) for i in range(len(coded[0]))]

    @staticmethod
    def _coded(value, dtype):
        wide = struct.pack("<e" if dtype == "F16" else "<f", value)
        code = wide[2:] if dtype == "BF16" else wide
        back = struct.unpack("<e" if dtype == "F16" else "<f", wide if dtype != "BF16" else b"\0\0" + code)[0]
        if back != value:
            raise ValueError(f"{dtype} does not hold {value}")
        return code

    def encode(self, raw):
        out = bytearray(len(raw) * len(self.tables))
        for i, table in enumerate(self.tables):
            out[i::len(self.tables)] = raw.translate(table)
        return out


def grid_values(exponent):
    return [math.ldexp(k, exponent) for k in GRID]


def values_near_one():
    return [1 + round(k / 8) / 128 for k in GRID]


def q8_0(raw, columns, exponents):
    """Rows of Q8_0 blocks; `exponents`: one for every tile of columns, the same for all rows."""
    codes = raw.translate(AS_INT8)
    row = b"".join(struct.pack("<e", 2.0 ** e) * (TILE // BLOCK) for e in exponents)[:columns // BLOCK * 2]
    scales = row * (len(raw) // columns)
    out = bytearray(len(raw) // BLOCK * (BLOCK + 2))
    out[0::34], out[1::34] = scales[0::2], scales[1::2]
    for i in range(BLOCK):
        out[2 + i::34] = codes[i::BLOCK]
    return out


def mxfp4(codes, scales):
    """MXFP4 blocks of FP4 bytes: there byte j has values 2j and 2j + 1, here values j and j + 16 of a block."""
    out = bytearray(len(scales) * 17)
    out[0::17] = scales
    n = len(scales)
    low = int.from_bytes(b"\x0f" * n, "little")
    for j in range(8):
        a, b = (int.from_bytes(codes[i::16], "little") for i in (j, j + 8))
        out[1 + 2 * j::17] = (a & low | (b & low) << 4).to_bytes(n, "little")
        out[2 + 2 * j::17] = ((a >> 4) & low | b & low << 4).to_bytes(n, "little")
    return out


def q4_k(raw, deviation):
    """Q4_K blocks of random codes and scales, 140 bytes each, near that deviation and with a mean near zero."""
    step = deviation / 260  # of values (code · scale of 6 bits − minimum of 6 bits · 7.5) · step
    head = struct.pack("<ee", step, 7.5 * step)
    out = bytearray(len(raw) // 140 * 144)
    for i in range(4):
        out[i::144] = head[i:i + 1] * (len(raw) // 140)
    for i in range(140):
        out[4 + i::144] = raw[i::140]
    return out
