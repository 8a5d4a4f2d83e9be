"""Goal: what answers told is what is booked, and all ways to look at it show the same.

Method: AUTARK_MIXED random requests over three wires, with `n`, service classes, batches, retries, refused ones, and
clients that leave. Each answer's usage must be its line in the ledger. The sums of the lines must be those of the admin
API, its CSV, the commands, /metrics and the balance; the cost of each line is computed here a second time.
"""
import csv
import io
import os
import re
import time
import unittest
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from decimal import ROUND_HALF_UP, Decimal

from mixed_requests import Mix
from platform_program import Platform, Server

REQUESTS, AT_ONCE = int(os.environ.get("AUTARK_MIXED", "1000")), 6
CLASSES = ("input", "cached", "cache_write", "output", "reasoning")
PRICE = dict(zip(CLASSES, map(Decimal, ("1.03", "0.11", "1.37", "4.01", "5.003"))))
FACTOR = {"standard": Decimal(1), "flex": Decimal("0.5"), "priority": Decimal(2), "batch": Decimal("0.25")}
COLUMNS = ("requests", *CLASSES, "cost")


def metric(text, name):
    return sum(int(float(l.rsplit(" ", 1)[1])) for l in text.splitlines() if re.match(name + r"[ {]", l))


def cost_of(row):
    """Nanos: each class rounded for itself."""
    rate = {c: PRICE[c] * FACTOR[row["service"]] * 1000 for c in CLASSES}  # nanos a token
    return sum(int((row[c] * rate[c]).quantize(Decimal(1), ROUND_HALF_UP)) for c in CLASSES)


def summed(rows):
    """The columns' sums; the cost as nanos."""
    as_number = lambda row, c: int(Decimal(str(row[c])) * 10**9) if c == "cost" else int(row[c])
    return tuple(sum(as_number(row, c) for row in rows) for c in COLUMNS)


class SumsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.platform = p = cls.enterClassContext(Platform())
        p.prices()
        p.told("workspaces", "create", "search")
        p.told("platform", "deposit", "--amount", "100CNY", "--id", "first")
        p.told("platform", "deposit", "--amount", "100CNY", "--id", "first")  # the same payment
        p.told("platform", "grant", "--kind", "free", "--amount", "0.01CNY", "--expires", "30d")
        p.told("platform", "grant", "--kind", "pack", "--amount", "5000", "--model", "toy")
        secrets = [p.key("ada")[1], p.key("bo", workspace="search")[1], p.key("cleo", workspace="search")[1]]
        cls.server = cls.enterClassContext(Server(p, "--parallel", "8"))
        mix = Mix(cls.server, secrets)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            batches = [pool.submit(mix.batch, i, max(1, REQUESTS // 40)) for i in range(2)]
            cls.told = [t for told in pool.map(mix.one, range(REQUESTS - 2 * (REQUESTS // 40))) for t in told]
            for batch in batches:
                cls.told += batch.result()
        cls.wait_for_the_end()
        names = ("id", "service", "outcome", "peak", *CLASSES, "cost", "price", "end_user", "workspace", "api_key", "model")
        cls.rows = [dict(zip(names, row)) for row in p.rows(f"SELECT {', '.join(names)} FROM usage")]

    @classmethod
    def wait_for_the_end(cls):
        """Until what was left is cancelled and booked."""
        until = time.monotonic() + 60
        while cls.platform.rows("SELECT 1 FROM reservation LIMIT 1") and time.monotonic() < until:
            time.sleep(0.1)
        if left := cls.platform.rows("SELECT id, charge FROM reservation"):
            raise AssertionError(f"these requests never end: {left}; of {[t for t in cls.told if t.id in dict(left)]}")

    def test_each_answer_is_its_line(self):
        lines = {row["id"]: row for row in self.rows}
        self.assertEqual(len(lines), len(self.rows))
        for told in self.told:
            line = lines.get(told.id)
            self.assertIsNotNone(line, f"{told} is not booked")
            if not told.whole:
                self.assertGreaterEqual(line["output"] + line["reasoning"], told.seen, told)
                continue
            self.assertEqual(line["outcome"], "complete", told)
            prompt, read, written, answer, reasoning = told.tokens
            self.assertEqual((line["input"] + line["cached"] + line["cache_write"], line["cached"],
                              line["output"] + line["reasoning"], line["reasoning"]), (prompt, read, answer, reasoning), told)
            if written:
                self.assertEqual(line["cache_write"], written, told)
        booked, known = Counter(row["outcome"] for row in self.rows), {t.id for t in self.told}
        self.assertEqual([row for i, row in lines.items() if i not in known and row["outcome"] == "complete"], [])
        self.assertGreater(booked["aborted"], 0)
        self.assertTrue(any(told.seen for told in self.told), "the clients that leave have seen nothing")
        self.assertEqual(set(booked) - {"complete", "aborted"}, set(), booked)
        for c in CLASSES:
            self.assertGreater(sum(row[c] for row in self.rows), 0, f"no {c} tokens: the test does not see this class")

    def test_each_line_costs_what_the_price_file_says(self):
        self.assertEqual({row["service"] for row in self.rows}, set(FACTOR))
        for row in self.rows:
            self.assertEqual(row["cost"], cost_of(row), row)
            self.assertEqual((row["price"], row["model"]), ("test-1", "toy"))

    def test_all_views_have_the_same_sums(self):
        booked = summed([{**row, "requests": 1, "cost": Decimal(row["cost"]) / 10**9} for row in self.rows])
        for by in ("day", "minute", "hour,workspace", "minute,workspace,key,model,user", "service,outcome"):
            pages, after = [], 0
            while True:
                page = self.server.get(self.platform.admin, f"/admin/v1/usage?by={by}&limit=50&after={after}").json()
                pages += page["data"]
                after += 50
                if not page["has_more"]:
                    break
            self.assertEqual(summed(pages), booked, by)
            self.assertEqual(summed([page["total"]]), booked, by)
            answer = self.server.get(self.platform.admin, f"/admin/v1/usage.csv?by={by}")
            self.assertEqual(answer.status, 200, answer.body)
            self.assertEqual(summed(list(csv.DictReader(io.StringIO(answer.body.decode())))), booked, answer.body)
            command = self.platform.told("usage", "--by", by, "--csv")
            self.assertEqual(summed(list(csv.DictReader(io.StringIO(command)))), booked, by)
            self.assertEqual(summed(self.platform.object("usage", "--by", by, "--json")["data"]), booked, by)
        self.assertNotRegex(self.platform.told("usage", "--by", "user", "--csv"), r"(?m)^[=+@-]")

    def test_metrics_counted_the_same(self):
        text = self.server.get(self.platform.admin, "/metrics").body.decode()
        prompt = sum(row["input"] + row["cached"] + row["cache_write"] for row in self.rows)
        answer = sum(row["output"] + row["reasoning"] for row in self.rows if row["outcome"] == "complete")
        self.assertEqual(metric(text, "autark_prompt_tokens_total"), prompt)
        self.assertGreaterEqual(metric(text, "autark_completion_tokens_total"), answer)

    def test_the_books_add_up(self):
        self.assertIn("add up", self.platform.told("platform", "audit"))
        balance = self.platform.object("balance", "--json")
        self.assertEqual(balance, self.server.get(self.platform.admin, "/admin/v1/balance").json())
        nanos = lambda sum: int(Decimal(sum["amount"]) * 10**9)
        cost = sum(row["cost"] for row in self.rows)
        self.assertEqual(nanos(balance["spent"]), cost)
        unused = sum(amount for (amount,) in self.platform.rows(
            "SELECT amount FROM posting WHERE book = 'packs' AND unit = 'CNY'"))
        self.assertEqual(nanos(balance["topped_up"]) + nanos(balance["granted"]), 100 * 10**9 + 10**7 - cost - unused)
        self.assertEqual({c["used"] for c in balance["credits"] if c["kind"] == "pack"}, {5000})

    def test_the_form_of_openai_has_the_same_sums(self):
        path = f"/v1/organization/usage/completions?start_time={int(time.time()) - 86400}&bucket_width=1d&group_by=project_id&limit=31"
        buckets = self.server.get(self.platform.admin, path).json()["data"]
        results = [result for bucket in buckets for result in bucket["results"]]
        total = lambda *names: sum(row[name] for row in self.rows for name in names)
        self.assertEqual({r["project_id"] for r in results}, {row["workspace"] for row in self.rows})
        self.assertEqual([sum(r[name] for r in results) for name in (
            "num_model_requests", "input_tokens", "input_cached_tokens", "input_cache_write_tokens", "output_tokens")],
            [len(self.rows), total("input", "cached", "cache_write"), total("cached"), total("cache_write"),
             total("output", "reasoning")])


if __name__ == "__main__":
    unittest.main()
