// Goal: the official Anthropic client works unchanged. Method: a real small model; the order of events, properties that
// hold for every answer, and equal answers to equivalent requests.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { KEY, eventually, metric, startProgram } from "./program.mjs";

let program, client;
before(async () => {
  program = await startProgram();
  client = new Anthropic({ baseURL: program.url, apiKey: KEY, maxRetries: 0 });
});
after(async () => assert.equal(await program?.stop(), 0));

const messages = [{ role: "user", content: "Name the capital of France." }];
const greedy = { model: "model", messages, temperature: 0, max_tokens: 24 };

describe("messages", () => {
  test("answers", async () => {
    const { data, response } = await client.messages.create(greedy).withResponse();
    assert.equal(data.type, "message");
    assert.match(data.id, /^msg_/);
    assert.equal(data.role, "assistant");
    assert.match(data.content[0].text, /Paris/);
    assert.ok(["end_turn", "max_tokens"].includes(data.stop_reason));
    assert.match(response.headers.get("request-id"), /^req_/);
  });

  test("streams in order, and joined it is the whole answer", async () => {
    const kinds = [];
    let text = "", usage, reason;
    for await (const e of await client.messages.create({ ...greedy, stream: true })) {
      if (e.type !== "ping" && kinds.at(-1) !== e.type) kinds.push(e.type);
      if (e.type === "content_block_delta") text += e.delta.text;
      if (e.type === "message_delta") [usage, reason] = [e.usage, e.delta.stop_reason];
    }
    assert.deepEqual(kinds, [
      "message_start",
      "content_block_start",
      "content_block_delta",
      "content_block_stop",
      "message_delta",
      "message_stop",
    ]);
    const whole = await client.messages.create(greedy);
    assert.equal(text, whole.content[0].text);
    assert.equal(reason, whole.stop_reason);
    assert.deepEqual({ ...usage }, { ...whole.usage });
  });

  test("the client's own stream helper", async () => {
    const helper = client.messages.stream(greedy);
    let heard = "";
    helper.on("text", (piece) => (heard += piece));
    const final = await helper.finalMessage();
    assert.equal(final.content[0].text, heard);
    assert.equal(heard, (await client.messages.create(greedy)).content[0].text);
  });

  test("stop reasons", async () => {
    const whole = (await client.messages.create(greedy)).content[0].text;
    const word = whole.slice(4, 9);
    const stopped = await client.messages.create({ ...greedy, stop_sequences: [word] });
    assert.equal(stopped.stop_reason, "stop_sequence");
    assert.equal(stopped.stop_sequence, word);
    assert.equal(stopped.content[0]?.text ?? "", whole.slice(0, whole.indexOf(word)));
    const short = await client.messages.create({ ...greedy, max_tokens: 2 });
    assert.equal(short.stop_reason, "max_tokens");
    assert.equal(short.usage.output_tokens, 2);
  });

  test("system as text or blocks, text as blocks, a system turn in between", async () => {
    const system = "Answer briefly.";
    const one = await client.messages.create({ ...greedy, system });
    const two = await client.messages.create({
      ...greedy,
      system: [{ type: "text", text: system, cache_control: { type: "ephemeral" } }],
      messages: [{ role: "user", content: [{ type: "text", text: messages[0].content }] }],
    });
    assert.deepEqual(two.content, one.content);
    assert.deepEqual({ ...two.usage }, { ...one.usage });
    const plain = await client.messages.create(greedy);
    assert.notEqual(plain.usage.input_tokens, one.usage.input_tokens);
    await client.messages.create({ ...greedy, messages: [...messages, { role: "system", content: "Now." }, ...messages] });
  });

  test("the same prompt costs the same in both dialects", async () => {
    const openai = new OpenAI({ baseURL: `${program.url}/v1`, apiKey: KEY });
    const chat = await openai.chat.completions.create(greedy);
    const { usage } = await client.messages.create(greedy);
    assert.equal(
      usage.input_tokens + usage.cache_read_input_tokens + usage.cache_creation_input_tokens,
      chat.usage.prompt_tokens,
    );
    const counted = await client.messages.countTokens({ model: "model", messages });
    assert.equal(counted.input_tokens, chat.usage.prompt_tokens);
  });

  test("a begun answer is continued", async () => {
    const whole = (await client.messages.create(greedy)).content[0].text;
    const begun = whole.slice(0, whole.lastIndexOf(" "));
    const rest = await client.messages.create({ ...greedy, messages: [...messages, { role: "assistant", content: begun }] });
    const own = await client.messages.countTokens({ model: "model", messages });
    assert.ok(rest.usage.input_tokens > own.input_tokens);
  });

  test("the beta path and headers", async () => {
    const answer = await client.beta.messages.create({ ...greedy, betas: ["some-beta-2099-01-01"] });
    assert.equal(answer.content[0].text, (await client.messages.create(greedy)).content[0].text);
  });
});

test("models", async () => {
  const list = [];
  for await (const m of client.models.list()) list.push(m);
  assert.equal(list.length, 1);
  assert.equal(list[0].type, "model");
  assert.ok(list[0].max_input_tokens > 0);
  assert.equal((await client.models.retrieve("model")).id, "model");
});

describe("errors are the client's own classes", () => {
  const fails = (parameters, kind, type, word) =>
    assert.rejects(client.messages.create({ ...greedy, ...parameters }), (error) => {
      assert.ok(error instanceof kind, String(error));
      assert.equal(error.error.type, "error");
      assert.equal(error.error.error.type, type);
      assert.match(error.error.request_id, /^req_/);
      assert.match(error.message, word);
      return true;
    });

  test("bad requests", async () => {
    await fails({ max_tokens: undefined }, Anthropic.BadRequestError, "invalid_request_error", /max_tokens/);
    await fails({ temperature: 2 }, Anthropic.BadRequestError, "invalid_request_error", /temperature/);
    await fails({ tools: [{ name: "f", input_schema: { type: "object" } }] }, Anthropic.BadRequestError,
      "invalid_request_error", /tools/);
    const image = { type: "image", source: { type: "base64", media_type: "image/png", data: "" } };
    await fails({ messages: [{ role: "user", content: [image] }] }, Anthropic.BadRequestError, "invalid_request_error",
      /messages\.0\.content\.0/);
  });
  test("unknown model", () => fails({ model: "claude-x" }, Anthropic.NotFoundError, "not_found_error", /claude-x/));
  test("too long", () =>
    fails({ messages: [{ role: "user", content: "word ".repeat(40_000) }] }, Anthropic.BadRequestError,
      "invalid_request_error", /prompt is too long: \d+ tokens > \d+ maximum/));
  test("wrong key", async () => {
    const stranger = new Anthropic({ baseURL: program.url, apiKey: "sk-stranger", maxRetries: 0 });
    await assert.rejects(stranger.messages.create(greedy), Anthropic.AuthenticationError);
  });
  test("the key as a bearer token", async () => {
    const bearer = new Anthropic({ baseURL: program.url, apiKey: null, authToken: KEY, maxRetries: 0 });
    await bearer.messages.create({ ...greedy, max_tokens: 1 });
  });
});

test("abort frees the request", async () => {
  const before = await metric(program.url, "autark_requests_cancelled_total");
  const stream = client.messages.stream({ ...greedy, max_tokens: 100_000, temperature: 1 });
  const ended = assert.rejects(stream.done(), Anthropic.APIUserAbortError);
  await new Promise((resolve) => stream.once("text", resolve));
  stream.abort();
  await ended;
  await eventually("the engine is idle", async () => (await metric(program.url, "autark_engine_running")) === 0);
  await eventually("it was counted", async () => (await metric(program.url, "autark_requests_cancelled_total")) > before);
});
