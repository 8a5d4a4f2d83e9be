// Goal: what the official clients do by themselves works against the program: they send a refused request again, carry
// custom tools there and back, and add up the usage of streams. Method: a DeepSeek-V4 checkpoint of noise, whose calls
// are held to grammars; a server with one place, and one that still loads its model, for the retries.
import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { KEY, eventually, metric, spawnProgram, startProgram, startProgramOf } from "./program.mjs";
import { makeV4Checkpoint } from "./v4_checkpoint.mjs";

const openaiAt = (program, more) => new OpenAI({ baseURL: `${program.url}/v1`, apiKey: KEY, maxRetries: 0, ...more });
const anthropicAt = (program, more) => new Anthropic({ baseURL: program.url, authToken: KEY, apiKey: null, maxRetries: 0, ...more });

describe("custom tools", () => {
  let program, client;
  before(async () => {
    makeV4Checkpoint("v4-custom", process.env.AUTARK_V4_TOKENIZER);
    program = await startProgramOf("v4-custom");
    client = openaiAt(program);
  });
  after(async () => assert.equal(await program?.stop(), 0));

  const SHAPES = [
    { syntax: "regex", definition: 'go [a-c]{2} "[0-9]"', shape: /^go [a-c]{2} "[0-9]"$/ },
    { syntax: "lark", definition: 'start: "<" ("x" | "é") ">"', shape: /^<(x|é)>$/ },
  ];
  const asked = { model: "model", temperature: 0, chat_template_kwargs: { thinking_mode: "chat" }, parallel_tool_calls: false };
  const question = { role: "user", content: "Do not call anything." };
  const chatTool = ({ syntax, definition }) => ({
    type: "custom", custom: { name: "step", description: "One step", format: { type: "grammar", grammar: { syntax, definition } } },
  });
  const forced = { type: "custom", custom: { name: "step" } };

  for (const each of SHAPES) {
    test(`Chat, ${each.syntax}: whole, streamed, and the next turn`, async () => {
      const body = { ...asked, max_tokens: 200, messages: [question], tools: [chatTool(each)], tool_choice: forced };
      const whole = await client.chat.completions.create(body);
      const [call] = whole.choices[0].message.tool_calls;
      assert.equal(call.type, "custom");
      assert.match(call.custom.input, each.shape);
      let input = "";
      for await (const chunk of await client.chat.completions.create({ ...body, stream: true }))
        for (const t of chunk.choices[0]?.delta.tool_calls ?? []) input += t.custom?.input ?? "";
      assert.equal(input, call.custom.input);
      const messages = [question, whole.choices[0].message, { role: "tool", tool_call_id: call.id, content: "done" }];
      const next = await client.chat.completions.create({ ...body, messages });
      assert.match(next.choices[0].message.tool_calls[0].custom.input, each.shape);
      assert.ok(next.usage.prompt_tokens > whole.usage.prompt_tokens);
    });

    test(`Responses, ${each.syntax}: whole, streamed, and the next turn`, async () => {
      const { syntax, definition, shape } = each;
      const body = {
        model: "model", temperature: 0, max_output_tokens: 200, reasoning: { effort: "none" }, parallel_tool_calls: false, input: "hi",
        tools: [{ type: "custom", name: "step", format: { type: "grammar", syntax, definition } }],
        tool_choice: { type: "custom", name: "step" },
      };
      const whole = await client.responses.create(body);
      const call = whole.output.find((item) => item.type === "custom_tool_call");
      assert.match(call.input, shape);
      let input = "", done;
      for await (const event of await client.responses.create({ ...body, stream: true })) {
        if (event.type === "response.custom_tool_call_input.delta") input += event.delta;
        if (event.type === "response.custom_tool_call_input.done") done = event.input;
      }
      assert.equal(input, call.input);
      assert.equal(done, call.input);
      const result = { type: "custom_tool_call_output", call_id: call.call_id, output: "done" };
      const next = await client.responses.create({ ...body, input: [result], previous_response_id: whole.id });
      assert.match(next.output.find((item) => item.type === "custom_tool_call").input, shape);
      assert.ok(next.usage.input_tokens > whole.usage.input_tokens);
    });
  }

  test("a custom tool of free text beside a function", async () => {
    const tools = [
      { type: "custom", custom: { name: "note" } },
      { type: "function", function: { name: "pick", strict: true, parameters: { type: "object", properties: { n: { enum: [1, 2] } }, required: ["n"], additionalProperties: false } } },
    ];
    const picked = await client.chat.completions.create(
      { ...asked, max_tokens: 200, messages: [question], tools, tool_choice: { type: "function", function: { name: "pick" } } });
    assert.ok([1, 2].includes(JSON.parse(picked.choices[0].message.tool_calls[0].function.arguments).n));
  });
});

describe("retries", () => {
  let program;
  afterEach(async () => assert.equal(await program?.stop(), 0));
  const hello = { model: "model", max_tokens: 4, messages: [{ role: "user", content: "Say hello." }] };
  const endless = { ...hello, max_tokens: undefined, ignore_eos: true, stream: true };

  test("a client that comes while the model loads is answered", async () => {
    program = await spawnProgram();
    await eventually("it listens", async () => (await fetch(`${program.url}/health`).catch(() => undefined))?.ok);
    const answers = await Promise.all([
      openaiAt(program, { maxRetries: 60 }).chat.completions.create(hello),
      anthropicAt(program, { maxRetries: 60 }).messages.create(hello),
    ]);
    assert.ok(answers[0].choices[0].message.content.length > 0);
    assert.ok(answers[1].content[0].text.length > 0);
  });

  test("a client that is refused by a full queue waits as long as it is told", async () => {
    program = await startProgram("--parallel", "1", "--queue", "1");
    const client = openaiAt(program);
    const streams = [];
    for (let i = 0; i < 2; ++i) {
      const controller = new AbortController();
      streams.push({ controller, answer: client.chat.completions.create(endless, { signal: controller.signal }) });
      if (i === 0) await streams[0].answer;
    }
    await eventually("one waits", async () => (await metric(program.url, "autark_engine_waiting")) >= 1);
    const late = [
      openaiAt(program, { maxRetries: 60 }).chat.completions.create(hello),
      anthropicAt(program, { maxRetries: 60 }).messages.create(hello),
    ];
    await eventually("both were refused", async () => (await metric(program.url, "autark_engine_rejected_total")) >= 2);
    for (const { controller, answer } of streams) {
      controller.abort();
      await answer.catch(() => undefined);
    }
    const [chat, message] = await Promise.all(late);
    assert.equal(chat.usage.prompt_tokens, message.usage.input_tokens);
  });

  test("an Idempotency-Key makes a repeated request one", async () => {
    program = await startProgram();
    const client = openaiAt(program);
    const key = { headers: { "Idempotency-Key": "one" } };
    const once = await client.chat.completions.create({ ...hello, temperature: 1 }, key);
    const again = await client.chat.completions.create({ ...hello, temperature: 1 }, key);
    assert.equal(again.id, once.id);
    await assert.rejects(client.chat.completions.create({ ...hello, temperature: 0 }, key), OpenAI.ConflictError);
  });
});

describe("usage", () => {
  let program;
  before(async () => (program = await startProgram()));
  after(async () => assert.equal(await program?.stop(), 0));
  const messages = [{ role: "user", content: "Name the capital of France." }];
  const greedy = { model: "model", messages, temperature: 0, max_tokens: 12 };

  test("is the same whole, streamed, by helpers, and over all wires", async () => {
    const [openai, anthropic] = [openaiAt(program), anthropicAt(program)];
    const input = { model: "model", input: messages, temperature: 0, max_output_tokens: 12 };
    const ofChat = (u) => [u.prompt_tokens, u.completion_tokens];
    const ofOthers = (u) => [u.input_tokens, u.output_tokens];
    const chat = openai.chat.completions.stream({ ...greedy, stream_options: { include_usage: true } });
    let last;
    for await (const chunk of await openai.chat.completions.create(
      { ...greedy, stream: true, stream_options: { include_usage: true, continuous_usage_stats: true } }))
      last = chunk.usage ?? last;
    const text = await openai.completions.create({ model: "model", prompt: "The sun", temperature: 0, max_tokens: 12, stream: true, stream_options: { include_usage: true } });
    let lastOfText;
    for await (const chunk of text) lastOfText = chunk.usage ?? lastOfText;
    const wholeText = await openai.completions.create({ model: "model", prompt: "The sun", temperature: 0, max_tokens: 12 });
    assert.deepEqual(ofChat(lastOfText), ofChat(wholeText.usage));
    const all = [
      ofChat((await openai.chat.completions.create(greedy)).usage),
      ofChat(await chat.totalUsage()),
      ofChat(last),
      ofOthers((await openai.responses.create(input)).usage),
      ofOthers((await openai.responses.stream(input).finalResponse()).usage),
      ofOthers((await anthropic.messages.create(greedy)).usage),
      ofOthers((await anthropic.messages.stream(greedy).finalMessage()).usage),
    ];
    for (const each of all) assert.deepEqual(each, all[0]);
    const counted = await anthropic.messages.countTokens({ model: "model", messages });
    assert.equal(counted.input_tokens, all[0][0]);
  });
});
