// Goal: with the program itself, a new administrator comes from `platform init` to a colleague's key with a budget, in the
// console; a request is refused for that budget, and the usage page has the lines of that key. Of mixed requests, the page,
// its CSV, /admin/v1 and the command have the same sums, which are what the answers told. A developer sees the own workspace.
// Method: the program's own commands make the platform and its first administrator; headless Chromium does the rest on
// `autark serve --platform`, with a toy model.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { button, dialog, field, launch, open } from "./browser.mjs";
import { codeOf, kPrices } from "./platform_mock.mjs";
import { Program } from "./program.mjs";

const kClasses = ["input", "cached", "cache_write", "output", "reasoning"];
let browser;
let program;
let folder; // of the platform
let init; // what `platform init --json` said

before(async () => {
  folder = join(await mkdtemp(join(tmpdir(), "autark-console-")), "platform");
  init = JSON.parse(
    execFileSync(process.env.AUTARK_BIN, ["platform", "init", "--dir", folder, "--json"], { encoding: "utf8" }),
  );
  program = await Program.toy("--platform", folder);
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await program?.stop();
  if (folder) await rm(join(folder, ".."), { recursive: true, force: true });
});

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
  await button(page, "Use a key instead").click();
  await field(page, "Key").fill(init.secret);
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
  await field(page, "Budget (CNY)").fill("0.0002");
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

// Asks for an answer of a random kind, and says what its usage told: tokens of the prompt, of these read from the cache, of
// the answer, of these reasoning.
async function askMixed(secret, i) {
  const messages = [{ role: "user", content: `${"The sea is wide. ".repeat(30)}Number ${i % 7}.` }];
  const effort = i % 2 ? "high" : "none";
  const user = ["ada", "bo", "=1+1"][i % 3];
  const [path, body] = [
    ["chat/completions", { messages, max_tokens: 3 + (i % 5), reasoning_effort: effort, user, n: 1 + (i % 2) }],
    [
      "responses",
      { input: messages, max_output_tokens: 16, reasoning: { effort }, store: false, service_tier: "flex" },
    ],
    ["messages", { messages, max_tokens: 4, metadata: { user_id: user } }],
  ][i % 3];
  const response = await fetch(`${program.url}v1/${path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${secret}`, "content-type": "application/json" },
    body: JSON.stringify({ model: "toy", ...body }),
  });
  const { usage } = await response.json();
  assert.equal(response.status, 200);
  if (path !== "messages") {
    const details = usage.completion_tokens_details ?? usage.output_tokens_details;
    const read = (usage.prompt_tokens_details ?? usage.input_tokens_details)?.cached_tokens ?? 0;
    const answer = usage.completion_tokens ?? usage.output_tokens;
    return [usage.prompt_tokens ?? usage.input_tokens, read, answer, details?.reasoning_tokens ?? 0];
  }
  const read = usage.cache_read_input_tokens;
  const prompt = usage.input_tokens + read + usage.cache_creation_input_tokens;
  return [prompt, read, usage.output_tokens, usage.output_tokens_details?.thinking_tokens ?? 0];
}

// The sums of a CSV's columns; costs as nanos, in a bigint.
function sumsOf(csv) {
  const [head, ...lines] = csv.trim().split(/\r?\n/);
  const names = head.split(",");
  const rows = lines.map((line) => line.match(/("[^"]*"|[^,]*)(,|$)/g).map((cell) => cell.replace(/,$/, "")));
  const at = (name) => rows.map((row) => row[names.indexOf(name)]);
  const numbers = ["requests", ...kClasses].map((name) => at(name).reduce((sum, n) => sum + Number(n), 0));
  return [...numbers, at("cost").reduce((sum, cost) => sum + nanosOf(cost), 0n)];
}

function nanosOf(cost) {
  const [whole, fraction = ""] = cost.split(".");
  return BigInt(whole) * 1_000_000_000n + BigInt(fraction.padEnd(9, "0"));
}

// The sums that a row of the page shows.
async function shownIn(row) {
  const cells = await row.getByRole("cell").allTextContents();
  const numbers = cells.slice(0, 6).map((text) => Number(text.replaceAll(",", "")));
  return [...numbers, nanosOf(cells[6].replace(/[¥,]/g, ""))];
}

test("a developer's pages have the own workspace only, and no failure", async () => {
  const headers = { authorization: `Bearer ${init.secret}`, "content-type": "application/json" };
  const make = async (path, body) => {
    const made = await fetch(`${program.url}admin/v1/${path}`, { method: "POST", headers, body: JSON.stringify(body) });
    assert.equal(made.status, 201, await made.clone().text());
    return made.json();
  };
  for (const name of ["mine", "hidden-place"]) {
    await make("workspaces", { name });
    await make("keys", { workspace: name, name: `${name}-key`, budget: "5CNY", rpm: 9 });
  }
  const { password } = await make("members", { name: "li.wei", roles: ["developer"], workspaces: ["mine"] });
  const page = await open(browser, program.url);
  await page.goto(`${program.url}#/keys`);
  await field(page, "Name").fill("li.wei");
  await field(page, "Password").fill(password);
  await button(page, "Sign in").click();
  await page
    .getByRole("row", { name: /^mine-key/ })
    .getByRole("button", { name: "Limits" })
    .click();
  await dialog(page).getByText("Requests a minute").waitFor();
  await page.keyboard.press("Escape");
  for (const name of ["Usage", "Keys", "Workspaces", "Limits", "Prices", "My account"]) {
    await go(page, name);
    await page.getByRole("heading", { level: 1, name }).waitFor();
    await page.locator(".content :is(tbody, pre, .empty)").first().waitFor();
    assert.deepEqual(await page.getByRole("alert").allTextContents(), [], name);
    assert.equal(await page.getByText("hidden-place").count(), 0, name);
  }
  await go(page, "Keys");
  await button(page, "Create a key").click();
  await field(page, "Name").fill("li.wei's own");
  await dialog(page).getByRole("button", { name: "Create a key" }).click();
  await button(page, "I have copied it").click();
  await page
    .getByRole("row", { name: /^li.wei's own/ })
    .getByRole("button", { name: "Rotate" })
    .waitFor();
  assert.deepEqual(page.trouble, []);
});

test("the console's tables and CSV have the sums of the API, of the command and of the answers", async () => {
  const admin = { authorization: `Bearer ${init.secret}`, "content-type": "application/json" };
  const made = await fetch(`${program.url}admin/v1/keys`, {
    method: "POST",
    headers: admin,
    body: JSON.stringify({ workspace: "default", name: "mixed" }),
  });
  const { id, secret } = await made.json();
  await known(secret);
  const told = [];
  for (let i = 0; i < 36; i += 4) told.push(...(await Promise.all([0, 1, 2, 3].map((k) => askMixed(secret, i + k)))));

  const page = await open(browser, program.url);
  await page.goto(`${program.url}#/usage`);
  await button(page, "Use a key instead").click();
  await field(page, "Key").fill(init.secret);
  await button(page, "Sign in").click();
  for (const by of ["", "user", "service"]) {
    await page.goto(`${program.url}#/usage?period=24h&bucket=minute&by=${by}&key=${id}`);
    const head = page.getByRole("columnheader", { name: { "": "Total", service: "Service class" }[by] ?? by }).first();
    await head.waitFor();
    const table = page.locator(".table-frame").first();
    const shown = await shownIn(table.locator(by ? "tfoot tr" : "tbody tr"));
    const groups = await table.locator("tbody tr").all();
    const [download] = await Promise.all([page.waitForEvent("download"), button(page, "Download CSV").click()]);
    const csv = sumsOf(await readFile(await download.path(), "utf8"));
    const query = `by=${["minute", by].filter(Boolean).join(",")}&key=${id}`;
    const api = await (await fetch(`${program.url}admin/v1/usage?${query}`, { headers: admin })).json();
    const command = execFileSync(
      process.env.AUTARK_BIN,
      ["usage", "--platform", folder, "--key", id, "--by", by || "hour", "--csv"],
      { encoding: "utf8" },
    );
    const wanted = ["requests", ...kClasses].map((name) => api.total[name]);
    wanted.push(nanosOf(api.total.cost));
    assert.deepEqual(shown, wanted, by);
    assert.deepEqual(csv, wanted, by);
    assert.deepEqual(sumsOf(command), wanted, by);
    const sums = await Promise.all(groups.map(shownIn));
    assert.deepEqual(
      wanted.map((_, i) => sums.map((row) => row[i]).reduce((a, b) => a + b)),
      wanted,
      by,
    );
    const [requests, input, cached, written, output, reasoning, cost] = wanted;
    const of = (i) => told.reduce((sum, tokens) => sum + tokens[i], 0);
    assert.deepEqual([requests, cached, output + reasoning, reasoning], [told.length, of(1), of(2), of(3)]);
    assert.equal(input + cached + written, of(0));
    assert.ok(input > 0 && cached > 0 && output > 0 && reasoning > 0 && cost > 0n, String(wanted));
  }
  assert.deepEqual(page.trouble, []);
});
