// Goal: every page of the platform can be read: both languages, light and dark, wide and on a phone.
// Method: headless Chromium on the page with a platform in memory. Each page and dialog must have enough contrast, must not be
// wider than the screen, and axe must find nothing against WCAG AA. Pictures of all are written to SCREENS, to be looked at.
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { before, beforeEach, test } from "node:test";
import { accessibilityFaults, lowContrast, overflow } from "./browser.mjs";
import { codeOf, kPassword, PlatformMock, ready } from "./platform_mock.mjs";
import { scripted } from "./scripted.mjs";

const kScreens = process.env.SCREENS ?? "screens";
const all = scripted(PlatformMock, (mock) => mock.bootstrap());
const { visit } = all;
let mock;
before(() => mkdir(kScreens, { recursive: true }));
beforeEach(() => ({ mock } = all));

// A month of two departments' work, from a fixed formula.
function work() {
  const [research, support] = [mock.addWorkspace("research"), mock.addWorkspace("customer-support")];
  const keys = [
    mock.addKey({ workspace: "research", name: "notebooks", budget: "40CNY/month", expires: "90d", rpm: 60 }),
    mock.addKey({ workspace: "research", name: "nightly-evaluation", models: ["deepseek-v4"], tpm: 200000 }),
    mock.addKey({ workspace: "customer-support", name: "helpdesk", budget: "60CNY/month", ips: ["10.0.0.0/8"] }),
  ];
  mock.setLimit({ level: "account", subject: "acc_main", kind: "tpm", amount: 2_000_000 });
  mock.setLimit({ level: "model", subject: "deepseek-v4", kind: "concurrency", amount: 32 });
  mock.setLimit({
    level: "workspace",
    subject: support.id,
    kind: "budget",
    amount: { currency: "CNY", amount: "55" },
    period: "month",
  });
  mock.addMember("li.wei", ["developer"], [research.id], "x");
  mock.addMember("chen.yu", ["developer"], [research.id, support.id], "x");
  mock.addMember("zhao.min", ["audit"], [], "x").totp_set = true;
  mock.deposits.set("d", 200e9);
  const credit = (more) => ({ unit: "CNY", model: null, created: "2026-11-01T02:00:00Z", expires: null, ...more });
  const sum = (amount) => ({ currency: "CNY", amount });
  const expires = new Date(Date.now() + 30 * 86_400_000).toISOString();
  mock.credits = [
    credit({ id: "acc_main/welcome", kind: "free", amount: sum("20"), used: sum("12.5"), expires }),
    credit({ id: "acc_main/autumn", kind: "pack", unit: "tokens", amount: 1e7, used: 2e6, model: "deepseek-v4" }),
    credit({ id: "acc_main/trial", kind: "free", amount: sum("5"), used: sum("5"), expires: "2026-11-15T00:00:00Z" }),
  ];
  const kHour = 3_600_000;
  for (let hour = 0; hour < 700; hour++) {
    const time = Date.now() - hour * kHour;
    const day = Math.max(0, Math.sin((new Date(time).getUTCHours() / 24) * Math.PI * 2 - 1)) + 0.1;
    keys.forEach((key, i) => {
      const n = Math.round(day * (9000 + i * 4000 + ((hour * 37 + i * 11) % 17) * 700));
      const model = i === 1 ? "deepseek-v4" : hour % 3 ? "qwen3-30b" : "deepseek-v4";
      const outcome = hour % 41 === i ? "aborted" : "complete";
      const tokens = {
        input: n,
        cached: n * 2,
        cache_write: 0,
        output: Math.round(n / 3),
        reasoning: i ? 0 : Math.round(n / 5),
      };
      mock.book({ time, workspace: key.workspace, key: key.id, model, user: `user-${hour % 5}`, outcome, ...tokens });
      mock.keys[i].used ??= new Date(time).toISOString();
    });
  }
  const budget = mock.limits.find((limit) => limit.subject === keys[0].id && limit.kind === "rpm");
  Object.assign(budget, { raised: 240, until: new Date(Date.now() + 20 * kHour).toISOString() });
}

const kLocales = { en: { locale: "en-GB" }, zh: { locale: "zh-CN" } };
const kWidths = { wide: { width: 1280, height: 860 }, phone: { width: 360, height: 740 } };
const kShown = ["usage", "keys", "workspaces", "members", "limits", "balance", "prices", "account"];

// Checks and photographs what the page shows, light and dark.
async function picture(page, name, language, width) {
  const viewport = kWidths[width];
  await page.mouse.move(0, 0);
  assert.ok((await overflow(page)) <= 0, `${name} is too wide`);
  // What scrolls is given the height that it needs, for a whole picture.
  const height = await page.evaluate(() => {
    const main = document.querySelector("dialog") ?? document.querySelector(".platform, .entry");
    return main.scrollHeight + (main.matches("dialog") ? 40 : 0);
  });
  if (height > viewport.height) await page.setViewportSize({ ...viewport, height: Math.min(height, 4000) });
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    await page.locator(`html[data-theme=${colorScheme}]`).waitFor();
    assert.deepEqual(await lowContrast(page), [], `${name}, ${colorScheme}`);
    await page.screenshot({ path: join(kScreens, `${name}-${language}-${colorScheme}-${width}.png`) });
  }
  if (height > viewport.height) await page.setViewportSize(viewport);
  if (isWhole(language, width)) assert.deepEqual(await accessibilityFaults(page), [], name);
}

// Dialogs are shown, and axe is asked, once for each language and once for each width.
const isWhole = (language, width) => (width === "wide") === (language === "en");

async function signInAt(page) {
  await page.locator("input").nth(0).fill("admin");
  await page.locator("input").nth(1).fill(kPassword);
  await page.keyboard.press("Enter");
}

for (const [language, locale] of Object.entries(kLocales)) {
  for (const [width, viewport] of Object.entries(kWidths)) {
    test(`every page can be read: ${language}, ${width}`, async () => {
      ready(mock);
      work();
      const page = await visit("#/usage", { ...locale, viewport, timezoneId: "Asia/Shanghai" });
      const show = (name) => picture(page, name, language, width);
      await page.locator(".entry form").waitFor();
      await show("sign-in");
      await signInAt(page);
      await page.locator("input").nth(2).fill(codeOf(mock.admin.totp));
      await page.keyboard.press("Enter");
      await page.locator(".content").waitFor();
      for (const name of kShown) {
        await page.goto(`${mock.url}#/${name}${name === "usage" ? "?period=7d&bucket=hour&by=key" : ""}`);
        const there = { usage: ".u-over", prices: "pre" };
        await page
          .locator(`.content ${there[name] ?? "tbody"}`)
          .first()
          .waitFor();
        await show(name);
      }
      if (!isWhole(language, width)) return;
      await page.goto(`${mock.url}#/usage?period=30d&bucket=day`);
      await page.locator(".tabs button").nth(1).click();
      await page.locator(".legend li").nth(4).waitFor();
      await page.locator(".chart-frame").press("ArrowLeft");
      await page.locator(".legend-time", { hasText: /\d/ }).waitFor();
      await page.locator("summary").click();
      await show("usage-days");
      await page.goto(`${mock.url}#/balance`);
      await page.locator(".page-buttons .secondary").click();
      await page.locator("dialog .primary").click();
      await page.locator("dialog [role=alert]").first().waitFor();
      await show("new-credit");
      await page.keyboard.press("Escape");
      await page.goto(`${mock.url}#/limits`);
      await page.locator(".page-buttons .primary").click();
      await page.locator("dialog select").first().selectOption("model");
      await show("new-limit");
      await page.keyboard.press("Escape");
      await page.goto(`${mock.url}#/keys`);
      await page.locator(".page-buttons .primary").click();
      await page.locator("dialog[open]").waitFor();
      await show("new-key");
      await page.locator("dialog input").first().fill("demo");
      await page.keyboard.press("Enter");
      await page.locator("dialog code").first().waitFor();
      await show("secret");
      await page.locator("dialog .primary").click();
      await page.locator("tbody .link-button").first().click();
      await page.locator("dialog .limits .link-button").first().click();
      await page.locator("dialog select").last().selectOption("other");
      await show("key-limits");
      mock.sessions.clear();
      await page.locator("dialog input").first().fill("500");
      await page.keyboard.press("Enter");
      await page.locator(".covering form").waitFor();
      await show("session-over");

      mock.admin.totp_set = false;
      const newcomer = await visit("#/usage", { ...locale, viewport });
      await signInAt(newcomer);
      await newcomer.locator(".copy-line").first().waitFor();
      await picture(newcomer, "second-factor", language, width);
    });
  }
}
