"""Goal: aider makes the edits of 20 requests, each once, also if its streams are cut.

Method: a scripted checkpoint answers each request with an edit that adds a line behind the one before. In the end the file
must have every line once, in order.
"""
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import unittest

from player import EACH, SECONDS
from program import KEY, cut, served

STEPS = 20
EXPECTED = "".join(f"line {i}\n" for i in range(STEPS + 1))
OPTIONS = ["--model", "openai/model", "--edit-format", "diff", "--max-chat-history-tokens", "100000", "--no-git", "--yes-always",
           "--no-pretty", "--no-fancy-input", "--no-auto-lint", "--no-suggest-shell-commands", "--no-check-update",
           "--no-show-release-notes", "--no-show-model-warnings", "--analytics-disable", "--no-detect-urls"]


def edited(url):
    """The file after a session of aider, what aider said, and its seconds."""
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder, "log.txt")
        file.write_text("line 0\n")
        begun = time.monotonic()
        done = subprocess.run(
            [pathlib.Path(sys.executable).parent / "aider", *OPTIONS, "log.txt"], cwd=folder, text=True, capture_output=True,
            input="".join(f"Do step {i}.\n" for i in range(1, STEPS + 1)), timeout=SECONDS,
            env={**os.environ, "HOME": folder, "OPENAI_API_BASE": url + "/v1", "OPENAI_API_KEY": KEY,
                 "LITELLM_LOCAL_MODEL_COST_MAP": "True"})
        return file.read_text(), done.stdout + done.stderr, time.monotonic() - begun


class AiderTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        subprocess.run([os.environ["AUTARK_NODE"], "aider_model.mjs"], check=True)
        cls.url = cls.enterClassContext(served("aider-model"))

    def check(self, url):
        text, output, seconds = edited(url)
        self.assertEqual(text, EXPECTED, output[-4000:])
        return seconds

    def test_whole(self):
        print(f"aider, 20 edits: {self.check(self.url):.1f} s", flush=True)

    def test_cut_streams(self):
        for place in EACH:
            cuts = []
            with self.subTest(cut=place), cut(self.url, *place, cuts=cuts) as url:
                seconds = self.check(url)
            self.assertGreaterEqual(len(cuts), 5)
            print(f"aider, cut {place[1]} events {cuts}: {seconds:.1f} s", flush=True)


if __name__ == "__main__":
    unittest.main()
