"""Claude Code 2.1: Messages.

The first system block is an attribution line that changes with the version; a system message stands behind the first user
message, as a list in the first request and as a string in the later ones; `cache_control` moves with the newest result.
"""
from . import tools

PATH = "/v1/messages?beta=true"
HEADERS = {"anthropic-version": "2023-06-01", "x-app": "cli", "X-Stainless-Retry-Count": "0", "X-Stainless-Timeout": "600"}
CACHED = {"cache_control": {"type": "ephemeral"}}
TOOLS = """
Agent 3220 description:s prompt:s subagent_type:s model:s effort:s run_in_background:b isolation:s | description prompt
Bash 2110 command:s timeout:n description:s run_in_background:b dangerouslyDisableSandbox:b | command
Edit 360 file_path:s old_string:s new_string:s replace_all:b | file_path old_string new_string
ListAgents 1430 channel:s q:s cursor:s
Read 790 file_path:s offset:i limit:i pages:s allow_large:b | file_path
ReportFindings 570 level:s findings:a | findings
ScheduleWakeup 3400 delaySeconds:n reason:s prompt:s stop:b noop:b
Skill 1420 skill:s args:s | skill
ToolSearch 950 query:s max_results:n | query
Workflow 3500 script:s name:s description:s title:s args:o scriptPath:s resumeFromRunId:s
DeferredToolPlaceholder 80
Write 240 file_path:s content:s | file_path content
"""


def call(act):
    if act.verb == "shell":
        return "Bash", {"command": act.command, "description": "Runs a step"}
    if act.verb == "read":
        return "Read", {"file_path": act.path}
    if act.verb == "edit":
        return "Edit", {"replace_all": False, "file_path": act.path, "old_string": act.old, "new_string": act.new}
    return "Write", {"file_path": act.path, "content": act.new}


def result(act):
    if act.verb == "shell":
        return ("Exit code 3\n" if act.failed else "") + act.result.strip()
    if act.verb == "read":
        return "\n".join(f"{i + 1}\t{line}" for i, line in enumerate(act.result.split("\n")))
    return f"The file {act.path} has been updated successfully."


def _turn(text, step, newest):
    uses, results = [], []
    for i, act in enumerate(step.acts):
        name, arguments = call(act)
        use = "toolu_" + text.id(f"call/{step.number}/{i}")
        uses.append({"type": "tool_use", "id": use, "name": name, "input": arguments})
        results.append({"tool_use_id": use, "type": "tool_result", "content": result(act)})
        if act.verb == "shell":
            results[-1]["is_error"] = act.failed
    if newest:
        results[-1] |= CACHED
    says = [{"type": "text", "text": step.says}] if step.says else []
    return [{"role": "assistant", "content": says + uses}, {"role": "user", "content": results}]


def body(text, done):
    def block(t, **more):
        return {"type": "text", "text": t, **more}

    late = text.prose("late", 9100)
    reminder = f"<system-reminder>\n{text.prose('reminder', 600)}\n</system-reminder>"
    messages = [{"role": "user", "content": [block(reminder), block(text.prose("task", 200))]},
                {"role": "system", "content": late if done else [block(late, **CACHED)]}]
    for step in done:
        messages += _turn(text, step, step is done[-1])
    build = text.random(f"build/{len(done)}").randint(100, 999)  # the line may change at any turn
    system = [block(f"x-anthropic-billing-header: cc_version=2.1.332.{build}; cc_entrypoint=sdk-cli;"),
              block(text.prose("who", 100), **CACHED), block(text.prose("system", 6800), **CACHED)]
    user = '{"device_id":"%s","account_uuid":"","session_id":"%s"}' % (text.id("device", 16), text.uuid("session"))
    listed = [{"name": n, "description": d, "input_schema": p} for n, d, p in tools(text, TOOLS)]
    listed[-2]["defer_loading"] = True
    return {"messages": messages, "system": system, "tools": listed, "metadata": {"user_id": user}, "max_tokens": 32000,
            "thinking": {"type": "adaptive", "display": "updates"},
            "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
            "output_config": {"effort": "high"}, "stream": True}
