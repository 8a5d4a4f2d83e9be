#!/usr/bin/env python3
"""The scripts that compare speeds, with engines that are no engines.

Goal:    bench/peers runs every engine once a round in turning order, keeps every run, takes ratios within rounds, goes
         on with --repack 0 after a crash, and notes an engine that fails; check_depth.py judges its ratio.
Method:  programs that print the JSON of `autark bench` and of `llama-bench` and write down how they were called.
"""
import csv
import json
import pathlib
import stat
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree

HERE = pathlib.Path(__file__).resolve().parent

FAKE = """#!{python}
import json, pathlib, sys
log = pathlib.Path({log!r})
calls = log.read_text().splitlines() if log.exists() else []
with open(log, "a") as file:
    file.write({name!r} + " " + " ".join(sys.argv[1:]) + "\\n")
times = sum(c.startswith({name!r} + " ") for c in calls) + 1
{body}
"""
AUTARK = """
depth = int(sys.argv[sys.argv.index("--depth") + 1])
print(json.dumps({"model": "x", "prefill_tokens_per_second": 100.0 * times, "decode_tokens_per_second": 40.0,
                  "decode_seconds_per_step": 0.01 if depth else 0.0098}))
"""
LLAMA = """
if "--repack" not in sys.argv and {crashes}:
    sys.exit("illegal instruction")
print(json.dumps([{{"n_prompt": 512, "n_gen": 0, "avg_ts": 50.0 * times}}, {{"n_prompt": 0, "n_gen": 96, "avg_ts": 20.0}}]))
"""


class PeersTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.at = pathlib.Path(self.folder.name)
        (self.at / "model.gguf").touch()

    def fake(self, name, body):
        path = self.at / name
        path.write_text(FAKE.format(python=sys.executable, log=str(self.at / "log"), name=name, body=body))
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return path

    def peers(self, llama, **environment):
        autark = self.fake("autark", AUTARK)
        subprocess.run([HERE / "peers", "model.gguf", "--rounds", "2", "--patience", "0", "--look", "0.05", "--autark", autark,
                        "--llama-cpp", llama, "--out", self.at], cwd=self.at, check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, env={"PATH": "/usr/bin:/bin", **environment})
        return json.loads(next(self.at.glob("*-peers.json")).read_text())

    def calls(self):
        return [line.split()[0] for line in (self.at / "log").read_text().splitlines()]

    def test_rounds_are_interleaved_and_kept(self):
        result = self.peers(self.fake("llama", LLAMA.format(crashes=False)))
        self.assertEqual(self.calls(), ["autark", "llama", "llama", "autark"])
        model = result["models"]["model.gguf"]
        self.assertEqual([r["autark"]["prefill_tokens_per_second"] for r in model["rounds"]], [100, 200])
        self.assertTrue(all({"busy_cores_before", "load_before", "quiet"} <= run.keys()
                            for r in model["rounds"] for run in r.values()))
        figures = model["figures"]["prefill_tokens_per_second"]
        self.assertEqual(figures["autark"]["median"], 150)
        self.assertEqual(figures["llama.cpp"]["ratios"], [2, 2])
        self.assertEqual(figures["llama.cpp"]["median_ratio"], 2)
        self.assertTrue(result["machine"]["cpu"])

    def test_table_and_chart_hold_every_run(self):
        self.peers(self.fake("llama", LLAMA.format(crashes=False)))
        with open(next(self.at.glob("*.csv"))) as file:
            rows = list(csv.DictReader(file))
        self.assertEqual([row["engine"] for row in rows], ["autark", "llama.cpp", "llama.cpp", "autark"])
        self.assertEqual(float(rows[0]["decode_tokens_per_second"]), 40)
        chart = ElementTree.parse(next(self.at.glob("*.svg"))).getroot()
        self.assertEqual(sum(e.tag.endswith("rect") for e in chart.iter()), 4)

    def test_a_crash_is_tried_again_without_repacking(self):
        result = self.peers(self.fake("llama", LLAMA.format(crashes=True)))
        runs = [r["llama.cpp"] for r in result["models"]["model.gguf"]["rounds"]]
        self.assertEqual([run["options"] for run in runs], ["-lm none --repack 0"] * 2)
        self.assertEqual(self.calls().count("llama"), 3)

    def test_ik_runs_in_both_settings(self):
        ik = self.fake("ik", LLAMA.format(crashes=False))
        result = self.peers(self.fake("llama", LLAMA.format(crashes=False)), IK_LLAMA_BENCH=str(ik))
        self.assertEqual(set(result["models"]["model.gguf"]["rounds"][0]), {"autark", "llama.cpp", "ik", "ik -rtr 1"})

    def test_an_engine_that_fails_is_noted(self):
        result = self.peers(self.fake("llama", "sys.exit('no such model')"))
        model = result["models"]["model.gguf"]
        self.assertIn("no such model", model["rounds"][0]["llama.cpp"]["error"])
        self.assertEqual(set(model["figures"]["decode_tokens_per_second"]), {"autark"})

    def test_a_twin_is_read_by_autark_alone(self):
        (self.at / "twin").mkdir()
        autark, llama = self.fake("autark", AUTARK), self.fake("llama", LLAMA.format(crashes=False))
        subprocess.run([HERE / "peers", "twin=model.gguf", "--rounds", "1", "--patience", "0", "--look", "0.05", "--autark", autark,
                        "--llama-cpp", llama, "--out", self.at], cwd=self.at, check=True, stdout=subprocess.DEVNULL)
        log = (self.at / "log").read_text().splitlines()
        self.assertTrue(log[0].startswith("autark bench twin "))
        self.assertTrue(log[1].startswith("llama -m model.gguf "))

    def depth(self, body):
        return subprocess.run([HERE / "check_depth.py", "model", "--rounds", "1", "--autark", self.fake("autark", body)],
                              stdout=subprocess.DEVNULL).returncode

    def test_depth_is_judged(self):
        self.assertEqual(self.depth(AUTARK), 0)
        self.assertEqual(self.depth(AUTARK.replace("0.0098", "0.009")), 1)


if __name__ == "__main__":
    unittest.main()
