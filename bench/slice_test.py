#!/usr/bin/env python3
"""The two formats of a synthetic checkpoint are one model.

Goal:    bench/make_slice.py writes files that the program reads, whose values are the same in both formats, whose
         activations are finite, and which depend on the seed.
Method:  write the tiny size of each family as GGUF and as safetensors, run `autark logits` on both with a prompt that
         is longer than windows and the longest compression, and compare every tensor of the trace: bit by bit on `ref`,
         where a value's format plays no part, and within float32's error on `cpu`. Decode the codes of the formats by
         their definitions.

  bench/slice_test.py build/dev/autark
"""
import json
import math
import pathlib
import random
import statistics
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


def make(out, kind, seed=0, *more):
    subprocess.run([sys.executable, HERE / "make_slice.py", out, "--format", kind, "--size", "tiny", "--seed",
                    str(seed), *(more or ("--layers", "5"))], check=True, stderr=subprocess.DEVNULL)
    return out


def trace(model, chip):
    out = model.with_name("trace")
    subprocess.run([AUTARK, "logits", model, "--tokens", ",".join(map(str, TOKENS)), "--positions", "0,5,-1",
                    "--greedy", "4", "--chip", chip, "--rounding", "none", "--out", out], check=True)
    return tensors_of(out)


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

    def test_both_formats_are_the_same_numbers_on_ref(self):
        one, other = (trace(model, "ref") for model in self.models.values())
        self.assertEqual(one, other)
        self.assertTrue(all(map(math.isfinite, floats(one["logits"]))))
        self.assertGreater(len(set(floats(one["logits"]))), 100)

    def test_both_formats_agree_on_cpu(self):
        one, other = (floats(trace(model, "cpu")["logits"]) for model in self.models.values())
        size = math.sqrt(sum(x * x for x in one))
        self.assertLess(math.dist(one, other), 1e-4 * size)
        self.assertGreater(size, 0)

    def test_another_seed_is_another_model(self):
        other = make(self.at / "other.gguf", "gguf", seed=1)
        self.assertNotEqual(trace(other, "ref")["logits"], trace(self.models["gguf"], "ref")["logits"])


class FamiliesTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.at = pathlib.Path(self.folder.name)

    def make(self, family, kind, *more):
        return make(self.at / f"{family}.{kind}", kind, 0, "--family", family, *more)

    def check_is_a_model(self, traced):
        self.assertTrue(all(map(math.isfinite, floats(traced["logits"]))))
        self.assertGreater(len(set(floats(traced["logits"]))), 100)

    def test_both_formats_are_the_same_numbers_on_ref(self):
        for family in ("deepseek_v3", "gpt_oss", "glm4_moe"):
            with self.subTest(family):
                one, other = (trace(self.make(family, kind), "ref") for kind in ("gguf", "safetensors"))
                self.assertEqual(one, other)
                self.check_is_a_model(one)

    def test_recurrent_layers_and_k_quants_run(self):
        self.check_is_a_model(trace(self.make("qwen3_5_moe", "gguf"), "cpu"))
        for family in ("qwen3_5_moe", "glm4_moe"):
            model = self.make(family, "gguf", "--k-quants")
            self.check_is_a_model(trace(model, "cpu"))
            said = subprocess.run([AUTARK, "inspect", "--json", model], check=True, capture_output=True).stdout
            self.assertIn("Q4_K", [f["format"] for f in json.loads(said)["formats"]])

    def test_what_a_family_lacks_is_refused(self):
        for more in (("qwen3_5_moe", "safetensors"), ("gpt_oss", "gguf", "--k-quants"), ("glm4_moe", "gguf", "--size",
                                                                                       "flash")):
            with self.assertRaises(subprocess.CalledProcessError):
                self.make(*more)


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

    def test_q4_k_blocks_are_near_the_deviation(self):
        raw = random.Random(1).randbytes(140 * 200)
        out, all_values = values.q4_k(raw, 0.02), []
        self.assertEqual(len(out), 144 * 200)
        for block in struct.iter_unpack("<ee12s128s", out):
            step, least, scales, codes = block
            for pair in range(2):  # the first four of eight runs have their scales in six plain bits
                for high in range(2):
                    run = 2 * pair + high
                    scale, minimum = scales[run] & 63, scales[run + 4] & 63
                    part = codes[32 * pair:32 * pair + 32]
                    all_values += [step * scale * (b >> 4 if high else b & 15) - least * minimum for b in part]
        self.assertLess(abs(statistics.fmean(all_values)), 0.003)
        self.assertLess(abs(statistics.pstdev(all_values) / 0.02 - 1), 0.2)

    def test_a_format_that_lacks_a_value_is_an_error(self):
        with self.assertRaises(ValueError):
            values.Planes([1 + 2 ** -12] * 256, "BF16")


if __name__ == "__main__":
    AUTARK = pathlib.Path(sys.argv.pop(1)).resolve()
    unittest.main()
