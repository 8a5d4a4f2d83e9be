"""Plays the session with a client, whole and with streams that are cut."""
import json
import os
import time
import unittest

from program import cut, served
from workplace import SESSION, Workplace, expected_calls, expected_texts

LONG = bool(os.environ.get("AUTARK_LONG"))  # cuts the stream of each turn of whole sessions, with every client
CUTS = [(1, "before"), (1, "inside"), (1, "after"), (2, "inside"), (3, "after"), (5, "inside"), (8, "before"), (11, "inside"),
        (13, "after"), (15, "inside")]  # of the first stream
# Sessions in which each turn's stream is cut once, each some events later than the one before.
EACH = [(1, where, "--times", "20", "--pass", "1", "--step", step)
        for where, step in (("inside", "1"), ("before", "2"), ("after", "3"), ("after", "1"))]
SECONDS = 240  # for a session in which the stream of each turn is cut


def play(client, turns, errors):
    """Plays the session up to `turns`. A turn whose stream breaks is repeated; the number of repetitions is returned, too."""
    place, texts, broken, ended = Workplace(), [], 0, False
    while not ended and len(texts) < turns:
        try:
            text, ended = client.turn(place)
            texts.append(text)
        except errors:
            broken += 1
            if broken > 3 * turns:
                raise
    return place.calls, [t.strip() for t in texts], broken


class ChatLoop:
    """The loop that users of Chat write: `answer()` asks with `messages` and returns the choice."""

    def turn(self, place):
        choice = self.answer()
        message = choice.message
        self.messages.append(message.model_dump(exclude_none=True))
        for c in message.tool_calls or []:
            result = place.run(c.function.name, json.loads(c.function.arguments))
            self.messages.append({"role": "tool", "tool_call_id": c.id, "content": result})
        return message.content or "", choice.finish_reason == "stop"


class SessionCase(unittest.TestCase):
    """Base of the tests of clients. A client is made by `make(url, streamed)`; `errors` are what it raises for a broken stream."""
    maxDiff = 4000
    errors = ()

    @classmethod
    def setUpClass(cls):
        cls.url = cls.enterClassContext(served("session-model"))

    def check(self, make, url, streamed, turns=len(SESSION)):
        """The number of turns that were repeated, and the seconds."""
        begun = time.monotonic()
        calls, texts, broken = play(make(url, streamed), turns, self.errors)
        self.assertEqual(calls, expected_calls(turns))
        self.assertEqual(texts, expected_texts(turns))
        return broken, time.monotonic() - begun

    def check_whole(self, make, streamed):
        with self.subTest(make.__name__):
            broken, seconds = self.check(make, self.url, streamed)
            self.assertEqual(broken, 0)
            if LONG:
                print(f"{make.__name__}, {'streams' if streamed else 'whole answers'}: {seconds:.1f} s", flush=True)

    def check_cut(self, make):
        """Sessions with cut streams: of three turns with one cut, or of all turns with a cut in each."""
        for place in EACH if LONG else CUTS:
            cuts = []
            with self.subTest(client=make.__name__, cut=place):
                with cut(self.url, *place, cuts=cuts) as url:
                    broken, seconds = self.check(make, url, True, len(SESSION) if LONG else 3)
                self.assertGreater(broken, 0)
                self.assertLessEqual(broken, len(cuts))
                if LONG:
                    self.assertGreaterEqual(len(cuts), 5)
                    self.assertLess(seconds, SECONDS)
                    print(f"{make.__name__}, cut {place[1]} events {cuts}: {broken} repeated; {seconds:.1f} s", flush=True)
