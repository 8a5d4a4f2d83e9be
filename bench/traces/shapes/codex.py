"""Codex 0.171: its texts and tools as a Chat session. Tools of a namespace are listed as functions."""
from . import call_id, chat_calls, functions

PATH = "/v1/chat/completions"
HEADERS = {"originator": "codex_exec"}
TOOLS = """
exec_command 80 cmd:s justification:s login:b max_output_tokens:n prefix_rule:a sandbox_permissions:s shell:s tty:b workdir:s yield_time_ms:n | cmd
write_stdin 80 chars:s max_output_tokens:n session_id:n yield_time_ms:n | session_id
request_user_input 120 questions:a | questions
view_image 120 path:s | path
close_agent 300 target:s | target
resume_agent 90 id:s | id
send_input 220 interrupt:b items:a message:s target:s | target
spawn_agent 5990 fork_context:b items:a message:s model:s reasoning_effort:s
wait_agent 250 targets:a timeout_ms:n | targets
get_goal 120
create_goal 260 objective:s token_budget:i | objective
update_goal 1540 status:s | status
"""


def call(act):
    command = act.command
    if act.verb == "read":
        command = f"cat {act.path}"
    elif act.verb in ("edit", "write"):
        command = f"apply_patch <<'EOF'\n*** {act.path}\n-{act.old}\n+{act.new}\nEOF"
    return "exec_command", {"cmd": command, "workdir": "/home/user/room"}


def result(act):
    shown = act.result or f"Success. Updated the following files:\nM {act.path}\n"
    return f"Wall time: 0.0000 seconds\nProcess exited with code {3 if act.failed else 0}\nOutput:\n{shown}"


def body(text, done):
    messages = [{"role": "developer", "content": text.prose("system", 17000)},
                {"role": "developer", "content": [
                    {"type": "text", "text": f"<skills_instructions>\n{text.prose('skills', 2100)}\n</skills_instructions>"},
                    {"type": "text", "text": text.prose("notes", 400)}]},
                {"role": "user", "content": f"<environment_context>\n{text.prose('environment', 400)}\n</environment_context>"},
                {"role": "user", "content": text.prose("task", 200)}]
    for step in done:
        messages.append(chat_calls(text, step, call, ""))
        messages += [{"role": "tool", "tool_call_id": call_id(text, step, i), "content": result(a)} for i, a in enumerate(step.acts)]
    return {"stream": True, "messages": messages, "tools": functions(text, TOOLS), "tool_choice": "auto",
            "parallel_tool_calls": True, "prompt_cache_key": text.uuid("session"), "stream_options": {"include_usage": True}}
