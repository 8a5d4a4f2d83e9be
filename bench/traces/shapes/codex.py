"""Codex 0.171: Responses without storage; items carry the ids of earlier answers, tools of a namespace lie in one."""
import json

from . import call_id, tools

PATH = "/v1/responses"
HEADERS = {"originator": "codex_exec"}
TOOLS = """
exec_command 80 cmd:s justification:s login:b max_output_tokens:n prefix_rule:a sandbox_permissions:s shell:s tty:b workdir:s yield_time_ms:n | cmd
write_stdin 80 chars:s max_output_tokens:n session_id:n yield_time_ms:n | session_id
request_user_input 120 questions:a | questions
view_image 120 path:s | path
get_goal 120
create_goal 260 objective:s token_budget:i | objective
update_goal 1540 status:s | status
"""
AGENTS = """
close_agent 300 target:s | target
resume_agent 90 id:s | id
send_input 220 interrupt:b items:a message:s target:s | target
spawn_agent 5990 fork_context:b items:a message:s model:s reasoning_effort:s
wait_agent 250 targets:a timeout_ms:n | targets
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


def functions(text, table):
    return [{"type": "function", "name": n, "description": d, "strict": False, "parameters": p} for n, d, p in tools(text, table)]


def message(text, role, *parts):
    return {"type": "message", "id": f"msg_{text.uuid(role + parts[0])}", "role": role,
            "content": [{"type": "input_text", "text": p} for p in parts]}


def turn(text, step):
    """The items of a step: the assistant's words and calls, then the results."""
    if step.says:
        yield {"type": "message", "status": "completed", "id": "msg_" + text.id(f"says/{step.number}", 32), "role": "assistant",
               "content": [{"type": "output_text", "text": step.says, "annotations": [], "logprobs": []}]}
    for i, act in enumerate(step.acts):
        name, arguments = call(act)
        yield {"type": "function_call", "status": "completed", "id": "fc_" + text.id(f"item/{step.number}/{i}", 32), "name": name,
               "arguments": json.dumps(arguments, ensure_ascii=False), "call_id": call_id(text, step, i)}
    for i, act in enumerate(step.acts):
        yield {"type": "function_call_output", "id": "fco_" + text.uuid(f"result/{step.number}/{i}"), "call_id": call_id(text, step, i),
               "output": result(act)}


def body(text, done):
    skills = f"<skills_instructions>\n{text.prose('skills', 2100)}\n</skills_instructions>"
    environment = f"<environment_context>\n{text.prose('environment', 400)}\n</environment_context>"
    items = [message(text, "developer", text.prose("system", 17000)), message(text, "developer", skills, text.prose("notes", 400)),
             message(text, "user", environment), message(text, "user", text.prose("task", 200))]
    for step in done:
        items += turn(text, step)
    agents = {"type": "namespace", "name": "multi_agent_v1", "description": text.prose("agents", 40), "tools": functions(text, AGENTS)}
    return {"stream": True, "input": items, "tools": [*functions(text, TOOLS), agents, {"type": "web_search", "external_web_access": True}],
            "tool_choice": "auto", "parallel_tool_calls": True, "reasoning": {"summary": "auto"}, "store": False,
            "include": ["reasoning.encrypted_content"], "prompt_cache_key": text.uuid("session")}
