// Goal: the embedded page works with the program's own API and a real model.
// Method: headless Chromium against `autark serve` itself: the headers, a streamed answer with its counts, the same
// answer again at temperature 0, stop, a context that is full, and a server with a key.
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { answered, answers, ask, launch, open, stopButton } from "./browser.mjs";
import { Program } from "./program.mjs";

// At temperature 0 even the smallest model gives this a long answer.
const kQuestion = "Capital of France?";
// The answer has thousands of tokens, so there is time to stop it on any machine.
const kLongQuestion = "Tell me a very long story about a lighthouse keeper, with many chapters.";

let browser;
let program;
let pages = [];

before(async () => {
  browser = await launch();
  program = await Program.serve();
  const index = await (await fetch(program.url)).text();
  if (!index.includes('id="app"')) throw new Error("This program was built without the console (AUTARK_CONSOLE=OFF).");
});
after(async () => {
  await browser?.close();
  await program?.stop();
});
afterEach(async () => {
  for (const page of pages) {
    await page.context().close();
    assert.deepEqual(page.trouble, []);
  }
  pages = [];
});

async function visit(url = program.url) {
  const page = await open(browser, url);
  pages.push(page);
  page.setDefaultTimeout(120_000);
  if (url === program.url) await page.locator(".header .dot.ready").waitFor();
  return page;
}

async function set(page, values) {
  await page.getByRole("button", { name: "Settings", exact: true }).click();
  for (const [name, value] of Object.entries(values)) await page.locator(`input[name=${name}]`).fill(String(value));
}

const textOf = async (page) => (await answers(page).last().locator(".markdown").textContent()).trim();
const numbersOf = (page) => answers(page).last().locator(".numbers").textContent();

test("the page comes with a strict policy and the right types", async () => {
  const index = await fetch(program.url);
  assert.equal(index.status, 200);
  assert.match(index.headers.get("content-type"), /^text\/html/);
  const policy = index.headers.get("content-security-policy");
  assert.match(policy, /default-src '(self|none)'/);
  assert.doesNotMatch(policy, /unsafe|\*/);
  const names = [...(await index.text()).matchAll(/(?:src|href)="(\.[^"]+)"/g)].map((match) => match[1]);
  assert.ok(names.length >= 3);
  for (const name of names) {
    const response = await fetch(new URL(name, program.url));
    assert.equal(response.status, 200, name);
    assert.match(response.headers.get("content-type"), /javascript|css|svg/, name);
  }
  assert.equal((await fetch(new URL("assets/nothing.js", program.url))).status, 404);
});

test("a real answer streams, is counted, and is the same again at temperature 0", async () => {
  const page = await visit();
  await set(page, { temperature: 0, max_tokens: 32 });
  await ask(page, kQuestion);
  await answered(page);
  const first = await textOf(page);
  assert.ok(first.length > 0);
  assert.match(await numbersOf(page), /[\d.,]+ tokens\/s.*\d+ tokens.*\d+ in the prompt/);
  const old = await answers(page).last().elementHandle();
  await page.getByRole("button", { name: "Regenerate", exact: true }).click();
  await old.waitForElementState("hidden");
  await answered(page);
  assert.equal(await textOf(page), first);
});

test("stop ends a long answer; the next question is answered", async () => {
  const page = await visit();
  await set(page, { temperature: 0, max_tokens: 2000 });
  await ask(page, kLongQuestion);
  await page.locator(".markdown").waitFor();
  await stopButton(page).click();
  await page.getByText("Stopped.").waitFor();
  const half = await textOf(page);
  await page.locator("input[name=max_tokens]").fill("8");
  await page.getByRole("button", { name: "Continue writing", exact: true }).click();
  await page.waitForFunction(
    (length) => document.querySelector(".message.assistant:last-child .markdown").textContent.trim().length > length,
    half.length,
  );
  await answered(page);
  assert.ok((await textOf(page)).startsWith(half.slice(0, 40)));
  await page.locator("input[name=max_tokens]").fill("4");
  await ask(page, kQuestion);
  await answers(page).nth(1).waitFor();
  await answered(page);
  assert.match(await numbersOf(page), /\d+ in the prompt/);
});

test("a message over the context is refused in words", async () => {
  const page = await visit();
  await ask(page, "many words ".repeat(60_000));
  await page.getByText("no longer fits into the model’s context").waitFor();
});

test("a server with a key asks for it", async () => {
  const locked = await Program.serve("--api-key", "secret-key");
  try {
    const page = await visit(locked.url);
    await page.getByLabel("API key").fill("wrong");
    await page.keyboard.press("Enter");
    await page.getByText("The server did not accept this key.").waitFor();
    await page.getByLabel("API key").fill("secret-key");
    await page.keyboard.press("Enter");
    await page.locator(".header .dot.ready").waitFor();
    await set(page, { temperature: 0, max_tokens: 4 });
    await ask(page, kQuestion);
    await answered(page);
    assert.ok((await textOf(page)).length > 0);
  } finally {
    await locked.stop();
  }
});
