"""Goal: what every route answers is what the models of the official packages describe.

Method: raw answers, whole and streamed, are validated strictly; see strict.py.
"""
import json
import typing
import unittest
import urllib.error
import urllib.request

import anthropic.types as messages
import openai.types as common
import openai.types.chat as chat
import openai.types.responses as responses
from openai.pagination import SyncPage

from program import KEY, served
from strict import validated
from workplace import PARAMETERS, TASK, schema

FUNCTIONS = [{"type": "function", "function": {"name": n, "parameters": schema(n)}} for n in PARAMETERS]
FLAT = [{"type": "function", "name": n, "parameters": schema(n), "strict": False} for n in PARAMETERS]
CLIENT_TOOLS = [{"name": n, "input_schema": schema(n)} for n in PARAMETERS]
USER = [{"role": "user", "content": TASK}]
LATER = [*USER, *({"role": "assistant", "content": "ok"}, {"role": "user", "content": "go on"}) * 16]  # the turn that thinks
OBJECT = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"], "additionalProperties": False}


class Logprobs(common.completion_choice.Logprobs):
    """The first token of a prompt has no log-probability: the field is null there, which the package's model leaves out."""

    token_logprobs: list[float | None] | None = None
    top_logprobs: list[dict[str, float] | None] | None = None


class CompletionChoice(common.CompletionChoice):
    """A choice that goes on has the finish reason null, which the package's model leaves out."""

    finish_reason: typing.Literal["stop", "length", "content_filter"] | None
    logprobs: Logprobs | None = None


class Completion(common.Completion):
    choices: list[CompletionChoice]


class Compaction(responses.CompactedResponse):
    """The user's messages are output items there, which the package's model leaves out."""

    output: list[responses.ResponseInputMessageItem | responses.ResponseCompactionItem]


class Server:
    def __init__(self, url):
        self.url = url

    def ask(self, path, body=None, headers=None, method=None):
        """(status, raw body)"""
        request = urllib.request.Request(self.url + path, method=method, headers={
            "authorization": "Bearer " + KEY, "content-type": "application/json", **(headers or {})},
            data=None if body is None else json.dumps({"model": "model", **body}).encode())
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def whole(self, kind, path, body=None, **more):
        status, raw = self.ask(path, body, **more)
        if status != 200:
            raise AssertionError(f"{path}: {status} {raw[:500]}")
        return validated(kind, raw)

    def events(self, kind, path, body, **more):
        """The validated events of a stream."""
        status, raw = self.ask(path, {**body, "stream": True}, **more)
        if status != 200:
            raise AssertionError(f"{path}: {status} {raw[:500]}")
        data = [line[6:] for line in raw.decode().split("\n") if line.startswith("data: ")]
        return [validated(kind, d) for d in data if d != "[DONE]" and json.loads(d).get("type") != "ping"]


CHAT = {
    "plain": {"messages": USER},
    "tools": {"messages": USER, "tools": FUNCTIONS},
    "forced": {"messages": USER, "tools": FUNCTIONS, "tool_choice": "required", "max_tokens": 60},
    "reasoning": {"messages": LATER, "tools": FUNCTIONS},
    "choices": {"messages": USER, "n": 3, "max_tokens": 3},
    "log-probabilities": {"messages": USER, "logprobs": True, "top_logprobs": 3, "max_tokens": 3},
    "length": {"messages": USER, "max_tokens": 1},
    "stop": {"messages": USER, "stop": ["around"]},
    "structure": {"messages": USER, "max_tokens": 20,
                  "response_format": {"type": "json_schema", "json_schema": {"name": "a", "strict": True, "schema": OBJECT}}},
    "json mode": {"messages": USER, "max_tokens": 10, "response_format": {"type": "json_object"}},
    "system messages": {"messages": [{"role": "developer", "content": "Be brief."}, *USER]},
    "diagnostics": {"messages": USER, "cache_diagnostics": True},
}
COMPLETIONS = {
    "plain": {"prompt": "ls", "max_tokens": 4},
    "many": {"prompt": ["a", "b"], "max_tokens": 2, "n": 2},
    "ids": {"prompt": [[1, 2, 3]], "max_tokens": 2},
    "echo": {"prompt": "ab", "echo": True, "logprobs": 2, "max_tokens": 2},
}
RESPONSES = {
    "plain": {"input": TASK},
    "tools": {"input": TASK, "tools": FLAT},
    "reasoning": {"input": LATER, "tools": FLAT, "include": ["reasoning.encrypted_content"]},
    "length": {"input": TASK, "max_output_tokens": 16, "instructions": "Be brief."},
    "stateless": {"input": TASK, "store": False},
    "structure": {"input": TASK, "max_output_tokens": 20,
                  "text": {"format": {"type": "json_schema", "name": "a", "strict": True, "schema": OBJECT}}},
    "log-probabilities": {"input": TASK, "include": ["message.output_text.logprobs"], "top_logprobs": 2},
    "metadata": {"input": TASK, "metadata": {"a": "b"}, "user": "u", "temperature": 0.5, "top_p": 0.5},
}
MESSAGES = {
    "plain": {"messages": USER, "max_tokens": 30},
    "tools": {"messages": USER, "max_tokens": 100, "tools": CLIENT_TOOLS},
    "reasoning": {"messages": LATER, "max_tokens": 300, "tools": CLIENT_TOOLS, "thinking": {"type": "enabled", "budget_tokens": 1024}},
    "stop": {"messages": USER, "max_tokens": 30, "stop_sequences": ["around"]},
    "system": {"messages": USER, "max_tokens": 30, "system": [{"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}]},
    "structure": {"messages": USER, "max_tokens": 20, "output_config": {"format": {"type": "json_schema", "schema": OBJECT}}},
}
VERSION = {"headers": {"anthropic-version": "2026-10-21"}}


class AnswersTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(cls.enterClassContext(served("session-model")))

    def each(self, cases, check):
        for name, body in cases.items():
            with self.subTest(name):
                check(body)

    def test_chat(self):
        self.each(CHAT, lambda body: self.server.whole(chat.ChatCompletion, "/v1/chat/completions", body))
        self.each(CHAT, lambda body: self.server.events(chat.ChatCompletionChunk, "/v1/chat/completions",
                                                        {**body, "stream_options": {"include_usage": True}}))

    def test_completions(self):
        self.each(COMPLETIONS, lambda body: self.server.whole(Completion, "/v1/completions", body))
        self.each(COMPLETIONS, lambda body: self.server.events(Completion, "/v1/completions", body))

    def test_responses(self):
        self.each(RESPONSES, lambda body: self.server.whole(responses.Response, "/v1/responses", body))
        self.each(RESPONSES, lambda body: self.server.events(responses.ResponseStreamEvent, "/v1/responses", body))

    def test_kept_responses(self):
        first = self.server.whole(responses.Response, "/v1/responses", {"input": TASK})
        place = f"/v1/responses/{first.id}"
        self.assertEqual(self.server.whole(responses.Response, place), first)
        self.server.whole(responses.Response, "/v1/responses", {"input": "On.", "previous_response_id": first.id})
        self.server.whole(responses.response_item_list.ResponseItemList, place + "/input_items")
        self.server.whole(Compaction, "/v1/responses/compact", {"input": USER})
        waiting = self.server.whole(responses.Response, "/v1/responses", {"input": TASK, "background": True})
        self.server.whole(responses.Response, f"/v1/responses/{waiting.id}/cancel", {})

    def test_messages(self):
        self.each(MESSAGES, lambda body: self.server.whole(messages.Message, "/v1/messages", body, **VERSION))
        self.each(MESSAGES, lambda body: self.server.events(messages.RawMessageStreamEvent, "/v1/messages", body, **VERSION))
        self.server.whole(messages.MessageTokensCount, "/v1/messages/count_tokens", {"messages": USER}, **VERSION)

    def test_models(self):
        self.server.whole(SyncPage[common.Model], "/v1/models")
        self.server.whole(common.Model, "/v1/models/model")
        self.server.whole(messages.ModelInfo, "/v1/models/model", **VERSION)

    def test_errors(self):
        wrong = {"/v1/chat/completions": {"messages": 5}, "/v1/completions": {"prompt": {}}, "/v1/responses": {"input": 5}}
        for path, body in wrong.items():
            status, raw = self.server.ask(path, body)
            self.assertEqual(status, 400, path)
            self.assertEqual(list(json.loads(raw)), ["error"])
            validated(common.shared.ErrorObject, json.dumps(json.loads(raw)["error"]))
        status, raw = self.server.ask("/v1/messages", {"messages": 5}, **VERSION)
        self.assertEqual(status, 400)
        validated(messages.ErrorResponse, raw)


if __name__ == "__main__":
    unittest.main()
