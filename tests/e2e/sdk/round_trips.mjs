// Counts the round trips of the official clients by kind, so that tests that vanish are noticed. Imported by a test, it
// notes each request that a client of the packages sends and that was answered; those that only ask whether a batch or a
// background answer has ended do not count. Run as a program, it prints what was noted and fails if a kind has fewer than
// it must have.
import assert from "node:assert/strict";
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const NOTES = "round_trips.jsonl";

// The kinds of issue 13 and how many round trips each must have at least; `all` first.
const LEAST = {
  all: 400,
  openai: 320,
  anthropic: 75,
  whole: 290,
  streamed: 70,
  helper: 22,
  structured: 20,
  tools: 85,
  custom: 12,
  retried: 2,
  aborted: 6,
  usage: 8,
  refused: 70,
  files: 40,
  batches: 12,
};

const has = (body, ...names) => names.some((name) => body?.[name] !== undefined);

function kinds(url, init, status) {
  const headers = new Headers(init.headers);
  const path = new URL(url).pathname;
  const body = typeof init.body === "string" ? JSON.parse(init.body) : undefined;
  const tools = body?.tools ?? [];
  return {
    openai: headers.get("user-agent")?.startsWith("OpenAI"),
    anthropic: headers.get("user-agent")?.startsWith("Anthropic"),
    whole: init.method?.toUpperCase() === "POST" && !body?.stream,
    streamed: body?.stream === true,
    helper: headers.has("x-stainless-helper-method") || headers.has("x-stainless-helper"),
    structured: has(body, "response_format", "output_config") || has(body?.text, "format"),
    tools: tools.length > 0,
    custom: tools.some((t) => t.type === "custom"),
    retried: Number(headers.get("x-stainless-retry-count") ?? 0) > 0,
    usage: body?.stream_options?.include_usage === true,
    refused: status >= 400,
    files: path.startsWith("/v1/files"),
    batches: path.startsWith("/v1/batches"),
  };
}

const note = (found) => appendFileSync(NOTES, JSON.stringify(Object.keys(found).filter((kind) => found[kind])) + "\n");

const plain = globalThis.fetch;
async function counting(input, init = {}) {
  if (!new Headers(init.headers).has("x-stainless-lang")) return plain(input, init);
  init.signal?.addEventListener("abort", () => note({ aborted: true }), { once: true });
  const answer = await plain(input, init);
  const polls = init.method?.toUpperCase() === "GET" && /^\/v1\/(batches|responses)\//.test(new URL(String(input)).pathname);
  if (!polls) note(kinds(String(input), init, answer.status));
  return answer;
}

function report() {
  const counts = Object.fromEntries(Object.keys(LEAST).map((kind) => [kind, 0]));
  for (const line of existsSync(NOTES) ? readFileSync(NOTES, "utf8").split("\n").filter(Boolean) : []) {
    const found = JSON.parse(line);
    if (!found.includes("aborted")) ++counts.all;
    for (const kind of found) ++counts[kind];
  }
  const text = Object.entries(counts).map(([kind, count]) => `${kind} ${count}`).join(", ");
  console.log(`round trips through the official clients: ${text}`);
  for (const [kind, least] of Object.entries(LEAST))
    assert.ok(counts[kind] >= least, `only ${counts[kind]} round trips of the kind '${kind}', there were at least ${least}`);
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) report();
else globalThis.fetch = counting;
