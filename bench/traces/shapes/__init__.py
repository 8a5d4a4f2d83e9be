"""One module per client: PATH, HEADERS, TOOLS and body(text, done), the request after the steps `done`.

Recorded from the clients themselves: names of tools and parameters, the length of each description, the order and form of
messages. The texts are seeded, not the vendors'.
"""
KINDS = {"s": "string", "n": "number", "i": "integer", "b": "boolean", "a": "array", "o": "object"}


def tools(text, table):
    """`table`: a line a tool, "NAME length parameter:kind … | required …". Yields name, description, schema."""
    for line in table.strip().splitlines():
        left, _, required = line.partition("|")
        name, length, *parameters = left.split()
        schema = {"type": "object", "properties": {p: _parameter(text, f"{name}/{p}", k) for p, _, k in
                                                   (x.partition(":") for x in parameters)},
                  "required": required.split(), "additionalProperties": False}
        yield name, text.prose("tool/" + name, int(length)), schema


def _parameter(text, name, kind):
    schema = {"type": KINDS[kind], "description": text.prose("parameter/" + name, 60)}
    return schema | ({"items": {"type": "string"}} if kind == "a" else {})


def functions(text, table):
    """The tools in Chat's form."""
    return [{"type": "function", "function": {"name": n, "description": d, "parameters": p}} for n, d, p in tools(text, table)]


def chat_calls(text, step, call, silent):
    """The assistant's message of a step; `call(act)` gives a tool's name and arguments, `silent` is its content without words."""
    import json
    calls = []
    for i, act in enumerate(step.acts):
        name, arguments = call(act)
        calls.append({"id": call_id(text, step, i), "type": "function",
                      "function": {"name": name, "arguments": json.dumps(arguments, ensure_ascii=False)}})
    return {"role": "assistant", "content": step.says or silent, "tool_calls": calls}


def call_id(text, step, i):
    return "call_" + text.id(f"call/{step.number}/{i}")
