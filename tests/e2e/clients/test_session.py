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

from player import LONG, ChatLoop, SessionCase
from program import KEY
from workplace import CLIENT_TOOLS, FLAT, FUNCTIONS, TASK


def openai_client(url):
    return openai.OpenAI(base_url=url + "/v1", api_key=KEY, max_retries=0)


def anthropic_client(url):
    return anthropic.Anthropic(base_url=url, api_key=KEY, max_retries=0)


class Chat(ChatLoop):
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


CLIENTS = [Chat, Responses, StoredResponses, Messages, langchain_openai, langchain_responses, langchain_anthropic]


class SessionTest(SessionCase):
    errors = openai.OpenAIError, anthropic.AnthropicError, httpx.TransportError, httpx2.TransportError

    def test_whole_answers(self):
        for make in CLIENTS:
            self.check_whole(make, streamed=False)

    def test_streams(self):
        for make in CLIENTS:
            self.check_whole(make, streamed=True)

    def test_cut_streams(self):
        for make in CLIENTS if LONG else (Chat, Responses, Messages):
            self.check_cut(make)


if __name__ == "__main__":
    unittest.main()
