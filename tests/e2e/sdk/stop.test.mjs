// Goal: when the server stops, the official clients get an error that says so, never a cut stream, and its exit code is
// the one that service managers expect. Method: the program, signals and long requests.
import assert from "node:assert/strict";
import { test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { KEY, eventually, metric, spawnProgram, startProgram } from "./program.mjs";

const long = { model: "model", messages: [{ role: "user", content: "Count." }], max_tokens: 4000, ignore_eos: true };

async function underWay(program, count) {
  await eventually("all are under way", async () => (await metric(program.url, "autark_requests_in_flight")) === count);
}

async function read(stream) {
  for await (const event of await stream) void event;
}

test("F12_ what is cut is told to the official clients", async () => {
  const program = await startProgram("--drain-time", "1", "--parallel", "8");
  const openai = new OpenAI({ baseURL: `${program.url}/v1`, apiKey: KEY, maxRetries: 0 });
  const anthropic = new Anthropic({ baseURL: program.url, apiKey: KEY, maxRetries: 0 });
  const text = { model: "model", prompt: "Count:", max_tokens: 4000, ignore_eos: true };
  const asked = [
    read(openai.chat.completions.create({ ...long, stream: true })),
    read(openai.completions.create({ ...text, stream: true })),
    read(anthropic.messages.create({ ...long, stream: true })),
    openai.chat.completions.create(long),
    openai.completions.create(text),
    anthropic.messages.create(long),
  ];
  const ended = Promise.allSettled(asked);
  await underWay(program, asked.length);
  program.signal("SIGTERM");
  await eventually("it says that it is stopping", async () => (await fetch(`${program.url}/ready`)).status === 503);
  assert.deepEqual(await (await fetch(`${program.url}/ready`)).json(), { status: "stopping" });
  assert.equal((await fetch(`${program.url}/health`)).status, 200);
  await assert.rejects(openai.chat.completions.create(long), OpenAI.InternalServerError);
  await assert.rejects(anthropic.messages.create(long), Anthropic.InternalServerError);
  const answers = await ended;
  const cut = [...answers.entries()].filter(([, { status }]) => status === "rejected");
  const mustBeCut = [0, 1, 3, 4]; // Messages has no ignore_eos, so its answers may end by themselves
  for (const i of mustBeCut) assert.equal(answers[i].status, "rejected");
  for (const [i, { reason }] of cut) {
    assert.match(String(reason?.message), /the server stopped before the answer was whole/);
    if (i > 2) assert.equal(reason.status, 503);
  }
  assert.equal(await program.ended, 0);
});

test("F12_ a hangup ends it as well, and what fits is whole", async () => {
  const program = await startProgram();
  const client = new OpenAI({ baseURL: `${program.url}/v1`, apiKey: KEY, maxRetries: 0 });
  const answer = client.chat.completions.create({ ...long, max_tokens: 100 });
  await underWay(program, 1);
  program.signal("SIGHUP");
  assert.equal((await answer).usage.completion_tokens, 100);
  assert.equal(await program.ended, 0);
});

for (const [first, second, code] of [
  ["SIGTERM", "SIGTERM", 143],
  ["SIGTERM", "SIGINT", 130],
  ["SIGINT", "SIGTERM", 143],
])
  test(`F12_ ${second} after ${first} ends it at once with ${code}`, async () => {
    const program = await startProgram();
    const client = new OpenAI({ baseURL: `${program.url}/v1`, apiKey: KEY, maxRetries: 0 });
    const cut = assert.rejects(client.chat.completions.create(long));
    await underWay(program, 1);
    program.signal(first);
    await eventually("it drains", async () => (await fetch(`${program.url}/ready`)).status === 503);
    program.signal(second);
    assert.equal(await program.ended, code);
    await cut;
  });

test("F12_ SIGTERM while the model loads is no fault", async () => {
  const program = await spawnProgram();
  await eventually("it listens", async () => program.log().includes("listening"));
  program.signal("SIGTERM");
  assert.equal(await program.ended, 0);
});

test("F21_ a key that opens nothing ends it", async () => {
  for (const key of ["", " \n", "a\nb"]) {
    const program = await spawnProgram("--api-key", key);
    assert.equal(await program.ended, 1);
    assert.match(program.log(), /the API key/);
  }
});
