// Goal: reasoning, text and calls of each family's markup reach both official clients as such, streamed and whole.
// Method: per dialect a tiny checkpoint that writes one script, served by the program; its template shows calls in
// the family's form, from which the program must find the dialect.
import assert from "node:assert/strict";
import { test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { KEY, startProgramOf } from "./program.mjs";
import { makeScriptedCheckpoint } from "./scripted_checkpoint.mjs";

const schema = { type: "object", properties: { city: { type: "string" }, days: { type: "integer" } } };
const object = "{{ c.arguments | tojson }}";
const thought = "Hm, I must look.", said = "One moment: é!", city = "Zürich <b> \"x\"";
const json = (days) => JSON.stringify({ city, days });
const named = (days, key = "arguments") => `{"name": "get_weather", "${key}": ${json(days)}}`;

// A dialect's `call` for a template and for the script. Arguments of tagged calls stand between `key`, `after` and `end`.
function tagged(begin, key, after, end, close) {
  const one = (k, v) => `${key}${k}${after}${v}${end}`;
  return {
    shown: `${begin("{{ c.name }}")}{% for k in c.arguments %}${one("{{ k }}", "{{ c.arguments[k] }}")}{% endfor %}${close}`,
    call: (days) => begin("get_weather") + one("city", city) + one("days", days) + close,
  };
}
const formed = (before, behind) => ({
  shown: before("{{ c.name }}") + object + behind,
  call: (days) => before("get_weather") + json(days) + behind,
});
const listed = (begin, end) => ({
  shown: `${begin}[{"name": "{{ c.name }}", "arguments": ${object}}]${end}`,
  script: () => `${begin}[${named(1)}, ${named(2)}]${end}`,
});
const inTags = {
  shown: `<tool_call>\n{"name": "{{ c.name }}", "arguments": ${object}}\n</tool_call>`,
  call: (days) => `<tool_call>\n${named(days)}\n</tool_call>\n`,
};
const think = `<think>\n${thought}\n</think>\n\n`;

const dialects = {
  hermes: inTags,
  deepseek_v3: {
    ...formed((n) => `<｜tool▁call▁begin｜>function<｜tool▁sep｜>${n}\n\`\`\`json\n`, "\n```<｜tool▁call▁end｜>"),
    begin: "<｜tool▁calls▁begin｜>", end: "<｜tool▁calls▁end｜>",
  },
  deepseek_v3_1: {
    ...formed((n) => `<｜tool▁call▁begin｜>${n}<｜tool▁sep｜>`, "<｜tool▁call▁end｜>"),
    begin: "<｜tool▁calls▁begin｜>", end: "<｜tool▁calls▁end｜>",
  },
  kimi_k2: {
    ...formed((n) => `<|tool_call_begin|>functions.${n}:0<|tool_call_argument_begin|>`, "<|tool_call_end|>"),
    begin: "<|tool_calls_section_begin|>", end: "<|tool_calls_section_end|>",
  },
  glm4: tagged((n) => `<tool_call>${n}\n`, "<arg_key>", "</arg_key>\n<arg_value>", "</arg_value>\n", "</tool_call>\n"),
  hunyuan: { ...listed("<tool_calls>", "</tool_calls>"), said: `<answer>\n${said}\n</answer>` },
  hy3: {
    ...tagged((n) => `<tool_call>${n}<tool_sep>\n`, "<arg_key>", "</arg_key>\n<arg_value>", "</arg_value>\n", "</tool_call>\n"),
    begin: "<tool_calls>\n", end: "</tool_calls>",
  },
  ernie: { ...inTags, said: `<response>\n${said}\n</response>\n`, hint: "{# <response> #}" },
  minimax_m2: {
    ...tagged((n) => `<invoke name="${n}">\n`, '<parameter name="', '">', "</parameter>\n", "</invoke>\n"),
    begin: "<minimax:tool_call>\n", end: "</minimax:tool_call>",
  },
  harmony: {
    ...formed((n) => `<|start|>assistant<|channel|>commentary to=functions.${n} <|constrain|>json<|message|>`, "<|call|>"),
    think: `<|channel|>analysis<|message|>${thought}<|end|>`,
    said: `<|start|>assistant<|channel|>commentary<|message|>${said}<|end|>`,
  },
  llama3: {
    shown: `{"name": "{{ c.name }}", "parameters": ${object}}`,
    script: () => `${named(1, "parameters")}; ${named(2, "parameters")}`,
    think: "", said: "",
  },
  mistral: { ...formed((n) => `[TOOL_CALLS]${n}[ARGS]`, ""), think: `[THINK]${thought}[/THINK]` },
  mistral_list: { ...listed("[TOOL_CALLS]", ""), think: "" },
  qwen3_coder: tagged((n) => `<tool_call>\n<function=${n}>\n`, "<parameter=", ">\n", "\n</parameter>\n", "</function>\n</tool_call>\n"),
};

const markers = (script) => [...new Set(script.match(/<[｜|][^<>]*[｜|]>|<\/?(?:think|tool_calls?|arg_key|arg_value|tool_sep|minimax:tool_call)>|\[[A-Z_/]+\]/gu) ?? [])];

function checkpointOf(name, d) {
  const calls = d.script ? d.script() : `${d.begin ?? ""}${d.call(1)}${d.call(2)}${d.end ?? ""}`;
  const script = (d.think ?? think) + (d.said ?? said + "\n") + calls;
  const template =
    "{% if tools %}{{ tools | tojson }}{% endif %}{% for m in messages %}[{{ m.role }}]{{ m.content }}" +
    `{% if m.tool_calls %}${d.begin ?? ""}{% for t in m.tool_calls %}{% set c = t.function %}${d.shown}{% endfor %}${d.end ?? ""}` +
    `{% endif %}{% endfor %}${d.hint ?? ""}<|go|>`;
  makeScriptedCheckpoint(`scripted-${name}`, { scripts: [script], markers: markers(script), template });
  const expected = { reasoning: (d.think ?? think) && thought, content: (d.said ?? said) && said };
  return { folder: `scripted-${name}`, expected: { ...expected, calls: [1, 2].map((days) => ({ name: "get_weather", input: { city, days } })) } };
}

const messages = [{ role: "user", content: "Weather?" }];
const chat = {
  model: "model", messages, temperature: 0, max_tokens: 600,
  tools: [{ type: "function", function: { name: "get_weather", parameters: schema } }],
};
const message = { model: "model", messages, temperature: 0, max_tokens: 600, tools: [{ name: "get_weather", input_schema: schema }] };

const called = (c) => ({ name: c.function.name, input: JSON.parse(c.function.arguments) });

async function throughOpenAI(url, expected) {
  const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey: KEY, maxRetries: 0 });
  const { message: m, finish_reason } = (await openai.chat.completions.create(chat)).choices[0];
  assert.equal(finish_reason, "tool_calls");
  assert.deepEqual({ reasoning: m.reasoning_content ?? "", content: m.content ?? "", calls: m.tool_calls.map(called) }, expected);
  let reasoning = "", content = "";
  const calls = [];
  for await (const chunk of await openai.chat.completions.create({ ...chat, stream: true })) {
    const delta = chunk.choices[0]?.delta ?? {};
    reasoning += delta.reasoning_content ?? "";
    content += delta.content ?? "";
    for (const c of delta.tool_calls ?? []) {
      const call = (calls[c.index] ??= { function: { name: "", arguments: "" } });
      call.function.name += c.function?.name ?? "";
      call.function.arguments += c.function?.arguments ?? "";
    }
  }
  assert.deepEqual({ reasoning, content, calls: calls.map(called) }, expected);
}

async function throughAnthropic(url, expected) {
  const anthropic = new Anthropic({ baseURL: url, authToken: KEY, apiKey: null, maxRetries: 0 });
  const read = (m) => {
    assert.equal(m.stop_reason, "tool_use");
    const all = (type, key) => m.content.filter((b) => b.type === type).map((b) => b[key]).join("");
    const calls = m.content.filter((b) => b.type === "tool_use").map(({ name, input }) => ({ name, input }));
    return { reasoning: all("thinking", "thinking"), content: all("text", "text"), calls };
  };
  assert.deepEqual(read(await anthropic.messages.create(message)), expected);
  assert.deepEqual(read(await anthropic.messages.stream(message).finalMessage()), expected);
}

for (const [name, dialect] of Object.entries(dialects)) {
  test(`${name}: reasoning, text and calls`, async () => {
    const { folder, expected } = checkpointOf(name, dialect);
    const program = await startProgramOf(folder);
    try {
      await throughOpenAI(program.url, expected);
      await throughAnthropic(program.url, expected);
    } finally {
      assert.equal(await program.stop(), 0);
    }
  });
}
