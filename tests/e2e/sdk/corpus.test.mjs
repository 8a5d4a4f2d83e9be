// Goal: a model's text reaches the official clients as the reasoning, content and calls that the corpus states,
// streamed and whole, however the text is cut into tokens. Method: the server's stack around a model that replays the corpus
// (corpus_server.cc); every line, both clients, three ways of cutting.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { after, before, describe, test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";

const rows = readFileSync(process.env.AUTARK_CORPUS, "utf8").trim().split("\n").map((line) => JSON.parse(line));
const cuts = [0, 1, 4000];

let server, openai, anthropic;
before(async () => {
  server = spawn(process.env.AUTARK_CORPUS_SERVER, [process.env.AUTARK_CORPUS], { stdio: ["pipe", "pipe", "ignore"] });
  const line = await new Promise((resolve) => createInterface(server.stdout).once("line", resolve));
  const url = `http://127.0.0.1:${line.split(" ")[1]}`;
  openai = new OpenAI({ baseURL: `${url}/v1`, apiKey: "none", maxRetries: 0 });
  anthropic = new Anthropic({ baseURL: url, apiKey: "none", maxRetries: 0 });
});
after(async () => {
  const ended = new Promise((resolve) => server.on("exit", resolve));
  server.stdin.end();
  assert.equal(await ended, 0);
});

// This line expects a call with a cut argument. This server returns such a call as text.
const decidedOtherwise = (row) => row.name === "value holds an end tag";

// Every line with every cut, several at a time.
async function each(check) {
  const jobs = rows.flatMap((row, line) => (decidedOtherwise(row) ? [] : cuts.map((cut) => ({ row, line, cut }))));
  const work = async () => {
    for (let job; (job = jobs.shift()); ) {
      try {
        await check(job.row, [{ role: "user", content: `case ${job.line} cut ${job.cut}` }]);
      } catch (error) {
        error.message = `${job.row.name}, cut ${job.cut}: ${error.message}`;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: 16 }, work));
}

const schema = { type: "object", properties: { city: { type: "string" } } };
const chat = (messages) => ({
  model: "model",
  messages,
  tools: [{ type: "function", function: { name: "get_weather", parameters: schema } }],
});
const message = (messages) => ({
  model: "model",
  messages,
  max_tokens: 4096,
  tools: [{ name: "get_weather", input_schema: schema }],
});
// A call that a limit cut is told as far as it came. One that the model left open is not told.
const cut = ({ expected }) => (expected.finish === "length" && expected.partial ? [expected.partial] : []);
const cutCalls = (row) => [...row.expected.tool_calls, ...cut(row)];
const namesAndArguments = (calls) => calls.map((c) => ({ name: c.function.name, arguments: c.function.arguments }));

describe("chat completions", () => {
  test("whole", () =>
    each(async (row, messages) => {
      const { message, finish_reason } = (await openai.chat.completions.create(chat(messages))).choices[0];
      assert.equal(message.reasoning_content ?? "", row.expected.reasoning);
      assert.equal(message.content ?? "", row.expected.content);
      assert.deepEqual(namesAndArguments(message.tool_calls ?? []), cutCalls(row));
      for (const c of message.tool_calls ?? []) assert.match(c.id, /^call_[0-9a-f]{24}$/);
      assert.equal(finish_reason, row.expected.finish);
    }));

  test("streamed", () =>
    each(async (row, messages) => {
      let reasoning = "", content = "", finish = null;
      const calls = [];
      for await (const chunk of await openai.chat.completions.create({ ...chat(messages), stream: true })) {
        assert.equal(finish, null, "nothing follows the end");
        const { delta, finish_reason } = chunk.choices[0];
        reasoning += delta.reasoning_content ?? "";
        content += delta.content ?? "";
        for (const c of delta.tool_calls ?? []) {
          if (c.index === calls.length) {
            assert.match(c.id, /^call_/);
            assert.equal(c.type, "function");
            assert.equal(c.function.arguments, "");
            calls.push({ name: c.function.name, arguments: "" });
          } else {
            assert.equal(c.index, calls.length - 1, "calls come one after the other");
            assert.deepEqual(Object.keys(c), ["index", "function"]);
            calls.at(-1).arguments += c.function.arguments;
          }
        }
        finish = finish_reason;
      }
      assert.equal(reasoning, row.expected.reasoning);
      assert.equal(content, row.expected.content);
      assert.deepEqual(calls, cutCalls(row));
      assert.equal(finish, row.expected.finish);
    }));

  test("the client's own stream helper", () =>
    each(async (row, messages) => {
      const { message } = (await openai.chat.completions.stream(chat(messages)).finalChatCompletion()).choices[0];
      assert.equal(message.content ?? "", row.expected.content);
      assert.deepEqual(namesAndArguments(message.tool_calls ?? []), cutCalls(row));
    }));

  test("one call where only one is wanted, none where none is", async () => {
    const line = rows.findIndex((row) => row.expected.tool_calls.length > 1);
    const ask = chat([{ role: "user", content: `case ${line} cut 0` }]);
    const one = (await openai.chat.completions.create({ ...ask, parallel_tool_calls: false })).choices[0];
    assert.deepEqual(namesAndArguments(one.message.tool_calls), rows[line].expected.tool_calls.slice(0, 1));
    assert.equal(one.finish_reason, "tool_calls");
    const none = (await openai.chat.completions.create({ ...ask, tool_choice: "none" })).choices[0];
    assert.equal(none.message.tool_calls, undefined);
    assert.equal(none.finish_reason, "stop");
  });
});

const reasons = { stop: "end_turn", length: "max_tokens", tool_calls: "tool_use" };

// Arguments as an object, if they are JSON.
function inputOf(text, whole) {
  try {
    return JSON.parse(text);
  } catch {
    return whole ? { arguments: text } : {};
  }
}

// Arguments that are not JSON are sent as {"arguments": "…"}.
const wrapped = ({ name, arguments: text }) => {
  const input = inputOf(text, true);
  return { name, arguments: input.arguments === text ? JSON.stringify(input) : text };
};

function blocks(row) {
  const { reasoning, content, tool_calls } = row.expected;
  const all = [];
  if (reasoning) all.push({ type: "thinking", thinking: reasoning });
  if (content) all.push({ type: "text", text: content });
  for (const [i, c] of cutCalls(row).entries())
    all.push({ type: "tool_use", name: c.name, input: inputOf(c.arguments, i < tool_calls.length) });
  return all;
}

describe("messages", () => {
  test("whole", () =>
    each(async (row, messages) => {
      const answer = await anthropic.messages.create(message(messages));
      for (const b of answer.content) {
        if (b.type === "tool_use") assert.match(b.id, /^toolu_[0-9a-f]{24}$/);
        if (b.type === "thinking") assert.ok(b.signature);
      }
      assert.deepEqual(answer.content.map(({ id, signature, ...rest }) => rest), blocks(row));
      assert.equal(answer.stop_reason, reasons[row.expected.finish]);
    }));

  test("streamed", () =>
    each(async (row, messages) => {
      let thinking = "", text = "", open = null, next = 0, reason = null;
      const calls = [], kinds = [];
      for await (const e of await anthropic.messages.create({ ...message(messages), stream: true })) {
        if (e.type === "content_block_start") {
          assert.equal(open, null, "blocks do not interleave");
          assert.equal(e.index, next++);
          open = { ...e.content_block, signatures: 0 };
          kinds.push(open.type);
          if (open.type !== "tool_use") continue;
          assert.deepEqual(open.input, {});
          calls.push({ name: open.name, arguments: "" });
        } else if (e.type === "content_block_delta") {
          assert.equal(e.index, next - 1);
          assert.equal(open.signatures, 0, "the signature is the last");
          if (e.delta.type === "thinking_delta") thinking += e.delta.thinking;
          else if (e.delta.type === "text_delta") text += e.delta.text;
          else if (e.delta.type === "input_json_delta") calls.at(-1).arguments += e.delta.partial_json;
          else open.signatures += e.delta.type === "signature_delta" && e.delta.signature ? 1 : NaN;
        } else if (e.type === "content_block_stop") {
          assert.equal(open.signatures, open.type === "thinking" ? 1 : 0);
          open = null;
        } else if (e.type === "message_delta") {
          assert.equal(open, null);
          reason = e.delta.stop_reason;
        }
      }
      assert.equal(thinking, row.expected.reasoning);
      assert.equal(text, row.expected.content);
      assert.deepEqual(calls, [...row.expected.tool_calls.map(wrapped), ...cut(row)]);
      assert.deepEqual(kinds, [...kinds].sort((a, b) => order.indexOf(a) - order.indexOf(b)));
      assert.equal(reason, reasons[row.expected.finish]);
    }));

  test("the client's own stream helper", () =>
    each(async (row, messages) => {
      if (row.expected.partial) return; // the helper parses arguments
      const final = await anthropic.messages.stream(message(messages)).finalMessage();
      assert.deepEqual(final.content.map(({ id, signature, ...rest }) => rest), blocks(row));
      assert.ok(final.content.every((b) => b.type !== "thinking" || b.signature));
    }));
});
const order = ["thinking", "text", "tool_use"];
