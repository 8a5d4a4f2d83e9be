#!/usr/bin/env python3
"""The two formats of a synthetic checkpoint are one model.

Goal:    bench/make_slice.py writes files that the program reads, whose values are the same in both formats, whose
         activations are finite, and which depend on the seed.
Method:  write the tiny size as GGUF and as safetensors, run `autark logits` on both with a prompt that is longer than
         the window and the longest compression, and compare every tensor of the trace: bit by bit on `ref`, where a
         value's format plays no part, and within float32's error on `cpu`. Decode the
         codes of both formats by their definitions.

  bench/slice_test.py build/dev/autark
"""
import json
import math
import pathlib
import struct
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from v4_slice import values  # noqa: E402

AUTARK = None
TOKENS = [(7 * i * i + 3) % 512 for i in range(150)]


def make(out, kind, seed=0):
    subprocess.run([sys.executable, HERE / "make_slice.py", out, "--format", kind, "--size", "tiny", "--layers", "5",
                    "--seed", str(seed)], check=True, stderr=subprocess.DEVNULL)
    return out


def tensors_of(path):
    raw = path.read_bytes()
    start = 8 + int.from_bytes(raw[:8], "little")
    return {name: (entry["dtype"], raw[start + entry["data_offsets"][0]:start + entry["data_offsets"][1]])
            for name, entry in json.loads(raw[8:start]).items() if name != "__metadata__"}


def floats(tensor):
    return struct.unpack(f"<{len(tensor[1]) // 4}f", tensor[1])


class SliceTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.at = pathlib.Path(cls.folder.name)
        cls.models = {"gguf": make(cls.at / "tiny.gguf", "gguf"), "folder": make(cls.at / "tiny", "safetensors")}

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def trace(self, model, chip):
        out = self.at / "trace"
        subprocess.run([AUTARK, "logits", model, "--tokens", ",".join(map(str, TOKENS)), "--positions", "0,5,-1",
                        "--greedy", "4", "--chip", chip, "--rounding", "none", "--out", out], check=True)
        return tensors_of(out)

    def test_both_formats_are_the_same_numbers_on_ref(self):
        one, other = (self.trace(model, "ref") for model in self.models.values())
        self.assertEqual(one, other)
        self.assertTrue(all(map(math.isfinite, floats(one["logits"]))))
        self.assertGreater(len(set(floats(one["logits"]))), 100)

    def test_both_formats_agree_on_cpu(self):
        one, other = (floats(self.trace(model, "cpu")["logits"]) for model in self.models.values())
        size = math.sqrt(sum(x * x for x in one))
        self.assertLess(math.dist(one, other), 1e-4 * size)
        self.assertGreater(size, 0)

    def test_another_seed_is_another_model(self):
        other = make(self.at / "other.gguf", "gguf", seed=1)
        self.assertNotEqual(self.trace(other, "ref")["logits"], self.trace(self.models["gguf"], "ref")["logits"])


class ValuesTest(unittest.TestCase):
    def test_e4m3_codes_stand_for_the_values(self):
        for k in values.GRID:
            code = values.e4m3(k)
            exponent, mantissa = code >> 3 & 15, code & 7
            value = 0 if code & 127 == 0 else math.ldexp(8 + mantissa, exponent - 7 - 3)
            self.assertEqual(-value if code & 128 else value, k)

    def test_mxfp4_blocks_hold_the_same_codes(self):
        codes, scales = bytes(range(7, 39)), b"\x7e\x80"
        out = values.mxfp4(codes, scales)
        for block in range(2):
            official = [n for byte in codes[16 * block:16 * block + 16] for n in (byte & 15, byte >> 4)]
            self.assertEqual(out[17 * block], scales[block])
            packed = out[17 * block + 1:17 * block + 17]
            self.assertEqual([b & 15 for b in packed] + [b >> 4 for b in packed], official)

    def test_a_format_that_lacks_a_value_is_an_error(self):
        with self.assertRaises(ValueError):
            values.Planes([1 + 2 ** -12] * 256, "BF16")


if __name__ == "__main__":
    AUTARK = pathlib.Path(sys.argv.pop(1)).resolve()
    unittest.main()
