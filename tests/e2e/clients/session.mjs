// The session that every client plays: 20 turns with calls of three tools, and an end. Writes the checkpoint that plays
// the model's part, and session.json with what a client must have done.
import { writeFileSync } from "node:fs";
import { makeScriptedCheckpoint } from "./scripted_checkpoint.mjs";

const read = (path) => ({ name: "read_file", input: { path } });
const write = (path, content) => ({ name: "write_file", input: { path, content } });
const command = (line) => ({ name: "run_command", input: { line } });

// One answer a line: what the model says, then its calls.
const turns = [
  ["I look around first.", command("ls -la")],
  ["", read("README.md")],
  ["Two files at once:", read("src/main.py"), read("src/util.py")],
  ["Now a test.", write("tests/test_a.py", "def test_a():\n    assert 1 + 1 == 2\n")],
  ["", command("python3 -m unittest tests/test_a.py")],
  ["That failed, so I try again.", command("python3 -m unittest -v")],
  ["Größe, naïve, 漢字.", write("notes/größe.txt", "naïve – 漢字 – “quoted”\n")],
  ["Beyond the BMP: 😀", write("emoji.txt", "😀 𝒳 👩‍👩‍👧 end")],
  ["", read("emoji.txt")],
  ["Escapes.", write("odd.txt", 'a "quoted" \\ backslash,\ttab,\r\nand </tool_call> as text')],
  ["Empty file:", write("empty.txt", "")],
  ["", command("find . -name '*.txt' | xargs wc -c")],
  ["Long result next.", command("seq 1 2000")],
  ["", read("docs/guide.md")],
  ["Three writes in one answer.", write("a/1", "one"), write("a/2", "two"), write("a/3", "three")],
  ["", command("cat a/1 a/2 a/3")],
  ["<think>\nI should check the braces.\n</think>\n\nBraces: {} [] {{x}}", write("b.json", '{"a": [1, {"b": null}]}')],
  ["", command('echo "$HOME" && exit 3')],
  ["Nearly done.", read("a/1")],
  ["", command("git status --short")],
  ["All is done: 20 turns."],
];

const scriptOf = ([text, ...calls]) =>
  text + calls.map((c) => `\n<tool_call>\n${JSON.stringify({ name: c.name, arguments: c.input })}\n</tool_call>`).join("");

const template = `{%- if tools %}{{ tools | tojson }}{% endif %}
{%- set turn = namespace(n=0) %}
{%- for m in messages %}[{{ m.role }}]{{ m.content }}
{%- if m.role == 'assistant' %}{% set turn.n = turn.n + 1 %}{% endif %}
{%- for t in m.tool_calls or [] %}<tool_call>
{"name": "{{ t.function.name }}", "arguments": {{ t.function.arguments | tojson }}}
</tool_call>{% endfor %}
{%- endfor %}{{ '<|go|>' if turn.n == 0 else '<|go' ~ ([turn.n, ${turns.length - 1}] | min) ~ '|>' }}`;

makeScriptedCheckpoint("session-model", { scripts: turns.map(scriptOf), markers: [], template, context: 65536 });
// The first turn only, by a model whose calls can be held to a schema because their marks are tokens.
makeScriptedCheckpoint("shapes-model", {
  scripts: [scriptOf(turns[0])], markers: ["<tool_call>", "</tool_call>"], context: 65536,
  template: template.slice(0, template.lastIndexOf("{{ '<|go|>'")) + "<|go|>",
});
const spoken = (text) => text.replace(/<think>[^]*<\/think>\n\n/, "");
writeFileSync("session.json", JSON.stringify(turns.map(([text, ...calls]) => ({ text: spoken(text), calls }))));
