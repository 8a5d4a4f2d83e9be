"""opencode 1.18 through its OpenAI-compatible provider: Chat; assistant turns with only calls have an empty content."""
from . import call_id, chat_calls, functions

PATH = "/v1/chat/completions"
HEADERS = {}
TOOLS = """
bash 4630 command:s timeout:i workdir:s | command
edit 1370 filePath:s oldString:s newString:s replaceAll:b | filePath oldString newString
glob 520 pattern:s path:s | pattern
grep 660 pattern:s path:s include:s | pattern
read 1160 filePath:s offset:i limit:i | filePath
skill 400 name:s | name
task 3020 description:s prompt:s subagent_type:s task_id:s command:s | description prompt subagent_type
todowrite 2010 todos:a | todos
webfetch 750 url:s format:s timeout:n | url
write 620 content:s filePath:s | content filePath
"""


def call(act):
    if act.verb == "shell":
        return "bash", {"command": act.command, "description": "Runs a step"}
    if act.verb == "read":
        return "read", {"filePath": act.path}
    if act.verb == "edit":
        return "edit", {"filePath": act.path, "oldString": act.old, "newString": act.new}
    return "write", {"filePath": act.path, "content": act.new}


def result(act):
    return act.result or ("Edit applied successfully." if act.verb == "edit" else "Wrote file successfully.")


def body(text, done):
    messages = [{"role": "system", "content": text.prose("system", 9500)},
                {"role": "user", "content": text.prose("task", 200)}]
    for step in done:
        messages.append(chat_calls(text, step, call, ""))
        messages += [{"role": "tool", "tool_call_id": call_id(text, step, i), "content": result(a)} for i, a in enumerate(step.acts)]
    return {"max_tokens": 8192, "messages": messages, "tools": functions(text, TOOLS), "tool_choice": "auto", "stream": True,
            "stream_options": {"include_usage": True}}
