"""Goal: LiteLLM finishes the session over Chat, Responses and Messages, and does every call once.

Method: its library with the loop that its users write; what the tools were asked must be the session's.
"""
import json
import os
import unittest

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # no table of prices from elsewhere
import httpx
import litellm
import openai

from player import ChatLoop, SessionCase
from program import KEY
from workplace import FLAT, FUNCTIONS, TASK

litellm.suppress_debug_info = True


class Completion(ChatLoop):
    """`completion` with a provider's wire: Chat or Messages."""

    def __init__(self, model, base, streamed):
        self.asked = {"model": model, "api_base": base, "api_key": KEY, "tools": FUNCTIONS, "max_tokens": 4000, "num_retries": 0}
        self.streamed, self.messages = streamed, [{"role": "user", "content": TASK}]

    def answer(self):
        if not self.streamed:
            return litellm.completion(messages=self.messages, **self.asked).choices[0]
        chunks = list(litellm.completion(messages=self.messages, stream=True, **self.asked))
        return litellm.stream_chunk_builder(chunks, messages=self.messages).choices[0]


class Responses:
    """`responses`, stateless."""

    def __init__(self, base, streamed):
        self.asked = {"model": "openai/model", "api_base": base, "api_key": KEY, "tools": FLAT, "store": False, "num_retries": 0}
        self.streamed, self.input = streamed, [{"role": "user", "content": TASK}]

    def answer(self):
        if not self.streamed:
            return litellm.responses(input=self.input, **self.asked)
        ends = [e.response for e in litellm.responses(input=self.input, stream=True, **self.asked) if e.type == "response.completed"]
        if not ends:
            raise httpx.RemoteProtocolError("the stream ended early")
        return ends[0]

    def turn(self, place):
        items = [item if isinstance(item, dict) else item.model_dump(exclude_none=True) for item in self.answer().output]
        calls = [item for item in items if item["type"] == "function_call"]
        self.input += items
        self.input += [{"type": "function_call_output", "call_id": c["call_id"],
                        "output": place.run(c["name"], json.loads(c["arguments"]))} for c in calls]
        return "".join(p["text"] for item in items if item["type"] == "message" for p in item["content"]), not calls


def litellm_openai(url, streamed):
    return Completion("openai/model", url + "/v1", streamed)


def litellm_responses(url, streamed):
    return Responses(url + "/v1", streamed)


def litellm_anthropic(url, streamed):
    return Completion("anthropic/model", url, streamed)


CLIENTS = [litellm_openai, litellm_responses, litellm_anthropic]


class LiteLLMTest(SessionCase):
    errors = openai.OpenAIError, httpx.TransportError

    def test_whole_answers(self):
        for make in CLIENTS:
            self.check_whole(make, streamed=False)

    def test_streams(self):
        for make in CLIENTS:
            self.check_whole(make, streamed=True)

    def test_cut_streams(self):
        for make in (litellm_openai, litellm_anthropic):  # of Responses, LiteLLM asks whole answers of models that it does not know
            self.check_cut(make)


if __name__ == "__main__":
    unittest.main()
