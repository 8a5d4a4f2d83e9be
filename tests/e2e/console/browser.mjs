// Runs the system's Chromium headless with a temporary profile; helpers for tests of a page.
import axe from "axe-core";
import { chromium } from "playwright-core";

const kFlags = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export function launch() {
  const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
  return chromium.launch({ executablePath, headless: true, args: kFlags });
}

// A page in a fresh profile. Errors that a user would not see, such as those of the browser's console, are collected in
// `page.trouble`.
export async function open(browser, url, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  context.setDefaultTimeout(20000);
  const page = await context.newPage();
  watch(page, url);
  await page.goto(url);
  return page;
}

export function watch(page, url) {
  page.trouble = [];
  page.on("pageerror", (e) => page.trouble.push(`error: ${e.message}`));
  page.on("console", (m) => {
    if (/Content Security Policy|Refused to/i.test(m.text())) page.trouble.push(`policy: ${m.text()}`);
  });
  page.on("request", (r) => {
    if (!r.url().startsWith(url)) page.trouble.push(`elsewhere: ${r.url()}`);
  });
}

export const button = (page, name) => page.getByRole("button", { name, exact: true });
export const field = (page, name) => page.getByLabel(name, { exact: true });
export const heading = (page, name) => page.getByRole("heading", { name, exact: true });
export const dialog = (page) => page.getByRole("dialog");

// How many more times Tab is to be pressed, if the order on the page is the document's; 0: not known.
function stepsTo(element) {
  const root = document.querySelector("dialog[open]") ?? document;
  const reached = (e) => e.tabIndex >= 0 && !e.disabled && e.checkVisibility() && !e.closest("[inert]");
  const all = [...root.querySelectorAll("a[href],button,input,select,textarea,summary,[tabindex]")].filter(reached);
  return Math.max(0, all.indexOf(element) - all.indexOf(document.activeElement));
}

// Like somebody without a mouse: presses Tab until the element has the focus.
export async function tabTo(page, locator) {
  await locator.waitFor();
  for (let steps = await locator.evaluate(stepsTo); steps > 0; steps--) await page.keyboard.press("Tab");
  for (let i = 0; i < 80; i++) {
    if (await locator.evaluate((element) => element === document.activeElement)) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`Tab does not reach ${locator}`);
}

export async function typeInto(page, name, text) {
  await tabTo(page, field(page, name));
  await page.keyboard.insertText(text);
}

export async function press(page, locator) {
  await tabTo(page, locator);
  await page.keyboard.press("Enter");
}

export const input = (page) => page.getByLabel("Message", { exact: true });
export const answers = (page) => page.locator(".message.assistant");
export const questions = (page) => page.locator(".message.user");
export const stopButton = (page) => page.getByRole("button", { name: "Stop", exact: true });

export async function ask(page, text) {
  await input(page).fill(text);
  await page.keyboard.press("Enter");
}

// Waits until the latest answer is complete.
export async function answered(page) {
  await page.locator(".message.assistant:last-child[aria-busy=false]").waitFor();
  await stopButton(page).waitFor({ state: "detached" });
}

// What axe finds against WCAG 2.1 A and AA, as "rule: elements". Contrast is not asked here: lowContrast is faster.
export async function accessibilityFaults(page) {
  await page.evaluate(axe.source);
  const found = await page.evaluate(() =>
    window.axe.run(document, {
      runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"],
      rules: { "color-contrast": { enabled: false } },
      resultTypes: ["violations"],
    }),
  );
  return found.violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" ")}`);
}

// All visible texts whose contrast with their background is below WCAG AA, as "ratio: text".
export function lowContrast(page) {
  return page.evaluate(() => {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = 1;
    const pen = canvas.getContext("2d", { willReadFrequently: true });
    const rgba = (color) => {
      pen.clearRect(0, 0, 1, 1);
      pen.fillStyle = color;
      pen.fillRect(0, 0, 1, 1);
      const [r, g, b, a] = pen.getImageData(0, 0, 1, 1).data;
      return [r, g, b, a / 255];
    };
    const over = (top, ground) => top.slice(0, 3).map((c, i) => c * top[3] + ground[i] * (1 - top[3]));
    const groundOf = (element) => {
      if (!element) return [255, 255, 255];
      const own = rgba(getComputedStyle(element).backgroundColor);
      return own[3] === 1 ? own.slice(0, 3) : over(own, groundOf(element.parentElement));
    };
    const luminance = (rgb) => {
      const [r, g, b] = rgb.map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const low = [];
    for (const element of document.querySelectorAll("body *")) {
      const text = [...element.childNodes]
        .filter((n) => n.nodeType === 3)
        .map((n) => n.data)
        .join("")
        .trim();
      const shown = text || (element.matches("input,textarea") && element.placeholder);
      if (!shown || !element.checkVisibility({ opacityProperty: true }) || element.closest(":disabled")) continue;
      const style = getComputedStyle(element, text ? null : "::placeholder");
      const ground = groundOf(element);
      const a = luminance(over(rgba(style.color), ground));
      const b = luminance(ground);
      const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
      const large = parseFloat(style.fontSize) >= 24;
      if (ratio < (large ? 3 : 4.5)) low.push(`${ratio.toFixed(2)}: ${shown.slice(0, 40)}`);
    }
    return low;
  });
}

export function overflow(page) {
  return page.evaluate(() => {
    const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
    const thread = document.querySelector(".thread, .platform");
    return Math.max(wide, thread ? thread.scrollWidth - thread.clientWidth : 0);
  });
}
