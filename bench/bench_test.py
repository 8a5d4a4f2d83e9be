#!/usr/bin/env python3
"""What `autark bench --json` says.

Goal:    the object has every promised key, units that the processor lacks are null, the groups of verbs add up to the
         time of their phase, and --batch and --depth change what is counted as they should. No time is asserted.
Method:  run the program on the tiny synthetic DeepSeek V4 and compare figures of different options.

  bench/bench_test.py build/dev/autark
"""
import json
import os
import pathlib
import platform
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
AUTARK = None

KEYS = {
    "model", "weights", "rounding", "chip", "isa", "threads", "prefill", "decode", "batch", "depth", "depth_tokens",
    "repeat", "load_seconds", "prefill_seconds", "prefill_tokens_per_second", "prefill_gflop_per_second", "prefill_unit",
    "prefill_fraction_of_peak", "prefill_fraction_of_avx512_int8", "prefill_seconds_by_group", "decode_seconds",
    "decode_seconds_per_step", "decode_tokens_per_second", "decode_gb_per_second", "decode_fraction_of_read",
    "decode_bytes_per_step", "batch_gain_by_bytes", "decode_seconds_by_group", "read_gb_per_second",
    "f32_gflop_per_second", "int8_gop_per_second", "peaks", "busy"}
PEAKS = {"read_gb_per_second", "f32_gflops", "bf16_gflops", "int8_gops_avx512", "int8_gops_amx", "bf16_gflops_amx"}
GROUPS = {"attention", "experts", "dense", "hyper_connections", "routing", "head", "other"}
UNITS = {"bf16_gflops": {"avx512_bf16"}, "int8_gops_avx512": {"avx512_vnni", "avx512_bf16"},
         "int8_gops_amx": {"amx_tile", "amx_int8"}, "bf16_gflops_amx": {"amx_tile", "amx_bf16"}}  # flags of /proc/cpuinfo


class BenchTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.model = pathlib.Path(folder.name) / "tiny.gguf"
        subprocess.run([sys.executable, HERE / "make_slice.py", cls.model, "--format", "gguf", "--size", "tiny"],
                       check=True, stderr=subprocess.DEVNULL)
        cls.plain = cls.bench()

    @classmethod
    def bench(cls, *options):
        out = subprocess.run([AUTARK, "bench", cls.model, "--prefill", "8", "--decode", "4", "--repeat", "1", "--json",
                              *map(str, options)], check=True, capture_output=True, text=True).stdout
        return json.loads(out)

    def test_keys(self):
        self.assertEqual(set(self.plain), KEYS)
        self.assertEqual(set(self.plain["peaks"]), PEAKS)
        self.assertEqual((self.plain["batch"], self.plain["depth"], self.plain["depth_tokens"]), (1, "none", 0))

    def test_the_unit_is_that_of_most_products(self):
        self.assertEqual(self.plain["prefill_unit"].split()[0], "int8")  # MXFP4 in an official run
        self.assertEqual(self.bench("--rounding", "none")["prefill_unit"].split()[0], "f32")

    def test_units_that_the_processor_lacks_are_null(self):
        if platform.machine() != "x86_64":
            self.skipTest("the names of the units are those of x86-64")
        lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
        flags = set(next(line for line in lines if line.startswith("flags")).split())
        for unit, needed in UNITS.items():
            measured = self.plain["peaks"][unit]
            if "amx_tile" in needed and needed <= flags and measured is None:
                continue  # the system may refuse the use of tiles
            self.assertEqual(measured is not None, needed <= flags, unit)
            self.assertNotEqual(measured, 0, unit)
        for key in ("read_gb_per_second", "f32_gflops"):
            self.assertGreater(self.plain["peaks"][key], 0)

    def test_groups_add_up_to_the_phase(self):
        for phase in ("prefill", "decode"):
            groups = self.plain[f"{phase}_seconds_by_group"]
            self.assertEqual(set(groups), GROUPS)
            self.assertAlmostEqual(sum(groups.values()), self.plain[f"{phase}_seconds"], places=6)
            self.assertTrue(all(seconds > 0 for seconds in groups.values()), groups)

    def test_a_chip_without_clocks_has_no_groups(self):
        self.assertIsNone(self.bench("--chip", "ref")["decode_seconds_by_group"])

    def test_a_batch_shares_bytes(self):
        batch = self.bench("--batch", 4)
        one, four = (run["decode_bytes_per_step"] for run in (self.plain, batch))
        self.assertEqual(batch["batch"], 4)
        self.assertTrue(one < four < 4 * one, (one, four))
        self.assertAlmostEqual(batch["batch_gain_by_bytes"], 4 * one / four)
        self.assertAlmostEqual(self.plain["batch_gain_by_bytes"], 1)
        steps = batch["decode_tokens_per_second"] * batch["decode_seconds_per_step"]
        self.assertAlmostEqual(steps, 4)

    def test_busy_processes_run_only_for_the_second_measurement(self):
        self.assertIsNone(self.plain["busy"])
        busy = self.bench("--busy")["busy"]
        self.assertEqual(busy["processes"], len(os.sched_getaffinity(0)))
        for phase in ("prefill", "decode"):
            self.assertGreater(busy[f"{phase}_tokens_per_second"], 0)
            self.assertGreater(busy[f"{phase}_fraction_of_idle"], 0)

    def test_depth_is_read_and_named(self):
        deep = self.bench("--depth", 1000)
        self.assertEqual((deep["depth"], deep["depth_tokens"]), ("synthetic", 1000))
        self.assertGreater(deep["decode_bytes_per_step"], self.plain["decode_bytes_per_step"])

    def test_depth_beyond_the_context_is_an_error(self):
        done = subprocess.run([AUTARK, "bench", self.model, "--depth", str(1 << 20)], capture_output=True, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn("context", done.stderr)


if __name__ == "__main__":
    AUTARK = pathlib.Path(sys.argv.pop(1)).resolve()
    unittest.main()
