// Goal: the Vercel AI SDK finishes the session with each of its providers, and does every call once.
// Method: its own loop runs the tools; what they were asked must be the session's.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createAnthropic } from "@ai-sdk/anthropic";
import { createDeepSeek } from "@ai-sdk/deepseek";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText, jsonSchema, stepCountIs, streamText, tool } from "ai";
import { KEY, startProgramOf } from "./program.mjs";
import { checkCuts, cut, LONG, played, TASK, TOOLS, Workplace } from "./workplace.mjs";

globalThis.AI_SDK_LOG_WARNINGS = false;

const program = await startProgramOf("session-model");
test.after(() => program.stop());

const toolsOf = (place) =>
  Object.fromEntries(Object.entries(TOOLS).map(([name, schema]) => [
    name, tool({ inputSchema: jsonSchema(schema), execute: (input) => place.run(name, input) })]));

const providers = {
  "openai (Responses)": (url) => createOpenAI({ baseURL: `${url}/v1`, apiKey: KEY })("model"),
  "openai.chat": (url) => createOpenAI({ baseURL: `${url}/v1`, apiKey: KEY }).chat("model"),
  "openai-compatible": (url) => createOpenAICompatible({ name: "autark", baseURL: `${url}/v1`, apiKey: KEY })("model"),
  anthropic: (url) => createAnthropic({ baseURL: `${url}/v1`, apiKey: KEY })("model"),
  deepseek: (url) => createDeepSeek({ baseURL: `${url}/v1`, apiKey: KEY })("model"),
};

const asked = (model, place) => ({ model, tools: toolsOf(place), prompt: TASK, stopWhen: stepCountIs(30), maxRetries: 0 });
const texts = (steps) => steps.map((s) => s.text);

// One stream to its end; the first of its errors is thrown.
async function streamed(options) {
  const errors = [];
  const result = streamText({ ...options, onError: ({ error }) => errors.push(error) });
  for await (const part of result.fullStream) if (part.type === "error") errors.push(part.error);
  if (errors.length) throw errors[0];
  return result;
}

// Plays the session step by step; a step whose stream breaks is repeated. The SDK runs a call as soon as it is complete,
// while the stream goes on, so calls of a broken step can run again (see REPEATS_CALLS in ../agents/run): they are shown.
async function playRepeating(model, name) {
  const messages = [{ role: "user", content: TASK }], calls = [], said = [];
  let broken = 0, twice = 0;
  for (let ended = false; !ended && said.length < 30; ) {
    const place = new Workplace();
    try {
      const { prompt, ...options } = asked(model, place);
      const result = await streamed({ ...options, messages, stopWhen: stepCountIs(1) });
      messages.push(...(await result.response).messages);
      calls.push(...place.calls);
      said.push(await result.text);
      ended = !place.calls.length;
    } catch (error) {
      twice += place.calls.length;
      if (++broken > 60) throw error;
    }
  }
  if (twice) console.log(`${name}: ${twice} calls ran in streams that broke behind them, and again`);
  played(calls, said, name);
  return broken;
}

for (const [name, of] of Object.entries(providers)) {
  test(`${name}: whole answers`, async () => {
    const place = new Workplace();
    const { steps } = await generateText(asked(of(program.url), place));
    played(place.calls, texts(steps), name);
  });

  test(`${name}: streams`, async () => {
    const place = new Workplace();
    const result = await streamed(asked(of(program.url), place));
    played(place.calls, texts(await result.steps), name);
  });

  test(`${name}: a cut stream is an error, and nothing of it is done`, async () => {
    const place = new Workplace();
    await cut(program.url, 3, "inside", [], (url) => assert.rejects(streamed(asked(of(url), place)), undefined, name));
    assert.deepEqual(place.calls, [], name);
  });

  if (LONG) {
    test(`${name}: cut streams`, () => checkCuts(name, program.url, (url) => playRepeating(of(url), name)));
  }
}
