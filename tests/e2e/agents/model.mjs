// Makes the checkpoint that plays the model's part for one agent: 20 turns, each with one or two calls of the agent's shell
// tool that add a line to log.txt, then a last word.
//
//   node model.mjs FOLDER TOOL ARGUMENT [JSON of further arguments]
import { makeScriptedCheckpoint } from "./scripted_checkpoint.mjs";

const [folder, name, argument, more = "{}"] = process.argv.slice(2);
const TURNS = 20;
const said = ["I look around.", "", "Größe 漢字 😀.", "Next, the other one.", "Brief."];

const call = (line) => `\n<tool_call>\n${JSON.stringify({ name, arguments: { [argument]: line, ...JSON.parse(more) } })}\n</tool_call>`;
// What the command of a turn does beside adding its line: a long result, a failure, letters of all kinds.
const beside = { 5: " && seq 1 500", 9: "; cat missing-file", 13: " && printf '“naïve” 漢字 😀\\n' > texts.txt" };
const first = (turn) => call(`echo turn ${turn} >> log.txt${beside[turn] ?? ""}`);
const second = (turn) => (turn % 3 ? call(`echo second of ${turn} >> log.txt`) : "");

const turns = Array.from({ length: TURNS }, (_, i) => i + 1);
// After the turns and the last word, what is left of a turn whose second call is not in the history.
const scripts = [
  ...turns.map((turn) => said[turn % 5] + first(turn) + second(turn)),
  "All of it is done.",
  ...turns.map((turn) => `Rest of ${turn}:${second(turn)}`),
];
// What comes next follows from the calls in the history, because an agent may have kept a part of a broken answer. A
// request without tools is for a title or the like: it gets the last word.
const template = `{%- if tools %}{{ tools | tojson }}{% endif %}
{%- set calls = namespace(text='') %}
{%- for m in messages %}[{{ m.role }}]{{ m.content }}
{%- for t in m.tool_calls or [] %}<tool_call>
{"name": "{{ t.function.name }}", "arguments": {{ t.function.arguments | tojson }}}
</tool_call>{% set calls.text = calls.text ~ (t.function.arguments | tojson) %}{% endfor %}
{%- endfor %}
{%- set next = namespace(n=0 if tools else ${TURNS}) %}
{%- for i in range(1, ${TURNS + 1}) %}
{%- if 'turn ' ~ i ~ ' >' in calls.text %}{% set next.n = i if i % 3 == 0 or 'second of ' ~ i ~ ' >' in calls.text else ${TURNS} + i %}{% endif %}
{%- endfor %}{{ '<|go|>' if next.n == 0 else '<|go' ~ next.n ~ '|>' }}`;
makeScriptedCheckpoint(folder, { scripts, markers: [], template, context: 262144 });
