// Goal: the official OpenAI client works unchanged. Method: a real small model; properties that hold for every
// answer, and equal answers to equivalent requests.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import OpenAI from "openai";
import { KEY, eventually, metric, startProgram } from "./program.mjs";

let program, client;
before(async () => {
  program = await startProgram();
  client = new OpenAI({ baseURL: `${program.url}/v1`, apiKey: KEY, maxRetries: 0 });
});
after(async () => assert.equal(await program?.stop(), 0));

const messages = [{ role: "user", content: "Name the capital of France." }];
const greedy = { model: "model", messages, temperature: 0, max_tokens: 24 };

async function streamed(parameters) {
  const stream = await client.chat.completions.create({ ...parameters, stream: true });
  const choices = [];
  let usage;
  for await (const chunk of stream) {
    usage = chunk.usage ?? usage;
    for (const c of chunk.choices) {
      const mine = (choices[c.index] ??= { text: "", roles: 0, logprobs: [], finish: null });
      mine.text += c.delta.content ?? "";
      mine.roles += c.delta.role === "assistant";
      mine.logprobs.push(...(c.logprobs?.content ?? []));
      mine.finish = c.finish_reason ?? mine.finish;
    }
  }
  return { choices, usage };
}

describe("chat", () => {
  test("answers", async () => {
    const { data, response } = await client.chat.completions.create(greedy).withResponse();
    assert.equal(data.object, "chat.completion");
    assert.match(data.id, /^chatcmpl-/);
    assert.equal(data.model, "model");
    assert.match(data.choices[0].message.content, /Paris/);
    assert.ok(["stop", "length"].includes(data.choices[0].finish_reason));
    assert.equal(data.usage.total_tokens, data.usage.prompt_tokens + data.usage.completion_tokens);
    assert.match(data._request_id, /^req_/);
    assert.ok(Number(response.headers.get("openai-processing-ms")) >= 0);
  });

  test("a stream joined is the whole answer", async () => {
    const whole = await client.chat.completions.create(greedy);
    const { choices, usage } = await streamed({ ...greedy, stream_options: { include_usage: true } });
    assert.equal(choices[0].text, whole.choices[0].message.content);
    assert.equal(choices[0].finish, whole.choices[0].finish_reason);
    assert.equal(choices[0].roles, 1);
    assert.deepEqual(usage, whole.usage);
  });

  test("the client's own stream helper", async () => {
    const runner = client.chat.completions.stream(greedy);
    const final = await runner.finalChatCompletion();
    const whole = await client.chat.completions.create(greedy);
    assert.equal(final.choices[0].message.content, whole.choices[0].message.content);
  });

  test("logprobs carry the text's bytes", async () => {
    const answer = await client.chat.completions.create({ ...greedy, max_tokens: 8, logprobs: true, top_logprobs: 3 });
    const { content } = answer.choices[0].logprobs;
    assert.equal(content.length, answer.usage.completion_tokens);
    for (const t of content) {
      assert.ok(t.logprob <= 0);
      assert.equal(t.top_logprobs.length, 3);
      assert.equal(t.top_logprobs[0].logprob, t.logprob, "greedy: the chosen one is the best");
      assert.ok(t.top_logprobs[0].logprob >= t.top_logprobs[1].logprob);
    }
    const text = Buffer.from(content.flatMap((t) => t.bytes)).toString();
    assert.ok(text.startsWith(answer.choices[0].message.content));
    const { choices } = await streamed({ ...greedy, max_tokens: 8, logprobs: true, top_logprobs: 3 });
    assert.deepEqual(choices[0].logprobs, content);
  });

  test("n choices, the same seed the same texts", async () => {
    const parameters = { ...greedy, temperature: 1.2, n: 3, seed: 42 };
    const texts = (a) => a.choices.map((c) => c.message.content);
    const first = await client.chat.completions.create(parameters);
    assert.equal(first.choices.length, 3);
    assert.deepEqual(first.choices.map((c) => c.index), [0, 1, 2]);
    assert.ok(new Set(texts(first)).size > 1, "choices differ");
    assert.deepEqual(texts(await client.chat.completions.create(parameters)), texts(first));
    const { choices } = await streamed(parameters);
    assert.deepEqual(choices.map((c) => c.text), texts(first));
    const other = await client.chat.completions.create({ ...parameters, seed: 43 });
    assert.notDeepEqual(texts(other), texts(first));
    const alone = await client.chat.completions.create({ ...parameters, n: 1 });
    assert.equal(texts(alone)[0], texts(first)[0]);
  });

  test("others in the batch change nothing", async () => {
    const alone = await client.chat.completions.create(greedy);
    const crowd = ["Tell a story.", "Count to ten.", "What is rain?", "Say hello."].map((content) =>
      client.chat.completions.create({ ...greedy, messages: [{ role: "user", content }] }),
    );
    const among = await client.chat.completions.create(greedy);
    await Promise.all(crowd);
    assert.equal(among.choices[0].message.content, alone.choices[0].message.content);
  });

  test("stop strings never come out, also across tokens", async () => {
    const whole = (await client.chat.completions.create(greedy)).choices[0].message.content;
    const at = Math.floor(whole.length / 2);
    for (const stop of [whole.slice(at, at + 1), whole.slice(at, at + 5), ["never-said", whole.slice(at - 3, at + 6)]]) {
      const strings = [stop].flat();
      const cut = Math.min(...strings.map((s) => whole.indexOf(s)).filter((i) => i >= 0));
      const answer = await client.chat.completions.create({ ...greedy, stop });
      assert.equal(answer.choices[0].message.content, whole.slice(0, cut));
      assert.equal(answer.choices[0].finish_reason, "stop");
      assert.equal((await streamed({ ...greedy, stop })).choices[0].text, whole.slice(0, cut));
    }
  });

  test("max_tokens ends with length", async () => {
    const answer = await client.chat.completions.create({ ...greedy, max_tokens: 1, max_completion_tokens: 3 });
    assert.equal(answer.usage.completion_tokens, 3);
    assert.equal(answer.choices[0].finish_reason, "length");
  });

  test("typed special tokens stay text", async () => {
    const count = async (content) =>
      (await client.chat.completions.create({ ...greedy, max_tokens: 1, messages: [{ role: "user", content }] })).usage
        .prompt_tokens;
    assert.ok((await count("<|im_end|><|im_start|>")) - (await count("")) > 2);
  });
});

describe("completions", () => {
  const base = { model: "model", prompt: "The sun rises in the", temperature: 0, max_tokens: 8 };

  test("continues text, sixteen tokens unless told", async () => {
    const answer = await client.completions.create({ model: "model", prompt: base.prompt, temperature: 0 });
    assert.equal(answer.object, "text_completion");
    assert.ok(answer.usage.completion_tokens <= 16);
    let joined = "";
    for await (const chunk of await client.completions.create({ ...base, max_tokens: 16, stream: true }))
      joined += chunk.choices[0].text;
    assert.equal(joined, answer.choices[0].text);
  });

  test("F01_ special tokens of a text prompt are tokens, unless told otherwise", async () => {
    const count = async (more) =>
      (await client.completions.create({ ...base, max_tokens: 1, prompt: "<|im_start|>a<|im_end|>", ...more })).usage.prompt_tokens;
    assert.equal(await count({}), 3);
    assert.ok((await count({ parse_special: false })) > 6);
  });

  test("scores prompts of token ids in batches, as evaluation harnesses ask", async () => {
    const prompts = [
      [504, 3575, 282],
      [504, 3575, 282, 4649, 314],
    ];
    const ask = { model: "model", prompt: prompts, max_tokens: 1, temperature: 0, echo: true, logprobs: 1, seed: 1234 };
    const answer = await client.completions.create(ask);
    assert.equal(answer.choices.length, 2);
    answer.choices.forEach((c, i) => {
      const { tokens, token_logprobs, top_logprobs, text_offset } = c.logprobs;
      const length = prompts[i].length + 1;
      for (const list of [tokens, token_logprobs, top_logprobs, text_offset]) assert.equal(list.length, length);
      assert.equal(token_logprobs[0], null);
      assert.ok(token_logprobs.slice(1).every((v) => v <= 0));
      const last = Object.values(top_logprobs.at(-1));
      assert.equal(token_logprobs.at(-1), Math.max(...last), "greedy");
      text_offset.slice(1).forEach((at, k) => assert.ok(at >= text_offset[k]));
    });
    const [short, long] = answer.choices.map((c) => c.logprobs.token_logprobs);
    assert.deepEqual(long.slice(0, 3), short.slice(0, 3), "the same prefix scores the same");
  });

  test("max_tokens 0 scores only", async () => {
    const answer = await client.completions.create({ ...base, max_tokens: 0, echo: true, logprobs: 0 });
    assert.equal(answer.choices[0].text, base.prompt);
    assert.equal(answer.choices[0].logprobs.token_logprobs.length, answer.usage.prompt_tokens);
    assert.equal(answer.usage.completion_tokens, 0);
  });

  test("an echoed text comes back, tokens join to it, offsets point into it", async () => {
    const prompt = "Grüße, 世界! 🦊 ok";
    const { choices } = await client.completions.create({ ...base, prompt, echo: true, logprobs: 2 });
    assert.ok(choices[0].text.startsWith(prompt));
    const { tokens, text_offset } = choices[0].logprobs;
    const letters = [...choices[0].text];
    tokens.forEach((token, i) => {
      if (!token.startsWith("bytes:") && text_offset[i] + [...token].length <= [...prompt].length)
        assert.equal(letters.slice(text_offset[i], text_offset[i] + [...token].length).join(""), token);
    });
  });

  test("several prompts, several choices", async () => {
    const answer = await client.completions.create({ ...base, prompt: ["One", "Two"], n: 2, temperature: 1, seed: 1 });
    assert.deepEqual(answer.choices.map((c) => c.index), [0, 1, 2, 3]);
  });
});

describe("models", () => {
  test("list and retrieve", async () => {
    const list = [];
    for await (const m of client.models.list()) list.push(m.id);
    assert.deepEqual(list, ["model"]);
    assert.equal((await client.models.retrieve("model")).object, "model");
    await assert.rejects(client.models.retrieve("other"), OpenAI.NotFoundError);
  });
});

describe("errors are the client's own classes", () => {
  const fails = (parameters, kind, expected) =>
    assert.rejects(client.chat.completions.create({ ...greedy, ...parameters }), (error) => {
      assert.ok(error instanceof kind, String(error));
      for (const [key, value] of Object.entries(expected)) assert.equal(error[key], value, String(error));
      return true;
    });

  test("bad requests name the field", async () => {
    await fails({ temperature: 3 }, OpenAI.BadRequestError, { param: "temperature", status: 400 });
    await fails({ messages: [] }, OpenAI.BadRequestError, { param: "messages" });
    await fails({ tools: [{ type: "function", function: { name: "f" } }] }, OpenAI.BadRequestError, {
      param: "tools",
      code: "unsupported_parameter",
    });
    await fails({ response_format: { type: "xml" } }, OpenAI.BadRequestError, { param: "response_format.type" });
  });
  test("unknown model", () => fails({ model: "gpt-x" }, OpenAI.NotFoundError, { code: "model_not_found" }));
  test("too long", () =>
    fails({ messages: [{ role: "user", content: "word ".repeat(40_000) }] }, OpenAI.BadRequestError, {
      code: "context_length_exceeded",
    }));
  test("wrong key", async () => {
    const stranger = new OpenAI({ baseURL: `${program.url}/v1`, apiKey: "sk-stranger", maxRetries: 0 });
    await assert.rejects(stranger.models.list(), OpenAI.AuthenticationError);
    assert.ok(!program.log().includes(KEY) && !program.log().includes("sk-stranger"));
  });
  test("what is not built says so", () =>
    assert.rejects(client.embeddings.create({ model: "model", input: "hi" }), OpenAI.NotFoundError));
  test("unknown fields do no harm", async () => {
    const plain = await client.chat.completions.create(greedy);
    const odd = await client.chat.completions.create({ ...greedy, brand_new_field: { deep: [1] }, store: false });
    assert.equal(odd.choices[0].message.content, plain.choices[0].message.content);
    assert.ok((await metric(program.url, "autark_ignored_fields_total")) >= 1);
  });
});

describe("abort", () => {
  const endless = { ...greedy, max_tokens: undefined, ignore_eos: true };

  test("breaking out of a stream frees the request", async () => {
    const before = await metric(program.url, "autark_requests_cancelled_total");
    const stream = await client.chat.completions.create({ ...endless, stream: true });
    for await (const chunk of stream) if (chunk.choices[0].delta.content) break;
    await eventually("the engine is idle", async () => (await metric(program.url, "autark_engine_running")) === 0);
    assert.equal(await metric(program.url, "autark_requests_cancelled_total"), before + 1);
  });

  test("aborting a request that waits for its whole answer frees it", async () => {
    const controller = new AbortController();
    const answer = client.chat.completions.create(endless, { signal: controller.signal });
    await eventually("it runs", async () => (await metric(program.url, "autark_engine_running")) === 1);
    controller.abort();
    await assert.rejects(answer, OpenAI.APIUserAbortError);
    await eventually("the engine is idle", async () => (await metric(program.url, "autark_engine_running")) === 0);
    assert.equal(await metric(program.url, "autark_requests_in_flight"), 0);
  });
});
