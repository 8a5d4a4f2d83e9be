// Goal: the official OpenAI client's Responses calls work unchanged. Method: a real small model; properties that
// hold for every answer, equal answers to equivalent requests, and what was kept against what was answered.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import OpenAI from "openai";
import { KEY, startProgram } from "./program.mjs";

let program, client;
before(async () => {
  program = await startProgram();
  client = new OpenAI({ baseURL: `${program.url}/v1`, apiKey: KEY, maxRetries: 0 });
});
after(async () => assert.equal(await program?.stop(), 0));

const greedy = { model: "model", input: "Name the capital of France.", temperature: 0, max_output_tokens: 24 };

describe("answers", () => {
  test("whole", async () => {
    const r = await client.responses.create(greedy);
    assert.equal(r.object, "response");
    assert.match(r.id, /^resp_/);
    assert.ok(["completed", "incomplete"].includes(r.status));
    assert.match(r.output_text, /Paris/);
    assert.equal(r.usage.total_tokens, r.usage.input_tokens + r.usage.output_tokens);
    assert.match(r._request_id, /^req_/);
  });

  test("the same text and usage as Chat", async () => {
    const r = await client.responses.create(greedy);
    const messages = [{ role: "user", content: greedy.input }];
    const chat = await client.chat.completions.create({ model: "model", messages, temperature: 0, max_tokens: 24 });
    assert.equal(r.output_text, chat.choices[0].message.content);
    assert.equal(r.usage.input_tokens, chat.usage.prompt_tokens);
    assert.equal(r.usage.output_tokens, chat.usage.completion_tokens);
  });

  test("a stream joined is the whole answer", async () => {
    const whole = await client.responses.create(greedy);
    let text = "", number = 0, last;
    for await (const event of await client.responses.create({ ...greedy, stream: true })) {
      assert.equal(event.sequence_number, number++);
      if (event.type === "response.output_text.delta") text += event.delta;
      last = event;
    }
    assert.equal(text, whole.output_text);
    assert.ok(["response.completed", "response.incomplete"].includes(last.type));
    assert.deepEqual(last.response.usage, whole.usage);
  });

  test("the client's own stream helper", async () => {
    const long = { ...greedy, max_output_tokens: 200 };
    const runner = client.responses.stream(long);
    const final = await runner.finalResponse();
    assert.equal(final.output_text, (await client.responses.create(long)).output_text);
  });

  test("instructions are a system prompt", async () => {
    const a = await client.responses.create({ ...greedy, instructions: "Answer in one word." });
    const input = [
      { role: "system", content: "Answer in one word." },
      { role: "user", content: greedy.input },
    ];
    assert.equal(a.output_text, (await client.responses.create({ ...greedy, input })).output_text);
  });
});

describe("conversations", () => {
  test("previous_response_id is the whole history", async () => {
    const first = await client.responses.create(greedy);
    const next = { ...greedy, input: "And of Italy?" };
    const chained = await client.responses.create({ ...next, previous_response_id: first.id });
    const input = [{ role: "user", content: greedy.input }, ...first.output, { role: "user", content: next.input }];
    const told = await client.responses.create({ ...next, input, store: false });
    assert.equal(chained.output_text, told.output_text);
    assert.equal(chained.usage.input_tokens, told.usage.input_tokens);
    const reference = { type: "item_reference", id: first.output.at(-1).id };
    const referred = await client.responses.create({ ...next, input: [input[0], reference, input.at(-1)] });
    assert.equal(referred.usage.input_tokens, told.usage.input_tokens);
  });

  test("what was kept can be read and deleted", async () => {
    const r = await client.responses.create(greedy);
    assert.deepEqual((await client.responses.retrieve(r.id)).output, r.output);
    const items = [];
    for await (const item of client.responses.inputItems.list(r.id)) items.push(item);
    assert.equal(items[0].content[0].text, greedy.input);
    await client.responses.delete(r.id);
    await assert.rejects(client.responses.retrieve(r.id), OpenAI.NotFoundError);
  });

  test("in the background", async () => {
    let r = await client.responses.create({ ...greedy, background: true });
    while (["queued", "in_progress"].includes(r.status)) r = await client.responses.retrieve(r.id);
    assert.match(r.output_text, /Paris/);
    const events = [];
    for await (const e of await client.responses.retrieve(r.id, { stream: true, starting_after: 1 })) events.push(e);
    assert.equal(events[0].sequence_number, 2);
    assert.equal(events.at(-1).response.id, r.id);
  });

  test("the tokens of an input", async () => {
    const count = await client.responses.inputTokens.count({ model: "model", input: greedy.input });
    assert.equal(count.input_tokens, (await client.responses.create(greedy)).usage.input_tokens);
  });
});

describe("errors are the client's own classes", () => {
  test("bad requests name the field", async () => {
    await assert.rejects(client.responses.create({ ...greedy, temperature: 3 }), (error) => {
      assert.ok(error instanceof OpenAI.BadRequestError);
      assert.equal(error.param, "temperature");
      return true;
    });
    await assert.rejects(client.responses.create({ ...greedy, previous_response_id: "resp_x" }), OpenAI.BadRequestError);
    await assert.rejects(client.responses.retrieve("resp_x"), OpenAI.NotFoundError);
  });
});
