// Goal: a DeepSeek-V4 checkpoint is served to the official clients like any other model, with its prompts, thinking,
// effort and tools. Method: a tiny checkpoint of noise with the real vocabulary beside the published tokenizer; equal
// answers to equivalent requests, because the text itself means nothing.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { KEY, metric, startProgramOf } from "./program.mjs";
import { makeV4Checkpoint } from "./v4_checkpoint.mjs";

let program, drafting, openai, anthropic;
before(async () => {
  makeV4Checkpoint("v4-tiny", process.env.AUTARK_V4_TOKENIZER);
  [program, drafting] = await Promise.all([startProgramOf("v4-tiny", "--speculate", "off"), startProgramOf("v4-tiny", "--speculate", "mtp,lookup,always", "--drafts", "3")]);
  openai = new OpenAI({ baseURL: `${program.url}/v1`, apiKey: KEY, maxRetries: 0 });
  anthropic = new Anthropic({ baseURL: program.url, authToken: KEY, apiKey: null, maxRetries: 0 });
});
after(async () => {
  assert.equal(await program?.stop(), 0);
  assert.equal(await drafting?.stop(), 0);
});

const messages = [{ role: "user", content: "Which is larger, 9.11 or 9.9?" }];
const greedy = { model: "model", messages, temperature: 0, max_tokens: 48 };
const tools = [
  { type: "function", function: { name: "get_weather", description: "d", parameters: { type: "object", properties: {} } } },
];

async function streamed(parameters) {
  const stream = await openai.chat.completions.create({ ...parameters, stream: true, stream_options: { include_usage: true } });
  const all = { reasoning: "", content: "", finish: null, usage: null };
  for await (const chunk of stream) {
    all.usage = chunk.usage ?? all.usage;
    for (const c of chunk.choices) {
      all.reasoning += c.delta.reasoning_content ?? "";
      all.content += c.delta.content ?? "";
      all.finish = c.finish_reason ?? all.finish;
    }
  }
  return all;
}

describe("DeepSeek V4 through the OpenAI client", () => {
  for (const [how, extra] of [
    ["thinking", { chat_template_kwargs: { thinking_mode: "thinking" } }],
    ["not thinking", { chat_template_kwargs: { thinking_mode: "chat" } }],
    ["tools", { tools, chat_template_kwargs: { thinking_mode: "thinking" } }],
  ]) {
    test(`streamed equals whole: ${how}`, async () => {
      const whole = await openai.chat.completions.create({ ...greedy, ...extra });
      const pieces = await streamed({ ...greedy, ...extra });
      const message = whole.choices[0].message;
      assert.equal(pieces.reasoning, message.reasoning_content ?? "");
      assert.equal(pieces.content, message.content ?? "");
      assert.equal(pieces.finish, whole.choices[0].finish_reason);
      for (const count of ["prompt_tokens", "completion_tokens", "total_tokens"])
        assert.equal(pieces.usage[count], whole.usage[count]);
      if (how === "not thinking") assert.equal(message.reasoning_content ?? "", "");
      else assert.notEqual(message.reasoning_content ?? "", "");
      for (const text of [message.content ?? "", message.reasoning_content ?? ""]) {
        assert.doesNotMatch(text, /<｜|｜DSML｜|<\/think>/);
      }
    });
  }

  test("a longer history is a longer prompt, and past reasoning is dropped without tools", async () => {
    const ask = async (reasoning_content) =>
      (
        await openai.chat.completions.create({
          ...greedy,
          max_tokens: 1,
          messages: [...messages, { role: "assistant", content: "9.9", reasoning_content }, messages[0]],
        })
      ).usage.prompt_tokens;
    assert.equal(await ask("a"), await ask("a much longer piece of reasoning than the other one"));
    assert.ok((await ask("a")) > (await openai.chat.completions.create({ ...greedy, max_tokens: 1 })).usage.prompt_tokens);
  });

  test("every effort that clients know is understood, and the greatest is said in the prompt", async () => {
    const ask = async (reasoning_effort) =>
      (await openai.chat.completions.create({ ...greedy, max_tokens: 1, reasoning_effort })).usage.prompt_tokens;
    const plain = await ask("high");
    for (const effort of ["none", "minimal", "low", "medium", "xhigh"]) assert.equal(await ask(effort), plain, effort);
    assert.ok((await ask("max")) > plain + 50);
  });

  test("the same question has the same answer beside others", async () => {
    const alone = await openai.chat.completions.create(greedy);
    const many = await Promise.all(Array.from({ length: 6 }, () => openai.chat.completions.create(greedy)));
    for (const one of many) assert.deepEqual(one.choices, alone.choices);
  });
});

describe("what was sampled stands in the next prompt", () => {
  const thinking = { tools, chat_template_kwargs: { thinking_mode: "thinking" } };
  const count = async (parameters) =>
    (await openai.chat.completions.create({ ...greedy, ...parameters, max_tokens: 1 })).usage.prompt_tokens;

  // Tokenizing the text of noise gives other tokens than those sampled, so the counts fit only if ids are kept.
  test("token by token, though the client sends its text only", async () => {
    const question = await count({ messages: [{ role: "user", content: "And 7?" }], chat_template_kwargs: thinking.chat_template_kwargs });
    for (const extra of [thinking, {}]) {
      for (const max_tokens of [3, 17, 48]) {
        const first = await openai.chat.completions.create({ ...greedy, ...extra, max_tokens });
        const { content, tool_calls } = first.choices[0].message;
        if (tool_calls) continue; // the answer was cut within a call
        const next = [...messages, { role: "assistant", content }, { role: "user", content: "And 7?" }];
        const { prompt_tokens, completion_tokens } = first.usage;
        assert.equal(first.choices[0].finish_reason, "length");
        assert.equal(
          await count({ ...extra, messages: next }),
          prompt_tokens + completion_tokens + 1 + question - 1,  // one end token more, one begin token less
        );
      }
    }
  });
});

describe("drafts change no text", () => {
  const ask = async (url, parameters) => {
    const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: KEY, maxRetries: 0 });
    const whole = await client.chat.completions.create({ ...greedy, ...parameters });
    return { choices: whole.choices, usage: whole.usage };
  };
  const ways = {
    greedy: { max_tokens: 40 },
    sampled: { max_tokens: 40, temperature: 1, seed: 7 },
    "thinking, two choices": { max_tokens: 24, n: 2, temperature: 0.7, seed: 3, chat_template_kwargs: { thinking_mode: "thinking" } },
    "with log-probabilities": { max_tokens: 20, logprobs: true, top_logprobs: 3 },
    // With a vocabulary of two words even the drafts of noise are often right.
    "out of two words": { max_tokens: 40, temperature: 1, seed: 5, logit_bias: { 100: 100, 200: 100 } },
  };
  const alone = {};
  for (const [how, parameters] of Object.entries(ways)) {
    test(how, async () => {
      alone[how] = await ask(program.url, parameters);
      assert.deepEqual(await ask(drafting.url, parameters), alone[how]);
    });
  }

  test("all at once", async () => {
    const all = await Promise.all(Object.values(ways).map((parameters) => ask(drafting.url, parameters)));
    assert.deepEqual(all, Object.values(alone));
  });

  test("and there were drafts, some of which held", async () => {
    assert.ok((await metric(drafting.url, "autark_engine_drafted_tokens_total")) > 100);
    assert.ok((await metric(drafting.url, "autark_engine_drafts_accepted_total")) > 10);
    assert.equal(await metric(program.url, "autark_engine_drafted_tokens_total"), 0);
  });
});

describe("DeepSeek V4 through the Anthropic client", () => {
  test("thinking comes as thinking blocks", async () => {
    const parameters = { model: "model", messages, max_tokens: 1100, temperature: 0, thinking: { type: "enabled", budget_tokens: 1024 } };
    const whole = await anthropic.messages.create({ ...parameters, stop_sequences: [] });
    const pieces = await anthropic.messages.stream(parameters).finalMessage();
    assert.equal(whole.content[0].type, "thinking");
    assert.notEqual(whole.content[0].thinking, "");
    assert.deepEqual(pieces.content.map((c) => c.thinking ?? c.text), whole.content.map((c) => c.thinking ?? c.text));
    assert.deepEqual(pieces.usage, whole.usage);
  });

  test("an effort comes with every request of some clients", async () => {
    const ask = async (effort) =>
      (await anthropic.messages.create({ model: "model", messages, max_tokens: 1, output_config: { effort } })).usage.input_tokens;
    assert.equal(await ask("low"), await ask("high"));
  });

  test("a tool's result goes back in", async () => {
    const history = [
      { role: "user", content: "Weather in Paris?" },
      { role: "assistant", content: [{ type: "tool_use", id: "toolu_1", name: "get_weather", input: { city: "Paris" } }] },
      { role: "user", content: [{ type: "tool_result", tool_use_id: "toolu_1", content: "sunny" }] },
    ];
    const answer = await anthropic.messages.create({
      model: "model",
      max_tokens: 8,
      messages: history,
      tools: [{ name: "get_weather", input_schema: { type: "object", properties: {} } }],
    });
    assert.ok(answer.usage.input_tokens > 100);
  });
});
