// Goal: the platform's pages work in a real browser: a new administrator comes from the first sign-in to a colleague's key with
// a budget, a refused request and its line in the usage; with the keyboard alone, in both languages and themes, on a
// phone's width; failures are said in words; without a platform there are no such pages.
// Method: headless Chromium on the page as the program serves it (AUTARK_BIN) or as it was built (PAGE_FOLDER), with a
// platform in memory inside this test. It waits for expected elements, never for a fixed time. Pictures of all pages are
// written to SCREENS, to be looked at.
import assert from "node:assert/strict";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { launch, lowContrast, open, overflow } from "./browser.mjs";
import { Mock } from "./mock.mjs";
import { codeOf, kPassword, PlatformMock } from "./platform_mock.mjs";
import { Program } from "./program.mjs";

const kScreens = process.env.SCREENS ?? "screens";

let browser;
let source; // of the page
let program;
let mock;
let pages;

before(async () => {
  await mkdir(kScreens, { recursive: true });
  browser = await launch();
  if (!process.env.PAGE_FOLDER) program = await Program.serve();
  source = program ? { page: program.url } : { folder: process.env.PAGE_FOLDER };
});
after(async () => {
  await browser?.close();
  await program?.stop();
});
beforeEach(async () => {
  pages = [];
  mock = await PlatformMock.start(source);
  mock.bootstrap();
});
afterEach(async () => {
  for (const page of pages) await page.context().close();
  await mock.stop().catch(() => undefined);
  for (const page of pages) assert.deepEqual(page.trouble, []);
});

async function visit(hash = "", options = {}) {
  const page = await open(browser, mock.url, options);
  pages.push(page);
  if (hash) await page.goto(mock.url + hash);
  return page;
}

const button = (page, name) => page.getByRole("button", { name, exact: true });
const field = (page, name) => page.getByLabel(name, { exact: true });
const heading = (page, name) => page.getByRole("heading", { name, exact: true });
const dialog = (page) => page.getByRole("dialog");

async function signIn(page, name = "admin", password = kPassword) {
  await field(page, "Name").fill(name);
  await field(page, "Password").fill(password);
  await button(page, "Sign in").click();
}

// The administrator has a second factor already.
function ready() {
  Object.assign(mock.admin, { totp: "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", totp_set: true });
}

// A page on which the administrator is signed in.
async function inside(hash, options) {
  ready();
  const page = await visit(hash, options);
  await signIn(page);
  await field(page, "Code of your authenticator").fill(codeOf(mock.admin.totp));
  await button(page, "Sign in").click();
  await page.locator(".places").or(page.getByLabel("Show menu")).first().waitFor();
  return page;
}

// Like somebody without a mouse: presses Tab until the element has the focus.
async function tabTo(page, locator) {
  await locator.waitFor();
  for (let i = 0; i < 80; i++) {
    if (await locator.evaluate((element) => element === document.activeElement)) return;
    await page.keyboard.press("Tab");
  }
  assert.fail(`Tab does not reach ${locator}`);
}

async function typeInto(page, name, text) {
  await tabTo(page, field(page, name));
  await page.keyboard.type(text);
}

async function press(page, locator) {
  await tabTo(page, locator);
  await page.keyboard.press("Enter");
}

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
  await page.getByRole("link", { name: "Members" }).click();
  await page.getByText("Your roles do not show the other members.", { exact: false }).waitFor();
});

test("without a platform the console has no way to its pages", async () => {
  const plain = await Mock.start(source);
  try {
    const page = await open(browser, plain.url);
    pages.push(page);
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
  const page = await inside("#/keys");
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
  for (let i = 0; i < 3; i++) mock.book({ workspace: workspace.id, key: mock.keys[0].id, model: "m", input: 10, output: 5 });
  const page = await visit("#/usage");
  await button(page, "Use an administrator key instead").click();
  await field(page, "Administrator key").fill("sk-wrong");
  await button(page, "Sign in").click();
  await page.getByText("The server does not accept this key for administration.").waitFor();
  await field(page, "Administrator key").fill(secret);
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
  for (const workspace of [a, a, b]) mock.book({ workspace: workspace.id, key: key.id, model: "m", user: "u", input: 10 });
  const page = await inside("#/usage");
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
  ready();
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

  mock.down = true;
  await page.getByRole("link", { name: "Prices" }).click();
  await page.getByText("The server failed.", { exact: false }).waitFor();
  mock.down = false;
  await button(page, "Try again").click();
  await heading(page, "2026-11").waitFor();
  await button(page, "Add a version").click();
  await dialog(page).getByRole("button", { name: "Add a version" }).click();
  await page.getByText("There is a price file of this version already.", { exact: false }).waitFor();
  await field(page, "Price file (TOML)").fill('version = "2027"\ninput = -1\n');
  await dialog(page).getByRole("button", { name: "Add a version" }).click();
  await page.getByText("line 2: a price is not negative", { exact: false }).waitFor();
  await page.keyboard.press("Escape");

  mock.sessions.clear();
  await page.getByRole("link", { name: "Members" }).click();
  await page.getByText("The session has ended. Sign in again.").waitFor();
});

test("the own password changes, sessions are listed and end", async () => {
  const page = await inside("#/account");
  const other = await inside("#/account");
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
  const page = await inside("#/members");
  await button(page, "Add a member").click();
  await field(page, "Name").fill("both");
  for (const name of [/^Auditor/, /^Security/]) await page.getByRole("checkbox", { name }).check();
  await dialog(page).getByRole("button", { name: "Add a member" }).click();
  await page.getByRole("alert").getByText("At most one of the three administrative roles", { exact: false }).waitFor();
  assert.equal(mock.members.length, 1);
});

// A month of two departments' work, from a fixed formula.
function work() {
  const [research, support] = [mock.addWorkspace("research"), mock.addWorkspace("customer-support")];
  const keys = [
    mock.addKey({ workspace: "research", name: "notebooks", budget: "40CNY/month", expires: "90d", rpm: 60 }),
    mock.addKey({ workspace: "research", name: "nightly-evaluation", models: ["deepseek-v4"], tpm: 200000 }),
    mock.addKey({ workspace: "customer-support", name: "helpdesk", budget: "60CNY/month", ips: ["10.0.0.0/8"] }),
  ];
  mock.setLimit({ level: "workspace", subject: support.id, kind: "budget", amount: { currency: "CNY", amount: "55" }, period: "month" });
  mock.addMember("li.wei", ["developer"], [research.id], "x");
  mock.addMember("chen.yu", ["developer"], [research.id, support.id], "x");
  mock.addMember("zhao.min", ["audit"], [], "x").totp_set = true;
  mock.deposits.set("d", 200e9);
  const kHour = 3_600_000;
  for (let hour = 0; hour < 700; hour++) {
    const time = Date.now() - hour * kHour;
    const day = Math.max(0, Math.sin((new Date(time).getUTCHours() / 24) * Math.PI * 2 - 1)) + 0.1;
    keys.forEach((key, i) => {
      const n = Math.round(day * (9000 + i * 4000 + ((hour * 37 + i * 11) % 17) * 700));
      const model = i === 1 ? "deepseek-v4" : hour % 3 ? "qwen3-30b" : "deepseek-v4";
      const outcome = hour % 41 === i ? "aborted" : "complete";
      const tokens = { input: n, cached: n * 2, cache_write: 0, output: Math.round(n / 3), reasoning: i ? 0 : Math.round(n / 5) };
      mock.book({ time, workspace: key.workspace, key: key.id, model, user: `user-${hour % 5}`, outcome, ...tokens });
      mock.keys[i].used ??= new Date(time).toISOString();
    });
  }
  const budget = mock.limits.find((limit) => limit.subject === keys[0].id && limit.kind === "rpm");
  Object.assign(budget, { raised: 240, until: new Date(Date.now() + 20 * kHour).toISOString() });
}

const kLocales = { en: { locale: "en-GB" }, zh: { locale: "zh-CN" } };
const kWidths = { wide: { width: 1280, height: 860 }, phone: { width: 360, height: 740 } };
const kShown = ["usage", "keys", "workspaces", "members", "prices", "account"];

for (const language of Object.keys(kLocales)) {
  for (const colorScheme of ["light", "dark"]) {
    test(`every page can be read: ${language}, ${colorScheme}`, async () => {
      ready();
      work();
      for (const [width, viewport] of Object.entries(kWidths)) {
        const page = await visit("#/usage", { ...kLocales[language], colorScheme, viewport, timezoneId: "Asia/Shanghai" });
        const picture = async (name) => {
          await page.mouse.move(0, 0);
          assert.deepEqual(await lowContrast(page), [], name);
          assert.ok((await overflow(page)) <= 0, `${name} is too wide`);
          // The page scrolls inside; for a whole picture it is given the height that it needs.
          const height = await page.evaluate(() => {
            const main = document.querySelector(".platform");
            return document.querySelector("dialog") || !main ? 0 : main.scrollHeight;
          });
          if (height > viewport.height) await page.setViewportSize({ ...viewport, height: Math.min(height, 4000) });
          await page.screenshot({ path: join(kScreens, `${name}-${language}-${colorScheme}-${width}.png`) });
          await page.setViewportSize(viewport);
        };
        await page.locator(".entry form").waitFor();
        await picture("sign-in");
        await page.locator("input").nth(0).fill("admin");
        await page.locator("input").nth(1).fill(kPassword);
        await page.keyboard.press("Enter");
        await page.locator("input").nth(2).fill(codeOf(mock.admin.totp));
        await page.keyboard.press("Enter");
        await page.locator(".content").waitFor();
        for (const name of kShown) {
          await page.goto(`${mock.url}#/${name}${name === "usage" ? "?period=7d&bucket=hour&by=key" : ""}`);
          const there = { usage: ".u-over", prices: "pre", account: "table", workspaces: "tbody" };
          await page.locator(`.content ${there[name] ?? "tbody"}`).first().waitFor();
          await picture(name);
        }
        await page.goto(`${mock.url}#/keys`);
        await page.locator(".page-buttons .primary").click();
        await page.locator("dialog[open]").waitFor();
        await picture("new-key");
        await page.locator("dialog input").first().fill("demo");
        await page.keyboard.press("Enter");
        await page.locator("dialog code").first().waitFor();
        await picture("secret");
        await page.locator("dialog .primary").click();
        await page.locator("tbody .link-button").first().click();
        await page.locator("dialog .limits li").first().waitFor();
        await picture("limits");
      }
      mock.admin.totp_set = false;
      const page = await visit("#/usage", { ...kLocales[language], colorScheme, viewport: kWidths.phone });
      await page.locator("input").nth(0).fill("admin");
      await page.locator("input").nth(1).fill(kPassword);
      await page.keyboard.press("Enter");
      await page.locator(".copy-line").first().waitFor();
      assert.deepEqual(await lowContrast(page), []);
      assert.ok((await overflow(page)) <= 0);
      await page.screenshot({ path: join(kScreens, `second-factor-${language}-${colorScheme}-phone.png`), fullPage: true });
    });
  }
}
