// Goal: the official clients for Node finish the session, and do every call once, also if their streams are cut.
// Method: each client has a loop as its users write it. A turn whose stream breaks is repeated.
import { test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { KEY, startProgramOf } from "./program.mjs";
import { checkCuts, played, TASK, TOOLS, Workplace } from "./workplace.mjs";

const program = await startProgramOf("session-model");
test.after(() => program.stop());

const named = Object.entries(TOOLS).map(([name, schema]) => ({ name, schema }));
const openai = (url) => new OpenAI({ baseURL: `${url}/v1`, apiKey: KEY, maxRetries: 0 });

function chat(url, streamed) {
  const { completions } = openai(url).chat;
  const tools = named.map(({ name, schema }) => ({ type: "function", function: { name, parameters: schema } }));
  const messages = [{ role: "user", content: TASK }];
  return async (place) => {
    const asked = { model: "model", messages, tools };
    const answer = streamed ? await completions.stream(asked).finalChatCompletion() : await completions.create(asked);
    const { message } = answer.choices[0];
    messages.push(message);
    for (const c of message.tool_calls ?? []) {
      const content = place.run(c.function.name, JSON.parse(c.function.arguments));
      messages.push({ role: "tool", tool_call_id: c.id, content });
    }
    return { text: message.content ?? "", ended: !message.tool_calls?.length };
  };
}

function responses(url, streamed) {
  const client = openai(url);
  const tools = named.map(({ name, schema }) => ({ type: "function", name, parameters: schema, strict: false }));
  const input = [{ role: "user", content: TASK }];
  return async (place) => {
    const asked = { model: "model", input, tools, store: false };
    const answer = streamed ? await client.responses.stream(asked).finalResponse() : await client.responses.create(asked);
    const calls = answer.output.filter((item) => item.type === "function_call");
    input.push(...answer.output);
    for (const c of calls) {
      input.push({ type: "function_call_output", call_id: c.call_id, output: place.run(c.name, JSON.parse(c.arguments)) });
    }
    return { text: answer.output_text, ended: !calls.length };
  };
}

function anthropic(url, streamed) {
  const client = new Anthropic({ baseURL: url, authToken: KEY, apiKey: null, maxRetries: 0 });
  const tools = named.map(({ name, schema }) => ({ name, input_schema: schema }));
  const messages = [{ role: "user", content: TASK }];
  return async (place) => {
    const asked = { model: "model", messages, tools, max_tokens: 4000 };
    const { content } = streamed ? await client.messages.stream(asked).finalMessage() : await client.messages.create(asked);
    const calls = content.filter((b) => b.type === "tool_use");
    messages.push({ role: "assistant", content });
    const results = calls.map((c) => ({ type: "tool_result", tool_use_id: c.id, content: place.run(c.name, c.input) }));
    if (calls.length) messages.push({ role: "user", content: results });
    return { text: content.map((b) => b.text ?? "").join(""), ended: !calls.length };
  };
}

// Plays the session; returns how often a turn was repeated.
async function play(turn, name) {
  const place = new Workplace(), texts = [];
  let broken = 0;
  for (let ended = false; !ended && texts.length < 30; ) {
    try {
      const said = await turn(place);
      texts.push(said.text);
      ended = said.ended;
    } catch (error) {
      if (!(error instanceof OpenAI.OpenAIError || error instanceof Anthropic.AnthropicError) || ++broken > 60) throw error;
    }
  }
  played(place.calls, texts, name);
  return broken;
}

for (const make of [chat, responses, anthropic]) {
  test(`${make.name}: whole answers`, () => play(make(program.url, false), make.name));
  test(`${make.name}: streams`, () => play(make(program.url, true), make.name));
  test(`${make.name}: cut streams`, () => checkCuts(make.name, program.url, (url) => play(make(url, true), make.name)));
}
