// Goal: with the program itself, a new administrator comes from `platform init` to a colleague's key with a budget, in the
// console; a request is refused for that budget, and the usage page has the lines of that key.
// Method: the program's own commands make the platform and its first administrator; headless Chromium does the rest on
// `autark serve --platform`, with a real model. What the page shows is compared with /admin/v1 and the CSV.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { launch, open } from "./browser.mjs";
import { codeOf, kPrices } from "./platform_mock.mjs";
import { Program } from "./program.mjs";

let browser;
let program;
let folder;
let init; // what `platform init --json` said

before(async () => {
  folder = join(await mkdtemp(join(tmpdir(), "autark-console-")), "platform");
  init = JSON.parse(
    execFileSync(process.env.AUTARK_BIN, ["platform", "init", "--dir", folder, "--json"], { encoding: "utf8" }),
  );
  program = await Program.serve("--platform", folder);
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await program?.stop();
  if (folder) await rm(join(folder, ".."), { recursive: true, force: true });
});

const button = (page, name) => page.getByRole("button", { name, exact: true });
const field = (page, name) => page.getByLabel(name, { exact: true });
const dialog = (page) => page.getByRole("dialog");
const go = (page, name) => page.locator(".places").getByRole("link", { name, exact: true }).click();

// The list of models. The server reads new keys soon after they were created, so it is asked until it knows this one.
async function known(secret) {
  const headers = { authorization: `Bearer ${secret}` };
  for (let i = 0; ; i++) {
    const response = await fetch(`${program.url}v1/models`, { headers });
    if (response.ok) return response;
    assert.ok(i < 100, await response.text());
    await new Promise((next) => setTimeout(next, 100));
  }
}

async function ask(secret) {
  const { data } = await (await known(secret)).json();
  return fetch(`${program.url}v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${secret}`, "content-type": "application/json" },
    body: JSON.stringify({
      model: data[0].id,
      max_tokens: 4,
      user: "wang",
      messages: [{ role: "user", content: "Hi" }],
    }),
  });
}

test("from platform init to a refused request and the lines of its key", async () => {
  const page = await open(browser, program.url);
  page.setDefaultTimeout(60_000);
  await page.getByRole("link", { name: "Sign in to create one" }).click();
  await button(page, "Use an administrator key instead").click();
  await field(page, "Administrator key").fill(init.secret);
  await button(page, "Sign in").click();

  await go(page, "Prices");
  await button(page, "Add a version").click();
  await field(page, "Price file (TOML)").fill(kPrices);
  await dialog(page).getByRole("button", { name: "Add a version" }).click();
  await page.getByRole("heading", { name: "2026-11" }).waitFor();

  await go(page, "Workspaces");
  await button(page, "Create a workspace").click();
  await field(page, "Name").fill("research");
  await dialog(page).getByRole("button", { name: "Create a workspace" }).click();
  await page.getByRole("rowheader", { name: "research" }).waitFor();

  // An administrator with a password and a second factor takes over from the key.
  await go(page, "Members");
  await button(page, "Add a member").click();
  await field(page, "Name").fill("wang.fang");
  await page.getByRole("checkbox", { name: /^System administrator/ }).check();
  await page.getByRole("checkbox", { name: /^Developer/ }).uncheck();
  await dialog(page).getByRole("button", { name: "Add a member" }).click();
  const password = await page.getByRole("textbox", { name: "Password" }).textContent();
  await button(page, "I have copied it").click();
  await button(page, "Sign out").click();
  await field(page, "Name").fill("wang.fang");
  await field(page, "Password").fill(password);
  await button(page, "Sign in").click();
  const secret = await page.getByRole("textbox", { name: "Secret" }).textContent();
  await field(page, "Code").fill(codeOf(secret));
  await button(page, "Confirm").click();

  await go(page, "Keys");
  await button(page, "Create a key").click();
  await field(page, "Name").fill("colleague");
  await field(page, "Workspace").last().selectOption("research");
  await field(page, "Budget (CNY)").fill("0.001");
  await dialog(page).getByRole("button", { name: "Create a key" }).click();
  const key = await page.getByRole("textbox", { name: "Secret" }).textContent();
  await button(page, "I have copied it").click();
  await page.getByRole("rowheader", { name: /^colleague/ }).waitFor();

  let answered = 0;
  let response;
  while ((response = await ask(key)).ok && answered < 100) {
    const { usage } = await response.json();
    assert.ok(usage.completion_tokens > 0);
    answered++;
  }
  assert.ok(answered > 0 && answered < 100, `${answered} answers`);
  const refusal = await response.json();
  assert.equal(refusal.error.code, "insufficient_quota", JSON.stringify(refusal));
  assert.match(refusal.error.message, /key/);

  await go(page, "Usage");
  await field(page, "Group by").selectOption("outcome");
  const complete = page.getByRole("row", { name: /^complete/ }).first();
  await complete.waitFor();
  const cells = await complete.getByRole("cell").allTextContents();
  assert.equal(cells[0], String(answered));
  await page
    .getByRole("row", { name: /^refused/ })
    .first()
    .waitFor();
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("link", { name: "Download CSV" }).click(),
  ]);
  const [head, ...lines] = (await readFile(await download.path(), "utf8"))
    .trim()
    .split("\r\n")
    .map((l) => l.split(","));
  const line = Object.fromEntries(head.map((name, i) => [name, lines.find((l) => l.includes("complete"))[i]]));
  assert.equal(line.requests, cells[0]);
  assert.equal(`¥${line.cost}`, cells.at(-1));
  assert.deepEqual(page.trouble, []);
});
