// Goal: a page of an origin in --cors can use the APIs from a browser, with a key; a page of another origin cannot.
// Method: headless Chromium on empty pages of two origins, fetching from the program.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { launch } from "./browser.mjs";
import { Program } from "./program.mjs";

let browser;
let program;
let here;
let elsewhere;

const page = () =>
  new Promise((listening) => {
    const server = createServer((_, response) => response.setHeader("content-type", "text/html").end("<p>"));
    server.listen(0, "127.0.0.1", () => listening(server));
  });
const origin = (server) => `http://127.0.0.1:${server.address().port}`;

before(async () => {
  [here, elsewhere] = [await page(), await page()];
  browser = await launch();
  program = await Program.serve("--api-key", "k", "--name", "m", "--cors", origin(here));
});
after(async () => {
  await browser?.close();
  await program?.stop();
  for (const server of [here, elsewhere]) server?.close();
});

// The part of the answer that a page of `server` can read, or the browser's error.
async function ask(server, path, options = {}) {
  const visited = await browser.newPage();
  try {
    await visited.goto(origin(server));
    return await visited.evaluate(
      async ([url, options]) => {
        try {
          const answer = await fetch(url, options);
          const headers = Object.fromEntries(answer.headers);
          return { status: answer.status, headers, text: await answer.text() };
        } catch (error) {
          return { error: String(error) };
        }
      },
      [new URL(path, program.url).href, options],
    );
  } finally {
    await visited.close();
  }
}

const headers = { authorization: "Bearer k", "content-type": "application/json", "x-stainless-lang": "js" };
const messages = [{ role: "user", content: "hi" }];
const post = (body) => ({ method: "POST", headers, body: JSON.stringify(body) });

test("F18_ a page of the origin reads answers, streams and errors", async () => {
  for (const [path, body, status] of [
    ["v1/chat/completions", { messages, max_tokens: 2 }, 200],
    ["v1/chat/completions", { messages, max_tokens: 2, stream: true }, 200],
    ["v1/messages", { messages, max_tokens: 2 }, 200],
    ["v1/chat/completions", { messages, max_tokens: "two" }, 400],
    ["v1/nothing", {}, 404],
  ]) {
    const answer = await ask(here, path, post(body));
    assert.equal(answer.status, status, answer.error);
    assert.match(answer.headers["x-request-id"] ?? answer.headers["request-id"], /^req_/);
  }
  assert.equal((await ask(here, "v1/models")).status, 401, "a refusal of the key can be read");
});

test("F18_ other pages and /metrics stay closed", async () => {
  assert.match((await ask(elsewhere, "v1/chat/completions", post({ messages, max_tokens: 2 }))).error, /fetch/);
  assert.match((await ask(elsewhere, "v1/models")).error, /fetch/);
  assert.match((await ask(here, "metrics", { headers })).error, /fetch/);
  assert.match((await ask(here, "/metrics/", { headers })).error, /fetch/);
});
