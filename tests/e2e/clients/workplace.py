"""The tools of the session, and a record of their calls."""
import json

SESSION = json.load(open("session.json"))
TASK = "Put the project in order."
PARAMETERS = {
    "read_file": ("path",),
    "write_file": ("path", "content"),
    "run_command": ("line",),
}


def schema(name):
    return {"type": "object", "properties": {p: {"type": "string"} for p in PARAMETERS[name]}, "required": list(PARAMETERS[name])}


class Workplace:
    def __init__(self):
        self.calls = []

    def run(self, name, arguments):
        """A tool's result; what a client must bring back unchanged."""
        self.calls.append({"name": name, "input": arguments})
        line = arguments.get("line", "")
        if line.startswith("seq"):
            return "\n".join(str(i) for i in range(1, 2001))
        return f"error: exit status 3 in {line}" if "exit 3" in line else f"done: {name} 😀"


def expected_calls(turns):
    return [call for turn in SESSION[:turns] for call in turn["calls"]]


def expected_texts(turns):
    return [turn["text"].strip() for turn in SESSION[:turns]]
