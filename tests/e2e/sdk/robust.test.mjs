// Goal: bad input and bad clients do not disturb other requests. Method: raw requests and sockets against the program,
// with a good request before, beside and after each.
import assert from "node:assert/strict";
import { connect } from "node:net";
import { after, before, test } from "node:test";
import OpenAI from "openai";
import { KEY, eventually, metric, startProgram } from "./program.mjs";

let program, client, port;
const greedy = { model: "model", messages: [{ role: "user", content: "Say hi." }], temperature: 0, max_tokens: 8 };
let expected;
before(async () => {
  program = await startProgram("--queue", "4", "--parallel", "2");
  port = Number(new URL(program.url).port);
  client = new OpenAI({ baseURL: `${program.url}/v1`, apiKey: KEY, maxRetries: 0 });
  expected = (await client.chat.completions.create(greedy)).choices[0].message.content;
});
after(async () => assert.equal(await program?.stop(), 0));

const works = async () =>
  assert.equal((await client.chat.completions.create(greedy)).choices[0].message.content, expected);
const post = (path, body) =>
  fetch(program.url + path, { method: "POST", headers: { authorization: `Bearer ${KEY}` }, body });

test("F20_ bodies that are no requests: a NUL ends none", async () => {
  const whole = '{"prompt":"a","max_tokens":1,"messages":[{"role":"user","content":"a"}]}';
  const bodies = ["", "{", "[]", "null", `${whole}\0`, `${whole}\0more`, Buffer.from([0xff, 0xfe]), "[".repeat(1_000_000), '{"messages":"\\ud800"}'];
  for (const path of ["/v1/chat/completions", "/v1/completions", "/v1/messages", "/v1/messages/count_tokens"])
    for (const body of bodies) {
      const answer = await post(path, body);
      assert.equal(answer.status, 400);
      assert.ok((await answer.json()).error.message);
    }
  await works();
});

test("a body of 100 MB", async () => {
  const answer = await post("/v1/chat/completions", Buffer.alloc(100 << 20, "[")).catch((error) => error);
  if (!(answer instanceof Error)) assert.equal(answer.status, 413); // or a reset: the body is not read
  await works();
});

test("a full queue is said, and later requests are served", async () => {
  const answers = await Promise.allSettled(
    Array.from({ length: 40 }, () => client.chat.completions.create({ ...greedy, max_tokens: 64, ignore_eos: true })),
  );
  const refused = answers.filter((a) => a.status === "rejected");
  assert.ok(answers.length > refused.length, "some were served");
  assert.ok(refused.length > 0, "some were refused");
  for (const r of refused) {
    assert.ok(r.reason instanceof OpenAI.RateLimitError, String(r.reason));
    assert.equal(r.reason.headers.get("retry-after"), "1");
  }
  await works();
});

test("500 connections", async () => {
  const sockets = await Promise.all(
    Array.from(
      { length: 500 },
      () =>
        new Promise((resolve, reject) => {
          const socket = connect(port, "127.0.0.1", () => resolve(socket));
          socket.on("error", reject);
        }),
    ),
  );
  sockets.forEach((socket, i) => socket.write(i % 2 ? "POST /v1/chat/comp" : "GET /health HTTP/1.1\r\nhost: x\r\n"));
  await works();
  sockets.forEach((socket) => socket.destroy());
  await eventually("they are gone", async () => (await metric(program.url, "autark_connections")) < 10);
});

test("clients that vanish at every moment", async () => {
  const body = JSON.stringify({ ...greedy, stream: true, max_tokens: 400, ignore_eos: true });
  const text = `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${KEY}\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
  for (let i = 0; i < 20; ++i) {
    await new Promise((resolve) => {
      const socket = connect(port, "127.0.0.1", () => socket.write(text.slice(0, Math.ceil((text.length * (i + 1)) / 16))));
      socket.on("data", () => socket.resetAndDestroy?.() ?? socket.destroy());
      socket.on("close", resolve);
      socket.on("error", resolve);
      setTimeout(() => socket.destroy(), 200).unref();
    });
  }
  await eventually("the engine is idle", async () => (await metric(program.url, "autark_engine_running")) === 0);
  await works();
});
