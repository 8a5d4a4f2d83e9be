"""Goal: the official Python clients and LangChain finish a session of 20 turns with tools, and do every call once.

Method: each client has a loop as its users write it. What the tools were asked, and what the model said, must be the
session's. Cut streams must raise an error in the client; the turn is then repeated.
"""
import json
import unittest

import anthropic
import httpx
import httpx2
import openai
from langchain_anthropic import ChatAnthropic
from langchain_openai import ChatOpenAI

from program import KEY, cut, served
from workplace import PARAMETERS, SESSION, TASK, Workplace, expected_calls, expected_texts, schema

FUNCTIONS = [{"type": "function", "function": {"name": n, "parameters": schema(n)}} for n in PARAMETERS]
FLAT = [{"type": "function", "name": n, "parameters": schema(n), "strict": False} for n in PARAMETERS]
CLIENT_TOOLS = [{"name": n, "input_schema": schema(n)} for n in PARAMETERS]


def openai_client(url):
    return openai.OpenAI(base_url=url + "/v1", api_key=KEY, max_retries=0)


def anthropic_client(url):
    return anthropic.Anthropic(base_url=url, api_key=KEY, max_retries=0)


class Chat:
    """Chat Completions by the openai package."""

    def __init__(self, url, streamed):
        self.client, self.streamed = openai_client(url), streamed
        self.messages = [{"role": "user", "content": TASK}]

    def answer(self):
        asked = {"model": "model", "messages": self.messages, "tools": FUNCTIONS, "temperature": 0}
        if not self.streamed:
            return self.client.chat.completions.create(**asked).choices[0]
        with self.client.chat.completions.stream(**asked) as stream:
            return stream.get_final_completion().choices[0]

    def turn(self, place):
        choice = self.answer()
        message = choice.message
        self.messages.append(message.model_dump(exclude_none=True))
        for c in message.tool_calls or []:
            result = place.run(c.function.name, json.loads(c.function.arguments))
            self.messages.append({"role": "tool", "tool_call_id": c.id, "content": result})
        return message.content or "", choice.finish_reason == "stop"


class Responses:
    """Responses by the openai package, stateless: all items are sent again."""

    def __init__(self, url, streamed):
        self.client, self.streamed = openai_client(url), streamed
        self.input = [{"role": "user", "content": TASK}]

    def ask(self, **asked):
        asked = {"model": "model", "tools": FLAT, "temperature": 0, **asked}
        if not self.streamed:
            return self.client.responses.create(**asked)
        with self.client.responses.stream(**asked) as stream:
            return stream.get_final_response()

    def answer(self):
        answer = self.ask(input=self.input, store=False, include=["reasoning.encrypted_content"])
        self.input += [item.model_dump(exclude_none=True) for item in answer.output]
        return answer

    def bring(self, results):
        self.input += results

    def turn(self, place):
        answer = self.answer()
        calls = [item for item in answer.output if item.type == "function_call"]
        self.bring([{"type": "function_call_output", "call_id": c.call_id, "output": place.run(c.name, json.loads(c.arguments))}
                    for c in calls])
        return answer.output_text, not calls


class StoredResponses(Responses):
    """Responses by the openai package; the server keeps what was said."""

    def __init__(self, url, streamed):
        super().__init__(url, streamed)
        self.previous = openai.NOT_GIVEN

    def answer(self):
        answer = self.ask(input=self.input, previous_response_id=self.previous)
        self.previous = answer.id
        return answer

    def bring(self, results):
        self.input = results


class Messages:
    """Messages by the anthropic package."""

    def __init__(self, url, streamed):
        self.client, self.streamed = anthropic_client(url), streamed
        self.messages = [{"role": "user", "content": TASK}]

    def answer(self):
        asked = {"model": "model", "messages": self.messages, "tools": CLIENT_TOOLS, "max_tokens": 4000}
        if not self.streamed:
            return self.client.messages.create(**asked)
        with self.client.messages.stream(**asked) as stream:
            return stream.get_final_message()

    def turn(self, place):
        answer = self.answer()
        self.messages.append({"role": "assistant", "content": [b.model_dump(exclude_none=True) for b in answer.content]})
        results = [{"type": "tool_result", "tool_use_id": b.id, "content": place.run(b.name, b.input)}
                   for b in answer.content if b.type == "tool_use"]
        if results:
            self.messages.append({"role": "user", "content": results})
        return "".join(b.text for b in answer.content if b.type == "text"), answer.stop_reason == "end_turn"


class LangChain:
    """A chat model of LangChain, bound to the tools."""

    def __init__(self, model, streamed):
        self.model, self.streamed = model.bind_tools(FUNCTIONS), streamed
        self.messages = [("user", TASK)]

    def answer(self):
        if not self.streamed:
            return self.model.invoke(self.messages)
        whole = None
        for chunk in self.model.stream(self.messages):
            whole = chunk if whole is None else whole + chunk
        return whole

    def turn(self, place):
        answer = self.answer()
        self.messages.append(answer)
        for c in answer.tool_calls:
            self.messages.append({"role": "tool", "tool_call_id": c["id"], "content": place.run(c["name"], c["args"])})
        return answer.text, not answer.tool_calls


def langchain_openai(url, streamed):
    return LangChain(ChatOpenAI(base_url=url + "/v1", api_key=KEY, model="model", max_retries=0, temperature=0), streamed)


def langchain_responses(url, streamed):
    return LangChain(ChatOpenAI(base_url=url + "/v1", api_key=KEY, model="model", max_retries=0, temperature=0,
                                use_responses_api=True), streamed)


def langchain_anthropic(url, streamed):
    return LangChain(ChatAnthropic(base_url=url, api_key=KEY, model="model", max_retries=0, max_tokens=4000), streamed)


def play(client, turns):
    """Plays the session up to `turns`. A turn whose stream breaks is repeated; the number of repetitions is returned, too."""
    place, texts, broken, ended = Workplace(), [], 0, False
    while not ended and len(texts) < turns:
        try:
            text, ended = client.turn(place)
            texts.append(text)
        except (openai.OpenAIError, anthropic.AnthropicError, httpx.TransportError, httpx2.TransportError):
            broken += 1
            if broken > 3:
                raise
    return place.calls, [t.strip() for t in texts], broken


CLIENTS = [Chat, Responses, StoredResponses, Messages, langchain_openai, langchain_responses, langchain_anthropic]
CUTS = [(1, "before"), (1, "inside"), (1, "after"), (2, "inside"), (3, "after"), (5, "inside"), (8, "before"), (11, "inside"),
        (13, "after"), (15, "inside")]


class SessionTest(unittest.TestCase):
    maxDiff = 4000

    @classmethod
    def setUpClass(cls):
        cls.url = cls.enterClassContext(served("session-model"))

    def check(self, client, turns=len(SESSION), broken=0):
        calls, texts, seen = play(client, turns)
        self.assertEqual(calls, expected_calls(turns))
        self.assertEqual(texts, expected_texts(turns))
        self.assertEqual(seen, broken)

    def test_whole_answers(self):
        for make in CLIENTS:
            with self.subTest(make.__name__):
                self.check(make(self.url, streamed=False))

    def test_streams(self):
        for make in CLIENTS:
            with self.subTest(make.__name__):
                self.check(make(self.url, streamed=True))

    def test_cut_streams(self):
        for make in (Chat, Responses, Messages):
            for event, where in CUTS:
                with self.subTest(client=make.__name__, event=event, where=where), cut(self.url, event, where) as url:
                    self.check(make(url, streamed=True), turns=3, broken=1)


if __name__ == "__main__":
    unittest.main()
