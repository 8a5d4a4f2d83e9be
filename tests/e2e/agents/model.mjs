// Makes the checkpoint that plays the model's part for one agent: 20 turns, each a call of the agent's shell tool that
// adds a line to log.txt, then a last word.
//
//   node model.mjs FOLDER TOOL ARGUMENT [JSON of further arguments]
import { makeScriptedCheckpoint } from "./scripted_checkpoint.mjs";

const [folder, name, argument, more = "{}"] = process.argv.slice(2);
const TURNS = 20;
const said = ["I look around.", "", "Größe 漢字 😀.", "", "Next."];

const call = (line) => `\n<tool_call>\n${JSON.stringify({ name, arguments: { [argument]: line, ...JSON.parse(more) } })}\n</tool_call>`;
function scriptOf(turn) {
  const added = `echo turn ${turn} >> log.txt`;
  if (turn === 5) return `Two at once:${call(`${added} && seq 1 500`)}${call("echo second of 5 >> log.txt")}`;
  if (turn === 9) return said[turn % 5] + call(`${added}; cat missing-file`);
  if (turn === 13) return said[turn % 5] + call(`${added} && printf '“naïve” 漢字 😀\\n' > texts.txt`);
  return said[turn % 5] + call(added);
}

const scripts = [...Array.from({ length: TURNS }, (_, i) => scriptOf(i + 1)), "All of it is done."];
// A request without tools is for a title or the like: it gets the last word.
const template = `{%- set turn = namespace(n=0) %}
{%- if tools %}{{ tools | tojson }}{% endif %}
{%- for m in messages %}[{{ m.role }}]{{ m.content }}
{%- if m.role == 'assistant' %}{% set turn.n = turn.n + 1 %}{% endif %}
{%- for t in m.tool_calls or [] %}<tool_call>
{"name": "{{ t.function.name }}", "arguments": {{ t.function.arguments | tojson }}}
</tool_call>{% endfor %}
{%- endfor %}
{%- set next = [turn.n, ${TURNS}] | min if tools else ${TURNS} %}{{ '<|go|>' if next == 0 else '<|go' ~ next ~ '|>' }}`;
makeScriptedCheckpoint(folder, { scripts, markers: [], template, context: 262144 });
