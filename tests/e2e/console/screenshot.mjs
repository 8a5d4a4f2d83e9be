// Makes the README's picture of the console: the beginning of a chat with a real model.
//
//   node screenshot.mjs FILE.png [light|dark [QUESTION]]
import { answered, ask, launch, open } from "./browser.mjs";
import { Program } from "./program.mjs";

const [
  file,
  colorScheme = "light",
  question = "Reverse a string in Python in one line, and say briefly how it works.",
] = process.argv.slice(2);
const program = await Program.serve();
const browser = await launch();
try {
  const page = await open(browser, program.url, { colorScheme });
  page.setDefaultTimeout(300_000);
  // Greedy, so that the picture is the same when it is made again.
  await page.evaluate(() => localStorage.setItem("autark.sampling", '{"temperature":0,"max_tokens":300}'));
  await page.reload();
  await page.locator(".header .dot.ready").waitFor();
  await ask(page, question);
  await answered(page);
  await page.locator(".thread").evaluate((thread) => (thread.scrollTop = 0));
  await page.mouse.move(0, 0);
  await page.screenshot({ path: file });
} finally {
  await browser.close();
  await program.stop();
}
