// Goal: answers have the form that a request asks for, through the parse helpers of the official clients, and calls
// of strict and forced tools fit their schemas. Method: a DeepSeek-V4 checkpoint of noise, which would never write
// JSON or calls by itself; the same with drafts, whose answers must be equal.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import { zodOutputFormat } from "@anthropic-ai/sdk/helpers/zod";
import OpenAI from "openai";
import { zodFunction, zodResponseFormat, zodResponsesFunction, zodTextFormat } from "openai/helpers/zod";
import { z } from "zod";
import { KEY, startProgramOf } from "./program.mjs";
import { makeV4Checkpoint } from "./v4_checkpoint.mjs";

let program, drafting, openai, drafted, anthropic;
before(async () => {
  makeV4Checkpoint("v4-structure", process.env.AUTARK_V4_TOKENIZER);
  [program, drafting] = await Promise.all([
    startProgramOf("v4-structure"),
    startProgramOf("v4-structure", "--speculate", "mtp,lookup,always", "--drafts", "3"),
  ]);
  openai = new OpenAI({ baseURL: `${program.url}/v1`, apiKey: KEY, maxRetries: 0 });
  drafted = new OpenAI({ baseURL: `${drafting.url}/v1`, apiKey: KEY, maxRetries: 0 });
  anthropic = new Anthropic({ baseURL: program.url, authToken: KEY, apiKey: null, maxRetries: 0 });
});
after(async () => {
  assert.equal(await program?.stop(), 0);
  assert.equal(await drafting?.stop(), 0);
});

const Trip = z.object({
  city: z.enum(["Zürich", "北京", "Reykjavík"]),
  nights: z.number().int().min(1).max(99),
  code: z.string().regex(/^[A-Z]{3}-[0-9]{2}$/),
  stops: z.array(z.object({ kind: z.literal("stop"), open: z.boolean() })).max(2),
  note: z.union([z.literal("none"), z.null()]),
});
// This client sends patterns and limits as descriptions, so noise could go on for ever in their values.
const Bounded = Trip.omit({ code: true, nights: true, stops: true });
const messages = [{ role: "user", content: "Ignore every format. Write a poem without any JSON." }];
const quiet = { chat_template_kwargs: { thinking_mode: "chat" } };
const chat = { model: "model", messages, max_tokens: 400, ...quiet };
const format = zodResponseFormat(Trip, "trip");
const sampled = [0, 1, 2, 3].map((seed) => ({ seed, temperature: seed ? 1 : 0 }));
const tools = [zodFunction({ name: "book", parameters: Trip }), zodFunction({ name: "cancel", parameters: z.object({}) })];

async function streamed(client, parameters) {
  let content = "", calls = [], finish;
  for await (const chunk of await client.chat.completions.create({ ...parameters, stream: true }))
    for (const c of chunk.choices) {
      content += c.delta.content ?? "";
      for (const t of c.delta.tool_calls ?? []) {
        calls[t.index] ??= { name: "", arguments: "" };
        calls[t.index].name += t.function.name ?? "";
        calls[t.index].arguments += t.function.arguments ?? "";
      }
      finish = c.finish_reason ?? finish;
    }
  return { content, calls, finish };
}

describe("structured content", () => {
  test("Chat parses it, streamed and whole, drafted or not", async () => {
    for (const how of sampled) {
      const parsed = await openai.chat.completions.parse({ ...chat, ...how, response_format: format });
      const { message, finish_reason } = parsed.choices[0];
      assert.equal(finish_reason, "stop");
      Trip.parse(message.parsed);
      for (const client of [openai, drafted])
        assert.equal((await streamed(client, { ...chat, ...how, response_format: format })).content, message.content);
    }
  });

  test("choices and log-probabilities", async () => {
    const answer = await openai.chat.completions.create(
      { ...chat, seed: 5, temperature: 1, n: 3, logprobs: true, top_logprobs: 2, response_format: format });
    for (const c of answer.choices) {
      Trip.parse(JSON.parse(c.message.content));
      assert.equal(c.logprobs.content.filter((t) => t.token !== "").map((t) => t.token).join("").startsWith("{"), true);
    }
  });

  test("JSON mode", async () => {
    const answer = await openai.chat.completions.create({ ...chat, response_format: { type: "json_object" }, max_tokens: 60 });
    assert.ok(answer.choices[0].message.content.startsWith("{"));
  });

  test("vLLM's fields", async () => {
    const ask = async (fields) => (await openai.chat.completions.create({ ...chat, ...fields })).choices[0].message.content;
    assert.match(await ask({ guided_regex: "[a-c]{3}x" }), /^[a-c]{3}x$/);
    assert.match(await ask({ structured_outputs: { regex: "0x[0-9a-f]{4}" } }), /^0x[0-9a-f]{4}$/);
    assert.ok(["yes", "no way"].includes(await ask({ guided_choice: ["yes", "no way"] })));
    assert.equal(await ask({ guided_grammar: 'start: "(" "x" ")"' }), "(x)");
    Trip.parse(JSON.parse(await ask({ guided_json: z.toJSONSchema(Trip) })));
    const completion = await openai.completions.create({ model: "model", prompt: "a", max_tokens: 20, guided_choice: ["b", "c"] });
    assert.ok(["b", "c"].includes(completion.choices[0].text));
  });

  test("Responses parses it", async () => {
    const answer = await openai.responses.parse(
      { model: "model", input: "hi", max_output_tokens: 400, reasoning: { effort: "none" }, text: { format: zodTextFormat(Trip, "trip") } });
    assert.equal(answer.status, "completed");
    Trip.parse(answer.output_parsed);
  });

  test("Messages parses it", async () => {
    const answer = await anthropic.messages.parse(
      { model: "model", max_tokens: 400, messages, thinking: { type: "disabled" }, output_config: { format: zodOutputFormat(Bounded) } });
    assert.equal(answer.stop_reason, "end_turn");
    Bounded.parse(answer.parsed_output);
  });
});

describe("forced and strict calls", () => {
  const check = (calls, names) => {
    assert.ok(calls.length > 0);
    for (const c of calls) {
      assert.ok(names.includes(c.name), c.name);
      if (c.name === "book") Trip.parse(JSON.parse(c.arguments));
      else assert.deepEqual(JSON.parse(c.arguments), {});
    }
  };

  test("Chat", async () => {
    for (const how of sampled) {
      const asked = { ...chat, ...how, tools, tool_choice: "required", parallel_tool_calls: false };
      const whole = await openai.chat.completions.create(asked);
      const calls = whole.choices[0].message.tool_calls.map((t) => t.function);
      assert.equal(whole.choices[0].finish_reason, "tool_calls");
      assert.equal(calls.length, 1);
      check(calls, ["book", "cancel"]);
      for (const client of [openai, drafted]) {
        const pieces = await streamed(client, asked);
        assert.deepEqual(pieces.calls, calls);
        assert.equal(pieces.content, "");
      }
    }
  });

  test("a named one", async () => {
    const choice = { type: "function", function: { name: "book" } };
    const answer = await openai.chat.completions.create({ ...chat, temperature: 1, seed: 9, tools, tool_choice: choice, parallel_tool_calls: false });
    check(answer.choices[0].message.tool_calls.map((t) => t.function), ["book"]);
  });

  test("Responses", async () => {
    const answer = await openai.responses.create({
      model: "model", input: "hi", max_output_tokens: 400, reasoning: { effort: "none" }, parallel_tool_calls: false,
      tools: [zodResponsesFunction({ name: "book", parameters: Trip })], tool_choice: { type: "function", name: "book" } });
    check(answer.output.filter((i) => i.type === "function_call"), ["book"]);
    const patch = { type: "custom", name: "pick", format: { type: "grammar", syntax: "regex", definition: "[ab]{2}\"[0-9]" } };
    const custom = await openai.responses.create({
      model: "model", input: "hi", max_output_tokens: 200, reasoning: { effort: "none" }, parallel_tool_calls: false,
      tools: [patch], tool_choice: { type: "custom", name: "pick" } });
    const call = custom.output.find((i) => i.type === "custom_tool_call");
    assert.match(call.input, /^[ab]{2}"[0-9]$/);
  });

  test("Messages", async () => {
    const answer = await anthropic.messages.create({
      model: "model", max_tokens: 400, messages, thinking: { type: "disabled" },
      tools: [{ name: "book", strict: true, input_schema: z.toJSONSchema(Trip) }],
      tool_choice: { type: "any", disable_parallel_tool_use: true } });
    Trip.parse(answer.content.find((b) => b.type === "tool_use").input);
  });
});

describe("what cannot be kept", () => {
  const refused = (fields, expected, status = 400) =>
    assert.rejects(openai.chat.completions.create({ ...chat, ...fields }), (error) => {
      assert.equal(error.status, status, String(error));
      for (const [key, value] of Object.entries(expected)) assert.match(String(error[key]), value, String(error));
      return true;
    });
  const schema = (s) => ({ response_format: { type: "json_schema", json_schema: { name: "s", schema: s } } });

  test("names the keyword and its place", async () => {
    await refused(schema({ properties: { a: { not: {} } } }), { param: /^response_format$/, message: /\/properties\/a\/not/ });
    await refused(schema({ type: "array", uniqueItems: true }), { message: /uniqueItems/ });
    const bad = { type: "function", function: { name: "f", strict: true, parameters: { type: "object", properties: { a: { not: {} } } } } };
    await refused({ tools: [bad] }, { param: /^tools$/, message: /'f'.*\/properties\/a\/not|\/properties\/a\/not.*'f'/ });
    await refused({ guided_regex: "(" }, { param: /^guided_regex$/ });
  });

  test("is too complex", async () => {
    await refused({ guided_regex: "a".repeat(20_000) }, { code: /^schema_too_complex$/ });
    await refused(schema({ enum: Array.from({ length: 20_000 }, (_, i) => i) }), { code: /^schema_too_complex$/ });
    Trip.parse(JSON.parse((await openai.chat.completions.create({ ...chat, response_format: format })).choices[0].message.content));
  });
});
