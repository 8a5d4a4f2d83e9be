// Makes the checkpoint that plays the model's part for aider: to "Do step N." it answers with an edit that adds a line to
// log.txt behind the line of the step before.
import { makeScriptedCheckpoint } from "./scripted_checkpoint.mjs";

const TURNS = 20;
const said = ["Größe 漢字 😀.", "", "The next line.", "So:", "Brief."];
const edit = (n) =>
  `${said[n % 5]}\n\nlog.txt\n\`\`\`\n<<<<<<< SEARCH\nline ${n - 1}\n=======\nline ${n - 1}\nline ${n}\n>>>>>>> REPLACE\n\`\`\`\n`;
const template = `{%- set text = namespace(all='') %}
{%- for m in messages %}[{{ m.role }}]{{ m.content }}{% set text.all = text.all ~ m.content %}{% endfor %}
{%- set step = namespace(n=0) %}
{%- for i in range(1, ${TURNS + 1}) %}{% if 'Do step ' ~ i ~ '.' in text.all %}{% set step.n = i %}{% endif %}{% endfor %}
{{- '<|go|>' if step.n == 0 else '<|go' ~ step.n ~ '|>' }}`;
makeScriptedCheckpoint("aider-model", {
  scripts: ["Nothing to do.", ...Array.from({ length: TURNS }, (_, i) => edit(i + 1))], markers: [], template, context: 65536,
});
