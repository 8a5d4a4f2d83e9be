// Goal: the Vercel AI SDK finishes the session with each of its providers, and does every call once.
// Method: its own loop runs the tools; what they were asked must be the session's.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { createAnthropic } from "@ai-sdk/anthropic";
import { createDeepSeek } from "@ai-sdk/deepseek";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText, jsonSchema, stepCountIs, streamText, tool } from "ai";
import { KEY, startProgramOf } from "./program.mjs";

globalThis.AI_SDK_LOG_WARNINGS = false;

const session = JSON.parse(readFileSync("session.json"));
const expected = session.flatMap((t) => t.calls);
const program = await startProgramOf("session-model");
test.after(() => program.stop());

const text = { type: "string" };
const object = (...names) => jsonSchema({ type: "object", properties: Object.fromEntries(names.map((n) => [n, text])), required: names });

function workplace() {
  const calls = [];
  const made = (name, ...parameters) =>
    tool({
      inputSchema: object(...parameters),
      execute: (input) => {
        calls.push({ name, input });
        return `done: ${name} 😀`;
      },
    });
  const tools = {
    read_file: made("read_file", "path"),
    write_file: made("write_file", "path", "content"),
    run_command: made("run_command", "line"),
  };
  return { calls, tools };
}

const providers = {
  "openai (Responses)": (url) => createOpenAI({ baseURL: `${url}/v1`, apiKey: KEY })("model"),
  "openai.chat": (url) => createOpenAI({ baseURL: `${url}/v1`, apiKey: KEY }).chat("model"),
  "openai-compatible": (url) => createOpenAICompatible({ name: "autark", baseURL: `${url}/v1`, apiKey: KEY })("model"),
  anthropic: (url) => createAnthropic({ baseURL: `${url}/v1`, apiKey: KEY })("model"),
  deepseek: (url) => createDeepSeek({ baseURL: `${url}/v1`, apiKey: KEY })("model"),
};

const asked = (model, tools) => ({ model, tools, prompt: "Put the project in order.", stopWhen: stepCountIs(30), maxRetries: 0 });
const played = (calls, steps, name) => {
  assert.deepEqual(calls, expected, name);
  assert.deepEqual(steps.map((s) => s.text.trim()), session.map((t) => t.text.trim()), name);
};

for (const [name, of] of Object.entries(providers)) {
  test(`${name}: whole answers`, async () => {
    const { calls, tools } = workplace();
    const { steps } = await generateText(asked(of(program.url), tools));
    played(calls, steps, name);
  });

  test(`${name}: streams`, async () => {
    const { calls, tools } = workplace();
    const result = streamText({ ...asked(of(program.url), tools), onError: ({ error }) => assert.fail(error) });
    for await (const part of result.fullStream) assert.notEqual(part.type, "error");
    played(calls, await result.steps, name);
  });

  test(`${name}: a cut stream is an error, and nothing of it is done`, async () => {
    const proxy = spawn(process.env.AUTARK_CUT_PROXY, ["--to", new URL(program.url).port, "--event", "3"], { stdio: "pipe" });
    const [line] = await once(proxy.stdout, "data");
    const { calls, tools } = workplace();
    const errors = [];
    const result = streamText({
      ...asked(of(`http://127.0.0.1:${String(line).split(" ")[1].trim()}`), tools),
      onError: ({ error }) => errors.push(error),
    });
    try {
      for await (const part of result.fullStream) if (part.type === "error") errors.push(part.error);
    } catch (error) {
      errors.push(error);
    }
    assert.ok(errors.length > 0, name);
    assert.deepEqual(calls, [], name);
    proxy.stdin.end();
  });
}
