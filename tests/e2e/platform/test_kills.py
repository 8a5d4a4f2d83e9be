"""Goal: a server that is killed loses no settled charge and books nothing twice, and what it had reserved comes free.

Method: AUTARK_KILLS times kill -9 at a random moment while clients send requests; then the server starts again. Every
answer whose end was read has its line, with its tokens; what was under way is booked once, as lost, at the latest when the
dead server's lease is over.
"""
import contextlib
import http.client
import os
import random
import threading
import time
import unittest

from mixed_requests import Mix
from platform_program import Platform, Server, chat

KILLS = int(os.environ.get("AUTARK_KILLS", "10"))


class KillsTest(unittest.TestCase):
    def load(self, server, secrets, told, stop, seed):
        mix, dice = Mix(server, secrets), random.Random(seed)
        while not stop.is_set():
            with contextlib.suppress(OSError, http.client.HTTPException, IndexError, KeyError, ValueError, StopIteration):
                told += mix.one(dice.random())

    def killed(self, platform, secrets, told, dice):
        server, stop = Server(platform), threading.Event()
        threads = [threading.Thread(target=self.load, args=(server, secrets, told, stop, dice.random())) for _ in range(4)]
        for t in threads:
            t.start()
        time.sleep(dice.uniform(0.2, 1.5))
        server.kill()
        stop.set()
        for t in threads:
            t.join(60)
        server.process.stdout.close()
        server.log.close()

    def test_kills(self):
        platform, told, dice = self.enterContext(Platform()), [], random.Random(1)
        platform.prices()
        secrets = [platform.key("ada", "--concurrency", "64")[1], platform.key("bo")[1]]
        for _ in range(KILLS):
            self.killed(platform, secrets, told, dice)
        with Server(platform) as server:
            self.assertEqual(server.post(secrets[0], "/v1/chat/completions", chat()).status, 200)
            until = time.monotonic() + 60
            while platform.rows("SELECT 1 FROM reservation LIMIT 1") and time.monotonic() < until:
                time.sleep(0.2)
            self.assertEqual(platform.rows("SELECT count(*) FROM reservation"), [(0,)])
            self.check(platform, told)

    def check(self, platform, told):
        lines = {}
        for id, *tokens in platform.rows("SELECT id, input, cached, cache_write, output + reasoning, outcome FROM usage"):
            self.assertNotIn(id, lines, "booked twice")
            lines[id] = tokens
        whole = [t for t in told if t.whole]
        self.assertGreater(len(whole), KILLS)
        for t in whole:
            self.assertIn(t.id, lines, "a settled charge is lost")
            input, cached, written, answer, outcome = lines[t.id]
            self.assertEqual((input + cached + written, cached, answer, outcome),
                             (t.tokens[0], t.tokens[1], t.tokens[3], "complete"))
        self.assertIn("add up", platform.told("platform", "audit"))
        lost = sum(line[4] == "lost" for line in lines.values())
        print(f"platform: {KILLS} kills, {len(whole)} settled charges, {lost} booked as lost", flush=True)


if __name__ == "__main__":
    unittest.main()
