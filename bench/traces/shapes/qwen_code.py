"""Qwen Code 0.24: Chat; results are lists of text parts, assistant turns with only calls have no content."""
from . import call_id, chat_calls, functions

PATH = "/v1/chat/completions"
HEADERS = {"x-stainless-retry-count": "0"}
TOOLS = """
agent 10720 description:s prompt:s subagent_type:s fork_turns:s fork_tools:a fork_profile:s run_in_background:b isolation:s working_dir:s | description prompt
edit 1520 file_path:s old_string:s new_string:s replace_all:b | file_path old_string new_string
get_goal 370
glob 540 pattern:s path:s | pattern
grep_search 450 pattern:s glob:s path:s limit:i | pattern
list_agents 1020
notebook_edit 260 notebook_path:s cell_id:s new_source:s cell_type:s edit_mode:s | notebook_path
read_file 1430 file_path:s offset:i limit:i pages:s | file_path
run_shell_command 4950 command:s is_background:b timeout:i description:s directory:s | command
skill 1900 skill:s args:s | skill
tool_call 220 name:s arguments:o | name arguments
tool_search 1100 query:s max_results:i | query
update_goal 1550 status:s reason:s blockerKind:s | status reason
write_file 1180 file_path:s content:s record_as_artifact:b | file_path content
"""


def call(act):
    if act.verb == "shell":
        return "run_shell_command", {"command": act.command, "is_background": False, "description": "step"}
    if act.verb == "read":
        return "read_file", {"file_path": act.path}
    if act.verb == "edit":
        return "edit", {"file_path": act.path, "old_string": act.old, "new_string": act.new}
    return "write_file", {"file_path": act.path, "content": act.new}


def result(act):
    if act.verb == "shell":
        return (f"Command: {act.command}\nDirectory: (root)\nOutput: {act.result}Error: (none)\nExit Code: {3 if act.failed else 0}\n"
                "Signal: (none)\nProcess Group PGID: (none)")
    if act.verb == "read":
        return act.result
    if act.verb == "edit":
        return f"The file: {act.path} has been updated. Showing the edited lines:\n\n---\n\n{act.new}"
    return f"Successfully created and wrote to new file: {act.path}."


def body(text, done):
    reminders = [f"<system-reminder>\n{text.prose(f'reminder/{n}', n)}\n</system-reminder>" for n in (6100, 400, 2600, 200)]
    messages = [{"role": "system", "content": text.prose("system", 26900)},
                {"role": "user", "content": [{"type": "text", "text": t} for t in [*reminders, text.prose("task", 200)]]}]
    for step in done:
        messages.append(chat_calls(text, step, call, None))
        messages += [{"role": "tool", "tool_call_id": call_id(text, step, i), "content": [{"type": "text", "text": result(a)}]}
                     for i, a in enumerate(step.acts)]
    return {"messages": messages, "max_tokens": 32000, "stream": True, "stream_options": {"include_usage": True},
            "tools": functions(text, TOOLS)}
