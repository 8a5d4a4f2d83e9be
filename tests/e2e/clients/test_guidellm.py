"""Goal: guidellm finishes a benchmark of 20 requests, also if streams are cut; each request counts once.

Method: its command as its users start it, with prompts of a file. A cut stream is a failed request in its report, and is not
repeated; all others must be complete.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

from player import EACH, SECONDS
from program import KEY, cut, metric, served

REQUESTS = 20


def measured(url):
    """The counts of requests in guidellm's report, and the seconds from the first to the last."""
    with tempfile.TemporaryDirectory() as folder:
        prompts, report = pathlib.Path(folder, "prompts.jsonl"), pathlib.Path(folder, "report.json")
        prompts.write_text("".join(json.dumps({"prompt": f"Say {i}.", "output_tokens_count": 16}) + "\n" for i in range(REQUESTS)))
        done = subprocess.run(
            [pathlib.Path(sys.executable).parent / "guidellm", "run",
             "--backend", f"kind=openai_http,target={url},model=model,api_key={KEY}", "--profile", "kind=synchronous",
             "--constraint", f"kind=max_requests,count={REQUESTS}", "--data", f"kind=json_file,path={prompts}",
             "--tokenizer", f"kind=huggingface_auto,model={pathlib.Path('session-model').resolve()}",
             "--output", f"kind=json,path={report}"],
            cwd=folder, text=True, capture_output=True, timeout=SECONDS,
            env={**os.environ, "HOME": folder, "HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""})
        if not report.exists():
            raise AssertionError(f"guidellm: {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
        benchmark = json.loads(report.read_text())["benchmarks"][0]
        return benchmark["metrics"]["request_totals"], benchmark["duration"]


class GuidellmTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.url = cls.enterClassContext(served("session-model"))

    def check(self, url):
        """The numbers of complete and of failed requests, and the seconds. Each request came to the server once."""
        asked = lambda: metric(self.url, "autark_requests_total", 'route="/v1/chat/completions"')
        before = asked()
        totals, seconds = measured(url)
        self.assertEqual((totals["total"], totals["incomplete"]), (REQUESTS, 0))
        self.assertEqual(asked() - before, REQUESTS)
        return totals["successful"], totals["errored"], seconds

    def test_whole(self):
        complete, failed, seconds = self.check(self.url)
        self.assertEqual((complete, failed), (REQUESTS, 0))
        print(f"guidellm, {REQUESTS} requests: {seconds:.1f} s", flush=True)

    def test_cut_streams(self):
        for place in EACH:
            cuts = []
            with self.subTest(cut=place):
                with cut(self.url, *place, cuts=cuts) as url:
                    complete, failed, seconds = self.check(url)
                self.assertGreaterEqual(len(cuts), 5)
                self.assertTrue(0 < failed <= len(cuts), (failed, cuts))
                self.assertEqual(complete, REQUESTS - failed)
                self.assertLess(seconds, 60)
                print(f"guidellm, cut {place[1]} events {cuts}: {failed} failed; {seconds:.1f} s", flush=True)


if __name__ == "__main__":
    unittest.main()
