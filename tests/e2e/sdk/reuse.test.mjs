// Goal: a prompt that begins like an earlier one of the same user computes only what is new, its answer does not change, and
// every dialect and the header say so with equal numbers. Method: a real small model; conversations that grow, two users,
// and a cache that is cleared.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { KEY, metric, startProgram } from "./program.mjs";

const BLOCK = 128;
const LONG = Array.from({ length: 30 }, (_, i) => `Line ${i} says that ${i} times ${i} is ${i * i}.`).join("\n");

let program, openai, anthropic;
before(async () => {
  program = await startProgram();
  openai = new OpenAI({ baseURL: `${program.url}/v1`, apiKey: KEY, maxRetries: 0 });
  anthropic = new Anthropic({ baseURL: program.url, apiKey: KEY, maxRetries: 0 });
});
after(async () => assert.equal(await program?.stop(), 0));

const turns = (...texts) => texts.map((content, i) => ({ role: i % 2 ? "assistant" : "user", content }));
const ask = (messages, more = {}) =>
  openai.chat.completions.create({ model: "model", messages, temperature: 0, max_tokens: 8, ...more }).withResponse();
const fields = (header) => Object.fromEntries(header.split(";").map((pair) => pair.split("=")));

async function clear() {
  const answer = await fetch(`${program.url}/v1/cache/clear`, { method: "POST", headers: { authorization: `Bearer ${KEY}` } });
  assert.equal(answer.status, 200);
}

describe("reuse", () => {
  test("a conversation that grows computes what is new", async () => {
    const first = await ask(turns(LONG), { user: "grows" });
    assert.equal(first.data.usage.prompt_tokens_details.cached_tokens, 0);
    const said = first.data.choices[0].message.content;
    const second = await ask(turns(LONG, said, "And now?"), { user: "grows" });
    const { prompt_cache: cache, prompt_tokens, prompt_cache_hit_tokens, prompt_cache_miss_tokens } = second.data.usage;
    assert.equal(cache.possible, Math.floor((prompt_tokens - 1) / BLOCK) * BLOCK);
    assert.ok(cache.read >= Math.floor((first.data.usage.prompt_tokens - 8) / BLOCK) * BLOCK, JSON.stringify(cache));
    assert.equal(prompt_cache_hit_tokens, cache.read);
    assert.equal(prompt_cache_miss_tokens, prompt_tokens - cache.read);
    const header = fields(second.response.headers.get("x-autark-cache"));
    assert.deepEqual([header.read, header.possible, header.tier, header.why], [String(cache.read), String(cache.possible), cache.tier, cache.why]);
    const alone = await ask(turns(LONG, said, "And now?"), { user: "somebody else" });
    assert.equal(alone.data.usage.prompt_cache.read, 0);
    assert.equal(second.data.choices[0].message.content, alone.data.choices[0].message.content);
  });

  test("an edit of an early message is named", async () => {
    const later = ["Yes.", `Then this: ${LONG}`];
    await ask(turns(LONG, ...later), { user: "edits" });
    const edited = await ask(turns(LONG.replace("Line 29", "Line one"), ...later), { user: "edits" });
    const cache = edited.data.usage.prompt_cache;
    assert.deepEqual([cache.why, cache.part, cache.tier], ["differs", "messages[0]", "memory"]);
    assert.ok(cache.read <= cache.at && cache.at - cache.read < BLOCK, JSON.stringify(cache));
  });

  test("Messages counts the same tokens", async () => {
    const marked = [{ type: "text", text: LONG, cache_control: { type: "ephemeral" } }];
    const messages = [{ role: "user", content: marked }, ...turns("", "Good.", "More?").slice(1)];
    const request = { model: "model", max_tokens: 8, temperature: 0, messages, metadata: { user_id: "m" } };
    const cold = (await anthropic.messages.create(request)).usage;
    const warm = (await anthropic.messages.create(request)).usage;
    assert.ok(cold.cache_creation_input_tokens > 0);
    assert.equal(cold.cache_read_input_tokens, 0);
    assert.equal(warm.cache_read_input_tokens, cold.cache_creation_input_tokens);
    const sum = (u) => u.input_tokens + u.cache_read_input_tokens + u.cache_creation_input_tokens;
    assert.equal(sum(cold), sum(warm));
    assert.deepEqual([warm.prompt_cache.why, warm.cache_creation_input_tokens], ["complete", 0]);
  });

  test("the session of a client's label does not matter, its device does", async () => {
    const label = (device, session) => JSON.stringify({ device_id: device, account_uuid: "", session_id: session });
    const read = async (user_id) => (await anthropic.messages.create({
      model: "model", max_tokens: 1, messages: turns(`Label. ${LONG}`), metadata: { user_id } })).usage.cache_read_input_tokens;
    assert.equal(await read(label("d1", "s1")), 0);
    assert.ok(await read(label("d1", "s2")) > 0);
    assert.equal(await read(label("d2", "s1")), 0);
  });

  test("the attribution line does not end the reuse", async () => {
    const system = (version) => [
      { type: "text", text: `x-anthropic-billing-header: cc_version=${version}; cc_entrypoint=cli;` }, { type: "text", text: LONG }];
    const usage = async (version) => (await anthropic.messages.create({
      model: "model", max_tokens: 1, system: system(version), messages: turns("Hello"), metadata: { user_id: "line" } })).usage;
    const cold = await usage("1.0"), warm = await usage("2.7");
    assert.equal(warm.prompt_cache.read, cold.prompt_cache.possible);
  });

  test("a stream has the header and the same numbers at its end", async () => {
    const body = { model: "model", messages: turns(`Stream. ${LONG}`), max_tokens: 4, user: "s", stream: true, stream_options: { include_usage: true } };
    await (await openai.chat.completions.create(body).asResponse()).text();
    const answer = await openai.chat.completions.create(body).asResponse();
    const header = fields(answer.headers.get("x-autark-cache"));
    const chunks = (await answer.text()).split("\n").filter((l) => l.startsWith("data: {")).map((l) => JSON.parse(l.slice(6)));
    assert.equal(String(chunks.at(-1).usage.prompt_cache.read), header.read);
    assert.equal(header.why, "complete");
  });

  test("a cleared cache is cold", async () => {
    await ask(turns(LONG), { user: "clear" });
    assert.ok((await ask(turns(LONG), { user: "clear" })).data.usage.prompt_cache.read > 0);
    await clear();
    assert.equal((await ask(turns(LONG), { user: "clear" })).data.usage.prompt_cache.read, 0);
    assert.ok((await metric(program.url, "autark_prefix_tokens_total")) > 0);
  });
});
