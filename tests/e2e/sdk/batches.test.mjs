// Goal: the official OpenAI client's Batch calls work unchanged. Method: a real small model; the answers of a batch
// against those of the same requests sent alone, and batches that are wrong, cancelled or listed.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import OpenAI, { toFile } from "openai";
import { KEY, eventually, metric, startProgram } from "./program.mjs";

let program, client;
before(async () => {
  program = await startProgram();
  client = new OpenAI({ baseURL: `${program.url}/v1`, apiKey: KEY, maxRetries: 0 });
});
after(async () => assert.equal(await program?.stop(), 0));

const ask = (content) => ({
  model: "model",
  messages: [{ role: "user", content }],
  temperature: 0,
  max_tokens: 16,
});
const cities = ["France", "Italy", "Spain", "Japan", "Egypt", "Peru"];
const questions = cities.map((country) => ask(`Name the capital of ${country}.`));

const upload = async (url, bodies) => {
  const lines = bodies.map((body, i) => JSON.stringify({ custom_id: `c${i}`, method: "POST", url, body }));
  return client.files.create({ file: await toFile(Buffer.from(lines.join("\n")), "in.jsonl"), purpose: "batch" });
};
const begin = async (endpoint, bodies, more = {}) => {
  const input = await upload(endpoint, bodies);
  return client.batches.create({ input_file_id: input.id, endpoint, completion_window: "24h", ...more });
};
const ended = async (batch) => {
  const last = ["completed", "failed", "expired", "cancelled"];
  let now = batch;
  await eventually(`the end of ${batch.id}`, async () => {
    now = await client.batches.retrieve(batch.id);
    return last.includes(now.status);
  });
  return now;
};
const linesOf = async (id) => {
  const text = await (await client.files.content(id)).text();
  return new Map(text.trim().split("\n").map((line) => [JSON.parse(line).custom_id, JSON.parse(line)]));
};

describe("a batch", () => {
  test("answers every request as it is answered alone", async () => {
    const batch = await begin("/v1/chat/completions", questions, { metadata: { run: "1" } });
    assert.match(batch.id, /^batch_/);
    assert.equal(batch.object, "batch");
    assert.deepEqual(batch.metadata, { run: "1" });
    const done = await ended(batch);
    assert.equal(done.status, "completed");
    assert.deepEqual(done.request_counts, { total: questions.length, completed: questions.length, failed: 0 });
    assert.equal(done.error_file_id, null);
    assert.ok(done.completed_at >= done.in_progress_at && done.in_progress_at >= done.created_at);
    const lines = await linesOf(done.output_file_id);
    for (const [i, question] of questions.entries()) {
      const { response, error } = lines.get(`c${i}`);
      assert.equal(error, null);
      assert.equal(response.status_code, 200);
      const alone = await client.chat.completions.create(question);
      assert.equal(response.body.choices[0].message.content, alone.choices[0].message.content);
      assert.equal(response.body.usage.completion_tokens, alone.usage.completion_tokens);
    }
    assert.equal((await client.files.retrieve(done.output_file_id)).purpose, "batch_output");
  });

  test("counts its usage", async () => {
    const before = await metric(program.url, "autark_completion_tokens_total");
    const done = await ended(await begin("/v1/responses", [{ model: "model", input: "Hi", max_output_tokens: 8 }]));
    const { response } = (await linesOf(done.output_file_id)).get("c0");
    const counted = (await metric(program.url, "autark_completion_tokens_total")) - before;
    assert.equal(counted, response.body.usage.output_tokens);
  });

  test("has an error file for requests that fail", async () => {
    const bodies = [{ model: "model", prompt: "One, two,", max_tokens: 4 }, { model: "model", prompt: {} }];
    const done = await ended(await begin("/v1/completions", bodies));
    assert.deepEqual(done.request_counts, { total: 2, completed: 1, failed: 1 });
    assert.equal((await linesOf(done.error_file_id)).get("c1").response.status_code, 400);
    assert.equal((await linesOf(done.output_file_id)).get("c0").response.status_code, 200);
  });

  test("of a wrong file fails with its lines", async () => {
    const done = await ended(await begin("/v1/chat/completions", [questions[0], { ...questions[1], stream: true }]));
    assert.equal(done.status, "failed");
    assert.equal(done.errors.data[0].line, 2);
    assert.equal(done.errors.data[0].param, "body.stream");
    assert.equal(done.output_file_id, null);
  });

  test("can be cancelled", async () => {
    const long = Array.from({ length: 40 }, (_, i) => ({ ...ask(`Count from ${i}.`), max_tokens: 200, ignore_eos: true }));
    const batch = await begin("/v1/chat/completions", long);
    assert.ok(["cancelling", "cancelled"].includes((await client.batches.cancel(batch.id)).status));
    const done = await ended(batch);
    assert.equal(done.status, "cancelled");
    assert.ok(done.request_counts.completed < long.length);
  });

  test("is refused without its file, and unknown ones are not found", async () => {
    const wrong = { input_file_id: "file-none", endpoint: "/v1/chat/completions", completion_window: "24h" };
    await assert.rejects(client.batches.create(wrong), OpenAI.BadRequestError);
    await assert.rejects(client.batches.retrieve("batch_none"), OpenAI.NotFoundError);
    await assert.rejects(client.batches.cancel("batch_none"), OpenAI.NotFoundError);
  });
});

test("batches are listed, the newest first", async () => {
  const made = [];
  for (const question of questions.slice(0, 3)) made.push((await begin("/v1/chat/completions", [question])).id);
  const listed = [];
  for await (const batch of client.batches.list({ limit: 2 })) listed.push(batch);
  for (const id of made) assert.equal(listed.filter((batch) => batch.id === id).length, 1);
  for (const [i, batch] of listed.entries()) assert.ok(i === 0 || batch.created_at <= listed[i - 1].created_at);
});
