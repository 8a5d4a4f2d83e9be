"""Goal: lm-evaluation-harness evaluates 20 questions over Completions and 20 over Chat.

Method: a task of multiple choice (log-likelihoods of the prompts' tokens) and one of written answers, as its users run
them. Both kinds of requests want whole answers, so no stream is there to be cut. bench/harness/run compares the numbers.
"""
import json
import os
import pathlib
import tempfile
import time
import unittest

HOME = tempfile.TemporaryDirectory()
os.environ.update(TQDM_DISABLE="1", HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1", HF_UPDATE_DOWNLOAD_COUNTS="0", HF_HOME=HOME.name)
import lm_eval

from program import KEY, served

os.environ["OPENAI_API_KEY"] = KEY
QUESTIONS = 20
SAID = "I look around first."  # what session-model answers to a first message


class LmEvalTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.data = pathlib.Path(HOME.name) / "questions.jsonl"
        rows = [{"question": f"{i} plus 1 is", "choices": [f"{i + 1}", f"{i + 2}"], "answer": 0, "said": SAID} for i in range(QUESTIONS)]
        cls.data.write_text("".join(json.dumps(r) + "\n" for r in rows))
        cls.url = cls.enterClassContext(served("session-model"))

    def evaluated(self, wire, path, task, tokenizer="", **more):
        """The result of each question."""
        task = {"task": "questions", "dataset_path": "json", "dataset_kwargs": {"data_files": {"test": str(self.data)}},
                "test_split": "test", "doc_to_text": "{{question}}", **task}
        begun = time.monotonic()
        found = lm_eval.simple_evaluate(model=wire, tasks=[task], log_samples=True, bootstrap_iters=0, **more, model_args=(
            f"base_url={self.url}{path},model=model,num_concurrent=4,max_retries=1{tokenizer}"))
        print(f"lm-eval, {wire}: {QUESTIONS} questions, {time.monotonic() - begun:.1f} s", flush=True)
        return found["results"]["questions"], [s["filtered_resps"] for s in found["samples"]["questions"]]

    def test_completions(self):
        results, answers = self.evaluated("local-completions", "/v1/completions", {
            "output_type": "multiple_choice", "doc_to_choice": "choices", "doc_to_target": "answer", "metric_list": [{"metric": "acc"}]},
            tokenizer=f",tokenizer_backend=remote,auth_token={KEY}")
        self.assertEqual(len(answers), QUESTIONS)
        self.assertTrue(all(chance <= 0 for choices in answers for chance, _ in choices))
        self.assertIn("acc,none", results)

    def test_chat(self):
        results, answers = self.evaluated("local-chat-completions", "/v1/chat/completions", {
            "output_type": "generate_until", "doc_to_target": "{{said}}", "metric_list": [{"metric": "exact_match"}],
            "generation_kwargs": {"until": ["\n"], "max_gen_toks": 64}}, apply_chat_template=True)
        self.assertEqual(answers, [[SAID]] * QUESTIONS)
        self.assertEqual(results["exact_match,none"], 1)


if __name__ == "__main__":
    unittest.main()
