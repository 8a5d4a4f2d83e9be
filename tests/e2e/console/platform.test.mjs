// Goal: the platform's pages work in a real browser: a new administrator comes from the first sign-in to a colleague's key with
// a budget, a refused request and its line in the usage; with the keyboard alone; limits, credits, keys and members change;
// failures are said in words; without a platform there are no such pages.
// Method: headless Chromium on the page as the program serves it (AUTARK_BIN) or as it was built (PAGE_FOLDER), with a
// platform in memory inside this test. It waits for expected elements, never for a fixed time.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { beforeEach, test } from "node:test";
import { accessibilityFaults, button, dialog, field, heading, open, press, tabTo, typeInto } from "./browser.mjs";
import { Mock } from "./mock.mjs";
import { codeOf, inside, kPassword, PlatformMock, ready, signIn } from "./platform_mock.mjs";
import { scripted } from "./scripted.mjs";

const all = scripted(PlatformMock, (mock) => mock.bootstrap());
let mock;
beforeEach(() => ({ mock } = all));
const { visit } = all;

function send(secret, model = "mock-model", user = "app-7") {
  return fetch(`${mock.url}v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${secret}`, "content-type": "application/json" },
    body: JSON.stringify({ model, user, messages: [{ role: "user", content: "Hi" }] }),
  });
}

test("with the keyboard: from the first sign-in to a colleague's key, a refused request and its line", async () => {
  const page = await visit();
  await press(page, page.getByRole("link", { name: "Usage and keys" }));
  await typeInto(page, "Name", "admin");
  await typeInto(page, "Password", kPassword);
  await page.keyboard.press("Enter");

  await heading(page, "Set up a second factor").waitFor();
  const secret = await page.getByRole("textbox", { name: "Secret" }).textContent();
  assert.match(await page.getByRole("textbox", { name: /^Link/ }).textContent(), /^otpauth:\/\/totp\//);
  await typeInto(page, "Code", "000000");
  await page.keyboard.press("Enter");
  await page.getByText("The code is wrong.", { exact: false }).waitFor();
  await field(page, "Code").press("Control+A");
  await page.keyboard.type(codeOf(secret));
  await page.keyboard.press("Enter");

  await page.getByText("No requests in this period.").waitFor();
  await press(page, page.getByRole("link", { name: "Workspaces" }));
  await page.getByText("There is no workspace yet.").waitFor();
  await press(page, button(page, "Create a workspace"));
  await dialog(page).waitFor();
  await page.keyboard.type("research");
  await page.keyboard.press("Enter");
  await page.getByRole("rowheader", { name: "research" }).waitFor();

  await press(page, page.getByRole("link", { name: "Members" }));
  await press(page, button(page, "Add a member"));
  await typeInto(page, "Name", "li.wei");
  await tabTo(page, page.getByRole("checkbox", { name: "research" }));
  await page.keyboard.press("Space");
  await page.keyboard.press("Enter");
  const password = await page.getByRole("textbox", { name: "Password" }).textContent();
  await press(page, button(page, "I have copied it"));
  await page.getByRole("rowheader", { name: "li.wei" }).waitFor();

  await press(page, page.getByRole("link", { name: "Keys", exact: true }));
  await press(page, button(page, "Create a key"));
  await typeInto(page, "Name", "li.wei's editor");
  await typeInto(page, "Budget (CNY)", "0.002");
  await page.keyboard.press("Enter");
  const key = await page.getByRole("textbox", { name: "Secret" }).textContent();
  await page.keyboard.press("Escape");
  assert.ok(await dialog(page).isVisible(), "Escape does not lose a secret");
  await press(page, button(page, "I have copied it"));
  await page.getByText("¥0.00 used of ¥0.002 a month").waitFor();
  assert.equal(await page.getByText(key).count(), 0);

  assert.equal((await send(key)).status, 200);
  const refused = await send(key);
  assert.equal(refused.status, 429);
  assert.equal((await refused.json()).error.code, "insufficient_quota");

  await press(page, page.getByRole("link", { name: "Usage", exact: true }).last());
  await page.getByRole("img", { name: /^Cost over time/ }).waitFor();
  await field(page, "Group by").selectOption("outcome");
  const line = page.getByRole("row", { name: /^refused/ });
  await line.first().waitFor();
  assert.deepEqual((await line.first().getByRole("cell").allTextContents()).slice(0, 2), ["1", "0"]);
  await page.getByText("¥0.002706 used of ¥0.002 a month").waitFor();
  await page.getByText("used up", { exact: false }).first().waitFor();

  // The colleague sees her workspace and nothing of the administration.
  await press(page, button(page, "Sign out"));
  await signIn(page, "li.wei", password);
  await page.getByRole("link", { name: "Keys", exact: true }).click();
  await page.getByRole("rowheader", { name: "li.wei's editor" }).waitFor();
  await page.getByRole("link", { name: "Workspaces" }).click();
  await page.getByRole("rowheader", { name: "research" }).waitFor();
  assert.equal(await button(page, "Create a workspace").count(), 0);
  for (const name of ["Members", "Balance"]) assert.equal(await page.getByRole("link", { name }).count(), 0);
  await page.goto(`${mock.url}#/members`);
  await heading(page, "Usage").waitFor();
});

test("without a platform the console has no way to its pages", async () => {
  const plain = await Mock.start(all.source);
  try {
    const page = await open(all.browser, plain.url);
    all.pages.push(page);
    await page.goto(`${plain.url}#/keys`);
    await page.locator(".header .dot.ready").waitFor();
    assert.equal(await page.getByRole("link", { name: "Usage and keys" }).count(), 0);
    assert.ok(await page.locator("#message").isVisible());
  } finally {
    await plain.stop();
  }
});

test("a key is rotated, raised, disabled and enabled, and its secret opens the chat", async () => {
  mock.addWorkspace("research");
  const first = mock.addKey({ workspace: "research", name: "batch", rpm: 60, budget: "20CNY/month" });
  const page = await inside(all, "#/keys");
  const row = page.getByRole("row", { name: /^batch/ });
  await row.getByText("60 requests/min").waitFor();
  await row.getByText("never").waitFor();

  await row.getByRole("button", { name: "Rotate" }).click();
  await dialog(page).getByRole("button", { name: "Rotate" }).click();
  const secret = await page.getByRole("textbox", { name: "Secret" }).textContent();
  assert.notEqual(secret, first.secret);
  await button(page, "Copy: Secret").click();
  await dialog(page).getByText("Copied").first().waitFor();
  await button(page, "I have copied it").click();
  await row.getByText("old secret works until", { exact: false }).waitFor();

  await row.getByRole("button", { name: "Limits" }).click();
  const requests = dialog(page).getByRole("listitem").filter({ hasText: "Requests a minute" });
  await requests.getByRole("button", { name: "Raise" }).click();
  await field(page, "New amount").fill("no number");
  await dialog(page).getByRole("button", { name: "Raise" }).last().click();
  await page.getByText("A whole number, 1 or more.").waitFor();
  await field(page, "New amount").fill("600");
  await dialog(page).getByRole("button", { name: "Raise" }).last().click();
  await dialog(page).getByText("raised to 600 until", { exact: false }).waitFor();
  await page.keyboard.press("Escape");
  await row.getByText("600 requests/min").waitFor();

  await row.getByRole("button", { name: "Disable" }).click();
  await dialog(page).getByRole("button", { name: "Disable" }).click();
  await row.waitFor({ state: "detached" });
  assert.equal((await send(secret)).status, 401);
  await page.getByText("Show disabled keys").click();
  await row.getByRole("button", { name: "Enable" }).click();
  await row.getByText("active").waitFor();
  assert.equal((await send(secret)).status, 200);
});

test("an administrator's key signs in as well, and the CSV is what the tables say", async () => {
  const workspace = mock.addWorkspace("research");
  const { secret } = mock.addKey({ workspace: "research", name: "init", role: "system" });
  for (let i = 0; i < 3; i++)
    mock.book({ workspace: workspace.id, key: mock.keys[0].id, model: "m", input: 10, output: 5 });
  const page = await visit("#/usage");
  await button(page, "Use a key instead").click();
  await field(page, "Key").fill("sk-wrong");
  await button(page, "Sign in").click();
  await page.getByText("The server does not accept this key.").waitFor();
  await field(page, "Key").fill(secret);
  await button(page, "Sign in").click();
  const total = page.getByRole("row", { name: /^Total 3 / });
  await total.waitFor();
  const cells = await total.getByRole("cell").allTextContents();
  assert.deepEqual(cells, ["3", "30", "0", "0", "15", "0", "¥0.00009"]);
  const [download] = await Promise.all([page.waitForEvent("download"), button(page, "Download CSV").click()]);
  const [head, ...lines] = (await readFile(await download.path(), "utf8")).trim().split("\r\n");
  assert.equal(head, "hour,requests,input,cached,cache_write,output,reasoning,cost");
  assert.match(lines.join("\n"), /^[^,]+,3,30,0,0,15,0,0\.00009$/);
  assert.deepEqual(
    await page.evaluate(() => Object.keys(localStorage).filter((name) => localStorage[name].includes("sk-"))),
    [],
  );
});

test("with a session the CSV is a plain link, and filters are part of the address", async () => {
  const [a, b] = [mock.addWorkspace("a"), mock.addWorkspace("b")];
  const key = mock.addKey({ workspace: "a", name: "k" });
  for (const workspace of [a, a, b])
    mock.book({ workspace: workspace.id, key: key.id, model: "m", user: "u", input: 10 });
  const page = await inside(all, "#/usage");
  await field(page, "Group by").selectOption("workspace");
  await page.getByRole("row", { name: /^a / }).first().waitFor();
  await button(page, "Requests").click();
  const chart = page.getByRole("img", { name: /^Requests over time/ });
  await chart.waitFor();
  assert.deepEqual((await page.locator(".legend strong").allTextContents()).sort(), ["1", "2"]);
  await chart.press("ArrowLeft");
  await page.locator(".legend-time", { hasText: /\d/ }).waitFor();
  await page.locator("summary", { hasText: "By time" }).click();
  await page.getByRole("columnheader", { name: "Time (UTC)" }).waitFor();
  await button(page, "Filters").click();
  await field(page, "Workspace").selectOption("b");
  await page.getByRole("row", { name: /^Total 1 / }).waitFor();
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("link", { name: "Download CSV" }).click(),
  ]);
  assert.match(await readFile(await download.path(), "utf8"), new RegExp(`,${b.id},1,10,`));
  await page.reload();
  await page.getByRole("row", { name: /^Total 1 / }).waitFor();
  await field(page, "User").fill("nobody");
  await page.keyboard.press("Enter");
  await page.getByText("Remove a filter or choose a longer period.").waitFor();
});

test("failures are said in words, and anything slow says that it works", async () => {
  const page = await visit("#/keys");
  await signIn(page, "admin", "wrong");
  await page.getByText("The name or the password is wrong.").waitFor();
  await field(page, "Password").fill("");
  await button(page, "Sign in").click();
  await page.getByText("This field must be filled in.").waitFor();
  ready(mock);
  await field(page, "Password").fill(kPassword);
  await button(page, "Sign in").click();
  await field(page, "Code of your authenticator").fill("123");
  await button(page, "Sign in").click();
  await page.getByText("The code is wrong.", { exact: false }).waitFor();
  mock.slow = 1500;
  await field(page, "Code of your authenticator").fill(codeOf(mock.admin.totp));
  await button(page, "Sign in").click();
  await button(page, "Working…").waitFor();
  await page.getByRole("status").getByText("Loading…").first().waitFor();
  await page.getByText("A key belongs to a workspace", { exact: false }).waitFor();
  mock.slow = 0;

  mock.broken = [500, ""];
  await page.getByRole("link", { name: "Prices" }).click();
  await page.getByText("The server failed.", { exact: false }).waitFor();
  mock.broken = null;
  await button(page, "Try again").click();
  await heading(page, "2026-11").waitFor();
  await button(page, "Add a version").click();
  await dialog(page).getByRole("button", { name: "Add a version" }).click();
  await page.getByText("There is a price file of this version already.", { exact: false }).waitFor();
  await field(page, "Price file (TOML)").fill('version = "2027"\ninput = -1\n');
  await dialog(page).getByRole("button", { name: "Add a version" }).click();
  await page.getByText("line 2: a price is not negative", { exact: false }).waitFor();
  await page.keyboard.press("Escape");
  mock.broken = [503, ""];
  await page.getByRole("link", { name: "Members" }).click();
  await page.getByText("The server has too much to do.", { exact: false }).waitFor();
});

test("limits of the account and of models are set, raised until an end and removed", async () => {
  mock.addWorkspace("research");
  mock.addKey({ workspace: "research", name: "batch", models: ["deepseek-v4"] });
  const page = await inside(all, "#/limits");
  await page.getByText("There are no limits here.").waitFor();
  await button(page, "Set a limit").click();
  await field(page, "Level").last().selectOption("account");
  await field(page, "Limit").selectOption("tpm");
  await field(page, "Amount").fill("100000");
  await dialog(page).getByRole("button", { name: "Set a limit" }).click();
  const account = page.getByRole("row", { name: /^main Account Tokens a minute 100,000/ });
  await account.waitFor();

  await button(page, "Set a limit").click();
  await field(page, "Level").last().selectOption("model");
  await field(page, "Amount (CNY)").fill("50");
  await dialog(page).getByRole("button", { name: "Set a limit" }).click();
  await page.getByText("This field must be filled in.").waitFor();
  assert.deepEqual(await page.locator("datalist option").evaluateAll((all) => all.map((o) => o.value)), [
    "deepseek-v4",
  ]);
  await field(page, "Model").fill("deepseek-v4");
  await dialog(page).getByRole("button", { name: "Set a limit" }).click();
  await page.getByRole("row", { name: /^deepseek-v4 Model Budget ¥50.00 a month/ }).waitFor();

  await account.getByRole("button", { name: "Raise" }).click();
  const raise = dialog(page).getByRole("button", { name: "Raise" });
  await field(page, "New amount").fill("100000");
  await raise.click();
  await page.getByText("More than the limit, which is 100,000.").waitFor();
  await field(page, "New amount").fill("500000");
  await field(page, "For").selectOption("other");
  await field(page, "Until").fill("2020-01-01T00:00");
  await raise.click();
  await page.getByText("A time after now, within 31 days.").waitFor();
  await field(page, "Until").fill(new Date(Date.now() + 8 * 86_400_000).toISOString().slice(0, 16));
  await raise.click();
  await page.getByText("a raise ends within 7d here").waitFor(); // the server's words, beside the field
  await field(page, "Until").fill(new Date(Date.now() + 2 * 86_400_000).toISOString().slice(0, 16));
  await raise.click();
  await account.getByText("raised to 500,000 until", { exact: false }).waitFor();

  await field(page, "Level").selectOption("model");
  await page
    .getByRole("row", { name: /^deepseek-v4/ })
    .getByRole("button", { name: "Remove" })
    .click();
  await dialog(page).getByRole("button", { name: "Remove" }).click();
  await page.getByText("There are no limits here.").waitFor();
  assert.deepEqual(
    mock.limits.map(({ level }) => level),
    ["account"],
  );
});

test("payments, free quotas and packs are booked once each", async () => {
  const page = await inside(all, "#/balance");
  await page.getByText("There are none.").waitFor();
  await button(page, "Pay in").click();
  await field(page, "Amount (CNY)").fill("-5");
  await dialog(page).getByRole("button", { name: "Pay in" }).click();
  await page.getByText("A sum above 0", { exact: false }).waitFor();
  await field(page, "Amount (CNY)").fill("100");
  await page.keyboard.press("Enter");
  await page.locator(".tile", { hasText: "Left of payments" }).getByText("¥100.00").waitFor();

  await button(page, "Give a quota or pack").click();
  await field(page, "Amount (CNY)").fill("12.5");
  await field(page, "Expires").selectOption("365d");
  await dialog(page).getByRole("button", { name: "Give a quota or pack" }).click();
  await page.getByText("a free quota ends within 90d here").waitFor();
  assert.equal(await field(page, "Expires").evaluate((element) => element === document.activeElement), true);
  await field(page, "Expires").selectOption("30d");
  await dialog(page).getByRole("button", { name: "Give a quota or pack" }).click();
  await page.getByRole("row", { name: /^Free quota .* ¥12.50 of ¥12.50/ }).waitFor();

  await button(page, "Give a quota or pack").click();
  await field(page, "Kind").selectOption("pack");
  await field(page, "Counted in").selectOption("tokens");
  await field(page, "Amount (Tokens)").fill("1000000");
  await field(page, "Model").fill("deepseek-v4");
  await page.keyboard.press("Enter");
  await page.getByRole("row", { name: /^Prepaid pack .* deepseek-v4 1,000,000 tokens of 1,000,000 tokens/ }).waitFor();
  assert.deepEqual([...mock.deposits.values()], [100e9]);
  assert.equal(mock.credits.length, 2);
});

test("the own password changes, sessions are listed and end", async () => {
  const page = await inside(all, "#/account");
  const other = await inside(all, "#/account");
  await field(page, "Old password").fill(kPassword);
  await field(page, "New password").fill("short");
  await button(page, "Change password").click();
  await page.getByText("The new password needs 12 characters or more.").waitFor();
  await field(page, "New password").fill("a longer password");
  await button(page, "Change password").click();
  await page.getByText("The password is changed.", { exact: false }).waitFor();
  await other.getByRole("link", { name: "Keys", exact: true }).click();
  await other.getByText("The session has ended. Sign in again.").waitFor();
  await page.reload();
  await page.getByText("this session").waitFor();
  await page.getByRole("button", { name: /^End the session/ }).click();
  await heading(page, "Sign in").waitFor();
});

test("roles that must be apart are not offered together", async () => {
  mock.separation = true;
  const page = await inside(all, "#/members");
  await button(page, "Add a member").click();
  await field(page, "Name").fill("both");
  for (const name of [/^Auditor/, /^Security/]) await page.getByRole("checkbox", { name }).check();
  await dialog(page).getByRole("button", { name: "Add a member" }).click();
  await page.getByRole("alert").getByText("At most one of the three administrative roles", { exact: false }).waitFor();
  assert.equal(mock.members.length, 1);
});
