"""Goal: two servers on one PostgreSQL are one platform: keys, limits and budgets hold on both, and the ledger has the sums of
both; a database that is killed under load costs no settled charge.

Method: two processes with the same platform.toml. What is changed on one of them, or by a command, is asked for on the other
one; both are flooded up to a limit; the database is killed and started again. Runs by tests/with_postgres only.
"""
import collections
import os
import pathlib
import signal
import subprocess
import threading
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

from mixed_requests import Mix, of_openai
from platform_program import POSTGRES, ROOT, Platform, Server, chat

NOTICED = 10  # seconds: servers look for changes twice a second; the rest is for a busy machine


def within(seconds, true):
    end = time.monotonic() + seconds
    while not (found := true()) and time.monotonic() < end:
        time.sleep(0.02)
    return found


@unittest.skipUnless(POSTGRES, "needs tests/with_postgres")
class ServersTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.platform = cls.enterClassContext(Platform())
        cls.platform.prices()
        cls.one, cls.two = (cls.enterClassContext(Server(cls.platform, "--parallel", "8")) for _ in range(2))

    def key(self, name, *options):
        """The id and secret of a new key that both servers know."""
        id, secret = self.platform.key(name, *options)
        for server in (self.one, self.two):
            self.assertTrue(within(NOTICED, lambda: server.get(secret, "/v1/models").status == 200), "a server does not know the key")
        return id, secret

    def test_what_one_server_changes_holds_on_the_other(self):
        made = self.one.post(self.platform.admin, "/admin/v1/keys", {"name": "made-on-one", "workspace": "default"}).json()
        asked = lambda: self.two.get(made["secret"], "/v1/models").status
        self.assertTrue(within(NOTICED, lambda: asked() == 200))
        self.assertEqual(self.one.post(self.platform.admin, f"/admin/v1/keys/{made['id']}/disable", {}).status, 200)
        refused = (401, 429)  # 429: after several wrong keys from one address
        self.assertIn(self.one.get(made["secret"], "/v1/models").status, refused, "at once where it was disabled")
        self.assertTrue(within(NOTICED, lambda: asked() in refused))

    def flood(self, secret, count, **more):
        """(usage of those answered, codes of those refused): half of the requests to each server, in turn."""
        def send(i):
            return (self.one, self.two)[i % 2].post(secret, "/v1/chat/completions", chat(**more))
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(send, range(count)))
        odd = [a.body for a in answers if a.status not in (200, 429)]
        self.assertEqual(odd, [], self.one.errors() + self.two.errors())
        return [of_openai(a.json()["usage"]) for a in answers if a.status == 200], [
            a.json()["error"] for a in answers if a.status == 429]

    def test_a_limit_of_requests_is_one_for_both(self):
        _, secret = self.key("rpm", "--rpm", "60")
        answered, refused = self.flood(secret, 100)
        self.assertLessEqual(len(answered), 60)
        self.assertGreaterEqual(len(answered), 58)
        self.assertEqual(len(refused), 100 - len(answered))

    def test_a_budget_is_one_for_both(self):
        key, secret = self.key("budget", "--budget", "0.001CNY")
        def is_spent():  # while somebody holds what is left, a refusal is one to try again
            answered, refused = self.flood(secret, 20, max_tokens=20)
            self.assertTrue(all("budget" in r["message"] for r in refused), refused)
            return not answered and {r["code"] for r in refused} == {"insufficient_quota"}
        self.assertTrue(within(20, is_spent), "the budget is never spent")
        (cost,), = self.platform.rows(f"SELECT sum(cost) FROM usage WHERE api_key = '{key}'")
        self.assertLessEqual(cost, 1_000_000)
        self.assertGreater(cost, 1_000_000 - 131_000, "what is left is less than a request may cost")

    def test_the_ledger_has_the_sums_of_both(self):
        key, secret = self.key("sums")
        with ThreadPoolExecutor(4) as pool:
            told = [t for server in (self.one, self.two) for part in pool.map(Mix(server, [secret]).one, range(40)) for t in part]
        self.assertTrue(within(10, lambda: not self.platform.rows("SELECT 1 FROM reservation LIMIT 1")))
        lines = {id: tokens for id, *tokens in self.platform.rows(
            f"SELECT id, input + cached + cache_write, cached, output + reasoning FROM usage WHERE api_key = '{key}' AND outcome = 'complete'")}
        for t in (t for t in told if t.whole):
            self.assertEqual(lines[t.id], [t.tokens[0], t.tokens[1], t.tokens[3]], t)
        for path in (f"/admin/v1/usage?by=key&key={key}", f"/admin/v1/usage?by=minute,model&key={key}"):
            self.assertEqual(self.one.get(self.platform.admin, path).json()["total"], self.two.get(self.platform.admin, path).json()["total"])
        self.assertIn("add up", self.platform.told("platform", "audit"))

    def test_a_killed_database_loses_nothing_and_no_server_is_taken_for_dead(self):
        key, secret = self.key("kill")
        told, odd, stop, answered = [], [], threading.Event(), collections.Counter()

        def load(server):
            while not stop.is_set():
                answer = server.post(secret, "/v1/chat/completions", chat(stream=True, stream_options={"include_usage": True}))
                if answer.status == 200 and b"[DONE]" in answer.body:
                    told.append((answer.id(), answer.events()[-1]["usage"]["completion_tokens"]))
                    answered[server.port] += 1
                elif answer.status != 503 and b"not_booked" not in answer.body:
                    odd.append(answer.body)
        threads = [threading.Thread(target=load, args=(server,)) for server in (self.one, self.two) for _ in range(2)]
        for t in threads:
            t.start()
        self.assertTrue(within(20, lambda: len(told) > 20))
        data = pathlib.Path(os.environ["AUTARK_TEST_POSTGRES_DATA"])
        os.kill(int((data / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)
        subprocess.run([ROOT / "tests/with_postgres", "--start"], check=True)
        before = dict(answered)
        for server in (self.one, self.two):
            self.assertTrue(within(30, lambda: answered[server.port] > before.get(server.port, 0) + 10), "a server does not go on")
        stop.set()
        for t in threads:
            t.join()
        self.assertEqual(odd, [])
        _, limited = self.key("limited", "--rpm", "60")
        for server in (self.one, self.two):  # does not ask the database for a second after it was away
            self.assertTrue(within(NOTICED, lambda: server.post(limited, "/v1/chat/completions", chat()).status == 200))
        self.assertTrue(within(10, lambda: not self.platform.rows("SELECT 1 FROM reservation LIMIT 1")))
        lines = dict(self.platform.rows(f"SELECT id, output + reasoning FROM usage WHERE api_key = '{key}'"))
        self.assertEqual([t for t in told if lines.get(t[0]) != t[1]], [])
        self.assertEqual(self.platform.rows(f"SELECT count(*) FROM usage WHERE api_key = '{key}' AND outcome = 'lost'"), [(0,)])


if __name__ == "__main__":
    unittest.main()
