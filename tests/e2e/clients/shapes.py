"""The requests of the clients that people use, as these build them: fields, order of turns, oddities. The contents are our
own. A row of REQUESTS is (client, what it asks, method, path, headers, body)."""
import json

from workplace import CLIENT_TOOLS, FLAT, FUNCTIONS, TASK

TRIP = {"type": "object", "properties": {"city": {"type": "string", "enum": ["Ulm", "Bern"]}, "days": {"type": "integer", "minimum": 1}},
        "required": ["city", "days"], "additionalProperties": False}
TITLED = {**TRIP, "title": "Trip", "properties": {n: {**p, "title": n.title()} for n, p in TRIP["properties"].items()}}
UUID = "00000000-0000-4000-8000-00000000000"

# Keywords that agents use in the parameters of their tools.
ODD = {"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "required": ["text"], "additionalProperties": False, "properties": {
    "text": {"type": ["string", "null"], "minLength": 1, "maxLength": 524288, "description": "A text"},
    "turns": {"oneOf": [{"type": "string", "enum": ["all"]}, {"type": "string", "pattern": "^[1-9][0-9]*$"}]},
    "wait": {"type": "integer", "minimum": -9007199254740991, "exclusiveMinimum": 0, "maximum": 9007199254740991, "default": 5},
    "marks": {"type": "array", "items": {"type": "string", "enum": ["nit", "important"]}, "maxItems": 32},
    "where": {"type": "string", "pattern": "^wf_[a-z0-9-]{6,}$", "maxLength": 60}}}

# What was done when a request is sent: (text, [(tool, arguments as JSON, result, whether it failed)])
LOOK = ("I look.", [("run_command", '{"line":"ls"}', "README.md\nsrc", False)])
READ = ("", [("read_file", '{"path":"README.md"}', "größe 漢字 😀\n", False)])
BOTH = ("Two at once:", [("read_file", '{"path":"a"}', "A", False), ("read_file", '{"path":"b"}', "B", False)])
FAIL = ("", [("run_command", '{"line":"exit 3"}', "exit status 3", True)])
LONG = ("Long.", [("run_command", '{"line":"seq 1 2000"}', "\n".join(map(str, range(2000))), False)])
MOMENTS = {"first": [], "after a call": [LOOK], "after two calls at once": [LOOK, READ, BOTH],
           "after a failed call": [LOOK, READ, BOTH, FAIL], "after a long result": [LOOK, LONG]}


def chat_turns(done, empty="", result=str, extra=lambda call: {}):
    """`empty`: the content of an answer that has calls only; `result`: the content of a tool's message."""
    n = 0
    for text, calls in done:
        ids = [f"call_{n + i:024x}" for i in range(len(calls))]
        n += len(calls)
        yield {"role": "assistant", "content": text or empty, "tool_calls": [
            {"id": i, "type": "function", "function": {"name": c[0], "arguments": c[1], **extra(c)}} for i, c in zip(ids, calls)]}
        yield from ({"role": "tool", "tool_call_id": i, "content": result(c[2])} for i, c in zip(ids, calls))


def message_turns(done, cached=False, errors=True, text_of=str):
    mark = {"cache_control": {"type": "ephemeral"}} if cached else {}
    n = 0
    for text, calls in done:
        ids = [f"toolu_{n + i:024x}" for i in range(len(calls))]
        n += len(calls)
        said = [{"type": "text", "text": text}] if text else []
        yield {"role": "assistant", "content": said + [
            {"type": "tool_use", "id": i, "name": c[0], "input": json.loads(c[1]), **mark} for i, c in zip(ids, calls)]}
        yield {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": i, "content": text_of(c[2]), **mark, **({"is_error": c[3]} if errors else {})}
            for i, c in zip(ids, calls)]}


def response_turns(done, item=lambda kind, n: {}, text=None):
    """`item`: further fields of an item; `text`: the item of an assistant's text."""
    n = 0
    for said, calls in done:
        n += 1
        if said:
            yield text(said, n) if text else {"role": "assistant", "content": [{"type": "output_text", "text": said}]}
        for i, c in enumerate(calls):
            yield {"type": "function_call", "call_id": f"call_{n}_{i}", "name": c[0], "arguments": c[1], **item("function_call", n * 10 + i)}
        for i, c in enumerate(calls):
            yield {"type": "function_call_output", "call_id": f"call_{n}_{i}", "output": c[2], **item("function_call_output", n * 10 + i)}


CHAT, COMPLETIONS, RESPONSES, MESSAGES = "/v1/chat/completions", "/v1/completions", "/v1/responses", "/v1/messages"
STREAM = {"stream": True, "stream_options": {"include_usage": True}}
USER = {"role": "user", "content": TASK}
HELLO = [{"role": "user", "content": "Hello."}]
JSON_SCHEMA = {"type": "json_schema", "json_schema": {"name": "trip", "strict": True, "schema": TRIP}}
OLD, NEW = {"anthropic-version": "2023-06-01"}, {"anthropic-version": "2026-10-21"}
REQUESTS = []


def add(client, what, path, body=None, headers=None, method="POST"):
    REQUESTS.append((client, what, method, path, headers or {}, body))


def each_moment(client, path, body_of, headers=None):
    for when, done in MOMENTS.items():
        add(client, when, path, body_of(done), headers)


def codex():
    headers = {"originator": "codex_exec", "session-id": UUID + "1", "thread-id": UUID + "2", "x-client-request-id": UUID + "3",
               "x-codex-window-id": UUID + "4:0", "x-codex-beta-features": "remote_compaction_v2", "x-codex-turn-metadata": '{"turn":1}'}
    function = {**FLAT[0], "name": "spawn", "description": "Another agent"}
    tools = [*FLAT, {"type": "namespace", "name": "agents", "description": "Agents", "tools": [function, {**function, "name": "wait"}]},
             {"type": "web_search", "external_web_access": True}]
    ids = {"function_call": "fc_", "function_call_output": "fco_"}

    def message(role, *texts, kind="input_text"):
        return {"type": "message", "id": "msg_" + UUID + "5", "role": role, "content": [{"type": kind, "text": t} for t in texts]}

    def said(text, n):
        part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
        return {"type": "message", "id": f"msg_{n}", "role": "assistant", "status": "completed", "content": [part]}

    def item(kind, n):
        return {"id": f"{ids[kind]}{n}", **({"status": "completed"} if kind == "function_call" else {})}

    each_moment("codex", RESPONSES, lambda done: {
        "stream": True, "store": False, "tools": tools, "tool_choice": "auto", "parallel_tool_calls": True, "reasoning": {"summary": "auto"},
        "include": ["reasoning.encrypted_content"], "prompt_cache_key": UUID + "6", "client_metadata": {"session_id": UUID + "1", "turn_id": "1"},
        "input": [message("developer", "Rules. " * 2000), message("developer", "<skills>none</skills>", "More."),
                  message("user", "<environment>here</environment>"), message("user", TASK), *response_turns(done, item, said)]}, headers)


def claude_code():
    headers = {**OLD, "anthropic-beta": "claude-code-20250219,interleaved-thinking-2025-05-14,future-thing-2026-08-01", "x-app": "cli",
               "anthropic-dangerous-direct-browser-access": "true", "X-Claude-Code-Session-Id": UUID + "1"}
    mark = {"cache_control": {"type": "ephemeral"}}
    tools = [*CLIENT_TOOLS, {"name": "Odd", "description": "Odd", "input_schema": ODD},
             {"name": "Later", "description": "Later", "input_schema": {"type": "object", "properties": {}}, "defer_loading": True}]
    system = [{"type": "text", "text": "x-anthropic-billing-header: cc_version=2.1.332; cc_entrypoint=cli;"},
              {"type": "text", "text": "You are an agent.", **mark}, {"type": "text", "text": "Rules. " * 500, **mark}]

    def body(done):
        about = "About this place. " * 100
        return {"max_tokens": 32000, "stream": True, "system": system, "tools": tools, "thinking": {"type": "adaptive", "display": "updates"},
                "metadata": {"user_id": '{"device_id":"d","account_uuid":"","session_id":"s"}'}, "output_config": {"effort": "high"},
                "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
                "messages": [{"role": "user", "content": [{"type": "text", "text": TASK}]},
                             {"role": "system", "content": about if done else [{"type": "text", "text": about, **mark}]},
                             *message_turns(done, cached=True, text_of=str.strip)]}
    each_moment("claude-code", MESSAGES + "?beta=true", body, headers)


def opencode():
    session = {"x-session-affinity": "ses_1", "x-session-id": "ses_1"}
    functions = [*FUNCTIONS, {"type": "function", "function": {"name": "odd", "description": "Odd", "parameters": ODD}}]
    title = [{"role": "system", "content": "You write titles."}, {"role": "user", "content": "A title for:"}, USER]
    add("opencode", "a title", CHAT, {"max_tokens": 8192, "messages": title, **STREAM}, session)
    each_moment("opencode", CHAT, lambda done: {
        "max_tokens": 8192, "messages": [title[0], USER, *chat_turns(done)], "tools": functions, "tool_choice": "auto", **STREAM}, session)
    mark = {"cache_control": {"type": "ephemeral"}}
    each_moment("opencode-anthropic", MESSAGES, lambda done: {
        "max_tokens": 8192, "stream": True, "system": [{"type": "text", "text": "Rules.", **mark}], "tool_choice": {"type": "auto"},
        "tools": [*CLIENT_TOOLS, {"name": "odd", "description": "Odd", "input_schema": ODD}],
        "messages": [{"role": "user", "content": [{"type": "text", "text": TASK, **mark}]}, *message_turns(done, cached=True, errors=False)]},
        {**session, **OLD})
    each_moment("opencode-openai", RESPONSES, lambda done: {
        "max_output_tokens": 8192, "store": False, "stream": True, "prompt_cache_key": "ses_1", "tools": FLAT, "tool_choice": "auto",
        "input": [{"role": "system", "content": "Rules."}, {"role": "user", "content": [{"type": "input_text", "text": TASK}]},
                  *response_turns(done)]}, session)


def qwen_code():
    parts = [{"type": "text", "text": t} for t in ("Context.", "Files.", "Date.", "More.", TASK)]
    bare = [{"type": "function", "function": {"name": n, "description": "No parameters"}} for n in ("get_goal", "list_agents")]
    tools = [*FUNCTIONS, *bare, {"type": "function", "function": {"name": "agent", "description": "Odd", "parameters": ODD}}]
    each_moment("qwen-code", CHAT, lambda done: {
        "max_tokens": 32000, "tools": tools, **STREAM, "messages": [
            {"role": "system", "content": "Rules. " * 4000}, {"role": "user", "content": parts},
            *chat_turns(done, empty=None, result=lambda text: [{"type": "text", "text": text}])]})


def aider():
    example = [{"role": "user", "content": "Change it."}, {"role": "assistant", "content": "a.py\n<<<<<<< SEARCH\nx\n=======\ny\n>>>>>>> REPLACE"}]
    add("aider", "an edit", CHAT, {"stream": True, "temperature": 0, "messages": [
        {"role": "system", "content": "Edit with blocks."}, *example * 2, USER, {"role": "assistant", "content": "Ok."},
        {"role": "system", "content": "Reminder."}, USER]})


def openai_sdks():
    parsed = lambda call: {"parsed_arguments": json.loads(call[1])}  # noqa: E731
    replayed = lambda done: ({**m, "refusal": None, "parsed": None} if m["role"] == "assistant" else m for m in chat_turns(done, extra=parsed))  # noqa: E731
    each_moment("openai-node", CHAT, lambda done: {
        "messages": [{"role": "developer", "content": "Rules."}, USER, *replayed(done)], "tools": FUNCTIONS, "parallel_tool_calls": True,
        "temperature": 0, "max_completion_tokens": 2000, **STREAM})
    each_moment("openai-python", CHAT, lambda done: {"messages": [USER, *chat_turns(done, empty=None)], "tools": FUNCTIONS, **STREAM})
    strict = [{"type": "function", "function": {"name": "trip", "strict": True, "parameters": TRIP}}]
    named = {"type": "function", "function": {"name": "trip"}}
    for what, more in {
            "n and log-probabilities": {"n": 2, "logprobs": True, "top_logprobs": 3}, "structure": {"response_format": JSON_SCHEMA},
            "JSON": {"response_format": {"type": "json_object"}}, "a forced call": {"tools": strict, "tool_choice": named, "max_tokens": 60},
            "a helper": {"tools": FUNCTIONS, "tool_choice": "auto", "stream": False},
            "a custom tool": {"tools": [{"type": "custom", "custom": {"name": "apply_patch", "description": "x"}}]},
            "fields of vLLM": {"top_k": 1, "min_tokens": 8, "max_tokens": 8, "ignore_eos": True, "chat_template_kwargs": {"enable_thinking": False}}}.items():
        add("openai", what, CHAT, {"messages": HELLO, **more})
    add("openai", "a text", COMPLETIONS, {"prompt": "a", "max_tokens": 4, "stream": True})
    add("openai", "scores", COMPLETIONS, {"prompt": ["a b", "c"], "max_tokens": 1, "echo": True, "logprobs": 1})
    text = {"format": {"type": "json_schema", "name": "trip", "strict": True, "schema": TITLED}}
    add("openai", "a response", RESPONSES, {"input": "Hello."})
    add("openai", "a parsed response", RESPONSES, {"input": "Hello.", "text": text})
    add("openai", "models", "/v1/models", method="GET")
    add("openai", "a model", "/v1/models/model", method="GET")


def anthropic_sdks():
    mark = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
    beta = {**NEW, "anthropic-beta": "context-management-2025-06-27"}
    system = [{"type": "text", "text": "Rules.", **mark}]
    tools = [*CLIENT_TOOLS[:-1], {**CLIENT_TOOLS[-1], "type": "custom", "cache_control": {"type": "ephemeral"}}]
    each_moment("anthropic-node", MESSAGES, lambda done: {
        "max_tokens": 2000, "stream": True, "system": system, "tools": tools, "tool_choice": {"type": "auto"}, "metadata": {"user_id": "u"},
        "messages": [USER, *message_turns(done, errors=False)]}, beta)
    each_moment("anthropic-python", MESSAGES, lambda done: {
        "max_tokens": 2000, "stream": True, "system": "Rules.", "tools": CLIENT_TOOLS, "messages": [USER, *message_turns(done)]}, NEW)
    for what, more in {
            "edits of the context": {"context_management": {"edits": [{"type": "clear_tool_uses_20250919"}]}},
            "adaptive thinking": {"thinking": {"type": "adaptive", "display": "summarized"}, "output_config": {"effort": "max"}},
            "thinking": {"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 2000},
            "a system message at the end": {"messages": [*HELLO, {"role": "system", "content": [{"type": "text", "text": "env", **mark}]}]},
            "a thread": {"thread": {"type": "create"}, "stream": False},
            "structure": {"output_config": {"format": {"type": "json_schema", "schema": TRIP}}},
            "tools of the client": {"tools": [{"type": "bash_20250124", "name": "bash"},
                                              {"type": "text_editor_20250728", "name": "str_replace_based_edit_tool"}]},
            "a server's tool beside a function": {"tools": [*CLIENT_TOOLS, {"type": "web_search_20250305", "name": "web_search"}]}}.items():
        add("anthropic", what, MESSAGES, {"max_tokens": 200, "messages": HELLO, **more}, beta)
    count = MESSAGES + "/count_tokens"
    add("anthropic", "a count", count, {"messages": HELLO, "system": system, "tools": tools}, beta)
    add("anthropic", "a count with thinking", count, {"messages": HELLO, "thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}}, beta)
    add("anthropic", "models", "/v1/models", headers=NEW, method="GET")
    add("anthropic", "a model", "/v1/models/model", headers=NEW, method="GET")


def vercel():
    tools = [{**t, "eager_input_streaming": True} for t in CLIENT_TOOLS]
    each_moment("ai-anthropic", MESSAGES, lambda done: {
        "max_tokens": 4096, "stream": True, "tools": tools, "tool_choice": {"type": "auto"},
        "messages": [{"role": "user", "content": [{"type": "text", "text": TASK}]}, *message_turns(done, errors=False)]}, OLD)
    json_tool = {"name": "json", "description": "Answers in JSON.", "input_schema": TRIP}
    add("ai-anthropic", "structure", MESSAGES, {"max_tokens": 4096, "messages": HELLO, "tools": [json_tool],
                                                "tool_choice": {"type": "any", "disable_parallel_tool_use": True}}, OLD)
    for client, empty in (("ai-openai-compatible", None), ("ai-openai-chat", None), ("ai-deepseek", "")):
        each_moment(client, CHAT, lambda done, empty=empty: {
            "messages": [USER, *chat_turns(done, empty)], "tools": FUNCTIONS, "tool_choice": "auto", **STREAM})
        add(client, "structure", CHAT, {"messages": HELLO, "response_format": JSON_SCHEMA} if client != "ai-deepseek" else {
            "messages": [{"role": "system", "content": "JSON schema: {}"}, *HELLO], "response_format": {"type": "json_object"}})
    reference = lambda _, n: {"type": "item_reference", "id": f"msg_{n:024x}"}  # noqa: E731
    each_moment("ai-openai", RESPONSES, lambda done: {
        "stream": True, "tools": FLAT, "tool_choice": "auto",
        "input": [{"role": "user", "content": [{"type": "input_text", "text": TASK}]}, *response_turns(done, text=reference)]})
    add("ai-openai", "structure", RESPONSES, {"input": HELLO, "text": {"format": {"type": "json_schema", "name": "r", "strict": True, "schema": TRIP}}})


def libraries():
    each_moment("langchain-openai", CHAT, lambda done: {"messages": [USER, *chat_turns(done, None)], "tools": FUNCTIONS, **STREAM})
    named = {"type": "json_schema", "json_schema": {"name": "Trip", "strict": True, "schema": TITLED}}
    add("langchain-openai", "structure", CHAT, {"messages": HELLO, "stream": False, "response_format": named})
    each_moment("langchain-anthropic", MESSAGES, lambda done: {
        "max_tokens": 2000, "stream": True, "tools": CLIENT_TOOLS, "messages": [USER, *message_turns(done)]}, NEW)
    add("langchain-anthropic", "structure", MESSAGES, {
        "max_tokens": 2000, "messages": HELLO, "output_config": {"format": {"type": "json_schema", "schema": TITLED}}}, NEW)
    each_moment("litellm-openai", CHAT, lambda done: {"max_tokens": 2000, "messages": [USER, *chat_turns(done)], "tools": FUNCTIONS, **STREAM})
    each_moment("litellm-anthropic", MESSAGES, lambda done: {
        "max_tokens": 2000, "stream": True, "tools": [{**t, "type": "custom"} for t in CLIENT_TOOLS],
        "messages": [{"role": "user", "content": [{"type": "text", "text": TASK}]}, *message_turns(done, errors=False)]}, OLD)
    add("lm-eval", "scores", COMPLETIONS, {"prompt": [[60, 83, 89], [34, 60]], "echo": True, "logprobs": 1, "max_tokens": 1, "temperature": 0, "seed": 1234})
    add("lm-eval", "chat", CHAT, {"messages": HELLO, "max_tokens": 64, "temperature": 0, "stop": ["\n\n", "Q:"], "seed": 1234})
    add("guidellm", "health", "/health", method="GET")
    add("guidellm", "load", CHAT, {"messages": [{"role": "user", "content": [{"type": "text", "text": "x " * 50}]}], "max_completion_tokens": 16,
                                   "ignore_eos": True, "stream": True, "stream_options": {"include_usage": True, "continuous_usage_stats": True}})


for requests_of in (codex, claude_code, opencode, qwen_code, aider, openai_sdks, anthropic_sdks, vercel, libraries):
    requests_of()

# What a right server refuses: (client, what, path, headers, body, status)
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
REFUSED = [
    ("openai", "an image", CHAT, {}, {"messages": [{"role": "user", "content": [{"type": "text", "text": "x"}, IMAGE]}]}, 400),
    ("openai", "embeddings", "/v1/embeddings", {}, {"input": "x", "encoding_format": "base64"}, 404),
    ("openai", "another model", CHAT, {}, {"messages": HELLO, "model": "nope"}, 404),
    ("anthropic", "a forced tool of the server", MESSAGES, OLD, {
        "max_tokens": 9, "messages": HELLO, "tools": [{"type": "web_search_20250305", "name": "web_search"}],
        "tool_choice": {"type": "tool", "name": "web_search"}}, 400),
]
