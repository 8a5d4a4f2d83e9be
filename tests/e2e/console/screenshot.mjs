// Takes the README's picture of the console from a running server.
//
//   node screenshot.mjs URL FILE.png [light|dark] [QUESTION]
import { answered, ask, launch, open } from "./browser.mjs";

const [url, file, colorScheme = "light", question = "Write a Python function that merges two sorted lists."] =
  process.argv.slice(2);
if (!file) {
  console.error("usage: node screenshot.mjs URL FILE.png [light|dark] [QUESTION]");
  process.exit(2);
}
const browser = await launch();
const page = await open(browser, url, { colorScheme });
page.setDefaultTimeout(300_000);
await page.locator(".header .dot.ready").waitFor();
await ask(page, question);
await answered(page);
await page.locator(".thread").evaluate((thread) => (thread.scrollTop = 0));
await page.mouse.move(0, 0);
await page.screenshot({ path: file });
await browser.close();
