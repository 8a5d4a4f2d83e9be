"""One streamed request: when its tokens came and what its usage said, for all wire formats."""
import http.client
import json
import time
import urllib.parse
from dataclasses import dataclass, field


@dataclass
class Answer:
    session: str
    turn: int
    sent: float  # seconds since the start of the run
    status: int = 0
    error: str = ""
    tokens: list = field(default_factory=list)  # seconds after `sent` of each event with text
    seconds: float = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    cache: dict = field(default_factory=dict)  # usage.prompt_cache, if the server has it

    def ok(self):
        return self.status == 200 and not self.error

    def first(self):
        """Seconds to the first token; of an answer without text, to its end."""
        return self.tokens[0] if self.tokens else self.seconds

    def gaps(self):
        return [b - a for a, b in zip(self.tokens, self.tokens[1:])]


def _carries_text(event):
    kind = event.get("type", "")
    if kind:  # Messages and Responses
        return kind == "content_block_delta" or (kind.startswith("response.") and kind.endswith(".delta"))
    choices = event.get("choices") or []
    delta = choices[0].get("delta", choices[0]) if choices else {}
    return any(delta.get(k) for k in ("content", "reasoning_content", "reasoning", "tool_calls", "text"))


def _take_usage(answer, usage):
    """Messages counts cached tokens beside `input_tokens`; the OpenAI forms count them within."""
    get = lambda k: usage.get(k) or 0  # noqa: E731
    if "cache_read_input_tokens" in usage:
        answer.cached_tokens = get("cache_read_input_tokens")
        answer.prompt_tokens = get("input_tokens") + answer.cached_tokens + get("cache_creation_input_tokens")
    elif "prompt_tokens" in usage or "input_tokens" in usage:
        details = usage.get("prompt_tokens_details") or usage.get("input_tokens_details") or {}
        answer.prompt_tokens = get("prompt_tokens") or get("input_tokens")
        answer.cached_tokens = details.get("cached_tokens") or 0
    answer.completion_tokens = get("completion_tokens") or get("output_tokens") or answer.completion_tokens
    answer.cache = usage.get("prompt_cache") or answer.cache


def _take(answer, event, now):
    if _carries_text(event):
        answer.tokens.append(now)
    if event.get("error"):
        answer.error = str(event["error"])[:200]
    for holder in (event, event.get("message") or {}, event.get("response") or {}):
        if holder.get("usage"):
            _take_usage(answer, holder["usage"])


def ask(base, request, key, turn, start, timeout):
    """Sends one line of a trace to `base` and reads its stream to the end. Never raises for what a server does."""
    url = urllib.parse.urlsplit(base)
    kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
    headers = {"content-type": "application/json", "authorization": f"Bearer {key}"} | request["headers"]
    answer = Answer(request["session"], turn, time.monotonic() - start)
    sent = time.monotonic()
    try:
        connection = kind(url.hostname, url.port, timeout=timeout)
        connection.request("POST", url.path.rstrip("/") + request["path"], json.dumps(request["body"]), headers)
        response = connection.getresponse()
        answer.status = response.status
        if response.status != 200:
            answer.error = response.read(400).decode(errors="replace")
        for line in response if response.status == 200 else ():
            if line.startswith(b"data:") and line[5:].strip() != b"[DONE]":
                _take(answer, json.loads(line[5:]), time.monotonic() - sent)
        connection.close()
    except (OSError, ValueError, http.client.HTTPException) as e:
        answer.error = f"{type(e).__name__}: {e}"
    answer.seconds = time.monotonic() - sent
    return answer
