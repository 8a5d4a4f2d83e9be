// Goal: the platform's pages hold against hostile names, large lists, servers that fail in any way, sessions that end in the
// middle of a form, and several tabs; nothing typed is lost.
// Method: headless Chromium on the page with a platform in memory that holds or does such things.
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { gzipSync } from "node:zlib";
import { button, dialog, field, heading, lowContrast, overflow } from "./browser.mjs";
import { codeOf, inside, kPassword, PlatformMock, signIn, signInWithCode } from "./platform_mock.mjs";
import { scripted } from "./scripted.mjs";

const all = scripted(PlatformMock, (mock) => mock.bootstrap());
let mock;
beforeEach(() => ({ mock } = all));
const kPages = ["usage?by=user&period=7d", "keys", "workspaces", "members", "limits", "balance", "prices", "account"];
const kShown = ".content :is(tbody, pre, .empty)"; // what a page shows once it has loaded
const kPhone = { viewport: { width: 360, height: 740 } };
const kNames = [
  "W".repeat(64),
  "\u202egnp.exe", // turns what follows around, if nothing stops it
  "שלום עולם 123",
  "<img src=x onerror=alert(1)><script>alert(2)</script>",
  "部门".repeat(32),
  "🧪".repeat(16),
];

test("names of any kind are shown as they are, and break no page", async () => {
  for (const name of kNames) {
    const workspace = mock.addWorkspace(name);
    mock.addMember(name, ["developer"], [workspace.id], kPassword);
    const { id } = mock.addKey({ workspace: workspace.id, name, models: [name], budget: "5CNY/day", rpm: 3 });
    mock.setLimit({ level: "model", subject: name, kind: "rpm", amount: 9 });
    mock.book({ workspace: workspace.id, key: id, model: name, user: name, input: 123456789 });
  }
  for (const options of [{}, kPhone]) {
    const page = await inside(all, "#/usage", options);
    for (const hash of kPages) {
      await page.goto(`${mock.url}#/${hash}`);
      await page.locator(kShown).first().waitFor();
      assert.ok((await overflow(page)) <= 0, `${hash} is too wide`);
      assert.equal(await page.locator("img, .content script").count(), 0);
    }
    await page.goto(`${mock.url}#/keys`);
    for (const name of kNames) await page.locator("tbody bdi.name", { hasText: name }).waitFor();
    const row = page.locator("tbody tr").nth(0);
    await row.getByRole("button", { name: "Disable" }).click();
    await dialog(page).getByText(kNames[0]).waitFor();
    assert.ok(await dialog(page).evaluate((box) => box.scrollWidth <= box.clientWidth));
  }
});

test("500 keys are found, and 10,000 users add up", async () => {
  const workspace = mock.addWorkspace("research");
  for (let i = 0; i < 500; i++) mock.addKey({ workspace: workspace.id, name: `key-${i}` });
  for (let i = 0; i < 10_000; i++)
    mock.book({
      workspace: workspace.id,
      key: mock.keys[0].id,
      model: "m",
      user: `user-${i}`,
      input: i,
      time: Date.now() - i * 5000,
    });
  const page = await inside(all, "#/keys");
  await page.getByText("100 of 500").waitFor();
  await field(page, "Search").fill("KEY-499");
  await page.getByRole("rowheader", { name: "key-499" }).waitFor();
  assert.equal(await page.locator("tbody tr").count(), 1);
  await field(page, "Search").fill("nothing");
  await page.getByText("Nothing has this in its name.").waitFor();

  await page.goto(`${mock.url}#/usage?by=user&period=24h`);
  const total = page.getByRole("row", { name: /^Total/ });
  await total.waitFor();
  const [requests, input] = await total.getByRole("cell").allTextContents();
  assert.deepEqual([requests, input], ["10,000", "49,995,000"]);
  await page.getByText("100 of 10,000").waitFor();
  await page.getByRole("rowheader", { name: "user-9999" }).waitFor(); // the dearest is first
  await page.locator(".legend", { hasText: "Others" }).waitFor();
});

test("what a broken server answers is said in words, on every page, and can be tried again", async () => {
  const page = await inside(all, "#/account");
  await heading(page, "Sessions").waitFor();
  const answers = [
    [500, ""],
    [503, ""],
    [429, ""],
    [200, "<html>"],
    [200, "{}"],
    [200, '{"data":{}}'],
    [200, "null"],
    [502, "\u0000"],
  ];
  for (const [i, hash] of kPages.entries()) {
    mock.broken = answers[i];
    await page.goto(`${mock.url}#/${hash}`);
    await page.getByRole("alert").first().waitFor();
    assert.deepEqual(await lowContrast(page), []);
    mock.broken = null;
    await page.waitForFunction(
      (shown) => {
        for (const again of document.querySelectorAll("[role=alert] .text-button")) again.click();
        return document.querySelector(shown);
      },
      kShown,
      { polling: 200 },
    );
  }
});

test("a session that ends in the middle of a form loses nothing that was typed", async () => {
  mock.addWorkspace("research");
  const page = await inside(all, "#/keys");
  await button(page, "Create a key").click();
  await field(page, "Name").fill("half done");
  await field(page, "Budget (CNY)").fill("7");
  mock.sessions.clear();
  await dialog(page).getByRole("button", { name: "Create a key" }).click();
  await page.getByText("The session has ended. Sign in again.").waitFor();
  const again = page.getByRole("dialog", { name: "Sign in" });
  await again.getByLabel("Name").fill("admin");
  await again.getByLabel("Password").fill(kPassword);
  await button(again, "Sign in").click();
  await again.getByLabel("Code of your authenticator").waitFor();
  await again.getByLabel("Code of your authenticator").fill(codeOf(mock.admin.totp));
  await button(again, "Sign in").click();
  await again.waitFor({ state: "detached" });
  assert.equal(await field(page, "Name").inputValue(), "half done");
  await dialog(page).getByRole("button", { name: "Create a key" }).click();
  await button(page, "I have copied it").click();
  await page.getByText("of ¥7.00 a month", { exact: false }).waitFor();

  // Somebody else gets pages of his own.
  mock.addMember("li.wei", ["developer"], [], kPassword);
  await button(page, "Create a key").click();
  await field(page, "Name").fill("of the administrator");
  mock.sessions.clear();
  await dialog(page).getByRole("button", { name: "Create a key" }).click();
  await again.waitFor();
  await again.getByLabel("Name").fill("li.wei");
  await again.getByLabel("Password").fill(kPassword);
  await button(again, "Sign in").click();
  await page.getByText("You belong to no workspace yet.", { exact: false }).waitFor();
  assert.equal(await dialog(page).count(), 0);
});

test("two tabs share a session: a new one serves both, and signing out in one ends the other", async () => {
  const first = await inside(all, "#/workspaces");
  const second = await first.context().newPage();
  await second.goto(`${mock.url}#/workspaces`);
  await second.getByText("There is no workspace yet.").waitFor();
  await button(first, "Create a workspace").click();
  await field(first, "Name").fill("typed before");
  await button(second, "Sign out").click();
  await signInWithCode(second, mock);
  await button(second, "Sign out").waitFor();
  await dialog(first).getByRole("button", { name: "Create a workspace" }).click();
  await first.getByRole("rowheader", { name: "typed before" }).waitFor();
  await button(second, "Sign out").click();
  await heading(second, "Sign in").waitFor();
  await first.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
  await first.getByText("The session has ended. Sign in again.").waitFor();
});

test("the back button closes a dialog, loses no secret, and leads through the pages", async () => {
  mock.addWorkspace("research");
  const page = await inside(all, "#/usage");
  await page.getByRole("link", { name: "Keys", exact: true }).click();
  await button(page, "Create a key").click();
  await page.goBack();
  await dialog(page).waitFor({ state: "detached" });
  await heading(page, "Keys").waitFor();
  await button(page, "Create a key").click();
  await field(page, "Name").fill("k");
  await page.keyboard.press("Enter");
  const secret = page.getByRole("textbox", { name: "Secret" });
  await secret.waitFor();
  await page.goBack();
  assert.ok(await secret.isVisible());
  await button(page, "I have copied it").click();
  await page.goBack();
  await heading(page, "Usage").waitFor();
});

test("the back button closes a dialog that has only just opened", async () => {
  mock.addWorkspace("research");
  const page = await inside(all, "#/usage");
  await page.getByRole("link", { name: "Keys", exact: true }).click();
  for (let i = 0; i < 5; i++) {
    await button(page, "Create a key").evaluate((opener) => {
      opener.click();
      history.back();
    });
    await heading(page, "Keys").waitFor();
    await dialog(page).waitFor({ state: "detached" });
    await page.evaluate(() => new Promise((done) => setTimeout(done, 200)));
    assert.equal(new URL(page.url()).hash, "#/keys");
  }
});

test("a developer sees what belongs to the own workspaces, and is offered nothing that would be refused", async () => {
  const [mine, others] = [mock.addWorkspace("mine"), mock.addWorkspace("others")];
  const developer = mock.addMember("li.wei", ["developer"], [mine.id], kPassword);
  mock.addKey({ workspace: "mine", name: "my-key" }, developer);
  mock.addKey({ workspace: "mine", name: "colleague-key" }, mock.admin);
  mock.addKey({ workspace: "others", name: "secret-project" });
  mock.book({ workspace: mine.id, key: mock.keys[0].id, model: "m", input: 10 });
  mock.book({ workspace: others.id, key: mock.keys[2].id, model: "m", input: 500 });
  const page = await all.visit("#/keys");
  await signIn(page, "li.wei");
  const own = page.getByRole("row", { name: /^my-key/ });
  await own.getByRole("button", { name: "Rotate" }).waitFor();
  const colleague = page.getByRole("row", { name: /^colleague-key/ });
  assert.equal(await colleague.getByRole("button", { name: /Rotate|Disable/ }).count(), 0);
  assert.equal(await page.getByText("secret-project").count(), 0);
  await own.getByRole("button", { name: "Limits" }).click();
  await dialog(page).getByText("Nothing limits it by itself.", { exact: false }).waitFor();
  assert.equal(await button(page, "Set a limit").count(), 0);
  await page.keyboard.press("Escape");
  const places = await page.locator(".places a").allTextContents();
  assert.deepEqual(places, ["Usage", "Keys", "Workspaces", "Limits", "Prices", "My account", "Chat"]);
  for (const hash of ["usage", "workspaces", "limits", "prices", "account"]) {
    await page.goto(`${mock.url}#/${hash}`);
    await page.locator(kShown).first().waitFor();
    assert.equal(await page.getByRole("alert").count(), 0, hash);
    assert.equal(await page.locator(".page-buttons .primary").count(), 0, hash);
  }
  await page.goto(`${mock.url}#/usage`);
  await page.getByRole("row", { name: /^Total 1 10 / }).waitFor();
});

test("a developer's key reads what belongs to its workspace", async () => {
  mock.addWorkspace("mine");
  mock.addWorkspace("others");
  const { secret } = mock.addKey({ workspace: "mine", name: "my-key" });
  mock.addKey({ workspace: "others", name: "secret-project" });
  const page = await all.visit("#/keys");
  await button(page, "Use a key instead").click();
  await field(page, "Key").fill(secret);
  await button(page, "Sign in").click();
  await page.getByRole("rowheader", { name: "my-key" }).waitFor();
  assert.equal(await page.getByText("secret-project").count(), 0);
  assert.equal(await page.getByRole("button", { name: /Create|Rotate|Disable/ }).count(), 0);
});

test("the pages stay small, and run under a policy without exceptions", async () => {
  const page = await all.visit("#/usage");
  await page.locator(".entry form").waitFor();
  const index = await fetch(mock.url);
  const policy = index.headers.get("content-security-policy");
  assert.match(policy, /default-src '(self|none)'/);
  assert.doesNotMatch(policy, /unsafe|\*/);
  const names = await page.evaluate(() => performance.getEntriesByType("resource").map(({ name }) => name));
  let bytes = 0;
  for (const name of names.filter((url) => /\.(js|css|svg)$/.test(url)))
    bytes += gzipSync(Buffer.from(await (await fetch(name)).arrayBuffer())).length;
  assert.ok(bytes > 50_000 && bytes < 300_000, `${bytes} bytes`);
});
