"""Goal: the six kinds of requests that Open Responses asks of a server: basic, streaming, system prompt, tools, multi-turn
and previous_response_id.

Method: raw answers, validated strictly (strict.py). The order of a stream's events is checked against a grammar of it: what
opens is closed in turn, numbers have no gap, and the deltas join to what the last event's response has.
"""
import json
import unittest

import openai.types.responses as responses

from plain_client import PlainClient
from program import served
from strict import validated
from workplace import FLAT, SESSION, TASK

PATH = "/v1/responses"
ENDS = ("response.completed", "response.incomplete")
FIRST = SESSION[0]


def message(role, text):
    return {"type": "message", "role": role, "content": [{"type": "input_text", "text": text}]}


class OpenResponsesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = PlainClient(cls.enterClassContext(served("session-model")))

    def answer(self, **body):
        return validated(responses.Response, self.server.answered(PATH, body))

    def events(self, **body):
        return [validated(responses.ResponseStreamEvent, text) for text in self.server.streamed(PATH, body)]

    def check_message(self, item, text):
        self.assertEqual((item.type, item.role, item.status), ("message", "assistant", "completed"))
        self.assertEqual([part.type for part in item.content], ["output_text"])
        self.assertTrue(item.content[0].text.startswith(text), item.content[0].text)

    def test_basic(self):
        answer = self.answer(input=[message("user", TASK)])
        self.assertEqual((answer.object, answer.status, answer.error), ("response", "completed", None))
        self.check_message(answer.output[0], FIRST["text"])
        self.assertEqual(answer.usage.total_tokens, answer.usage.input_tokens + answer.usage.output_tokens)

    def test_streaming(self):
        for tools in ([], FLAT):
            with self.subTest(tools=len(tools)):
                self.check_stream(self.events(input=[message("user", TASK)], tools=tools))

    def check_stream(self, events):
        kinds = [e.type for e in events]
        self.assertEqual([e.sequence_number for e in events], list(range(len(events))))
        self.assertEqual(kinds[:2], ["response.created", "response.in_progress"])
        self.assertIn(kinds[-1], ENDS)
        rest = list(reversed(events[2:-1]))
        items = []
        while rest:
            items.append(self.take_item(rest, len(items)))
        self.assertEqual(items, events[-1].response.output)

    def take_item(self, rest, index):
        """One item: added, its part or arguments, done. The item that ended."""
        added = self.take(rest, "response.output_item.added", output_index=index)
        self.assertEqual(added.item.status, "in_progress")
        take = self.take_text if added.item.type == "message" else self.take_arguments
        joined = take(rest, {"output_index": index, "item_id": added.item.id})
        done = self.take(rest, "response.output_item.done", output_index=index).item
        self.assertEqual((done.id, done.status), (added.item.id, "completed"))
        self.assertEqual(joined, done.content[0].text if done.type == "message" else done.arguments)
        return done

    def take_text(self, rest, place):
        place = {**place, "content_index": 0}
        self.assertEqual(self.take(rest, "response.content_part.added", **place).part.text, "")
        joined = self.take_deltas(rest, "response.output_text.delta", place)
        self.assertEqual(self.take(rest, "response.output_text.done", **place).text, joined)
        self.assertEqual(self.take(rest, "response.content_part.done", **place).part.text, joined)
        return joined

    def take_arguments(self, rest, place):
        joined = self.take_deltas(rest, "response.function_call_arguments.delta", place)
        self.assertEqual(self.take(rest, "response.function_call_arguments.done", **place).arguments, joined)
        return joined

    def take_deltas(self, rest, kind, place):
        joined = ""
        while rest and rest[-1].type == kind:
            joined += self.take(rest, kind, **place).delta
        self.assertNotEqual(joined, "")
        return joined

    def take(self, rest, kind, **place):
        event = rest.pop()
        self.assertEqual(event.type, kind)
        self.assertEqual({name: getattr(event, name) for name in place}, place)
        return event

    def test_system_prompt(self):
        plain = self.answer(input=[message("user", TASK)])
        told = self.answer(input=[message("system", "Be brief."), message("user", TASK)])
        instructed = self.answer(input=[message("user", TASK)], instructions="Be brief.")
        self.assertGreater(told.usage.input_tokens, plain.usage.input_tokens)
        self.assertEqual(told.usage.input_tokens, instructed.usage.input_tokens)
        self.assertEqual(instructed.instructions, "Be brief.")

    def test_tools(self):
        answer = self.answer(input=[message("user", TASK)], tools=FLAT)
        calls = [item for item in answer.output if item.type == "function_call"]
        self.assertEqual([{"name": c.name, "input": json.loads(c.arguments)} for c in calls], FIRST["calls"])
        self.assertTrue(all(c.call_id and c.status == "completed" for c in calls))
        self.assertEqual([t.name for t in answer.tools], [t["name"] for t in FLAT])

    def test_multi_turn(self):
        said = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "ok", "annotations": []}]}
        turn = [said, message("user", "go on")]
        self.check_message(self.answer(input=[message("user", TASK), *turn * 2]).output[0], SESSION[2]["text"])

    def test_previous_response_id(self):
        first = self.answer(input=[message("user", TASK)], tools=FLAT)
        results = [{"type": "function_call_output", "call_id": c.call_id, "output": "done"}
                   for c in first.output if c.type == "function_call"]
        chained = self.answer(input=results, previous_response_id=first.id, tools=FLAT)
        told = self.answer(input=[message("user", TASK), *(i.model_dump(exclude_none=True) for i in first.output), *results],
                           tools=FLAT)
        self.assertEqual(chained.previous_response_id, first.id)
        self.assertEqual(chained.usage.input_tokens, told.usage.input_tokens)
        calls = [i for i in chained.output if i.type == "function_call"]
        self.assertEqual([{"name": c.name, "input": json.loads(c.arguments)} for c in calls], SESSION[1]["calls"])


if __name__ == "__main__":
    unittest.main()
