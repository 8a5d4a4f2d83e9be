// What tests with a scripted server share: one browser, the page from the program (AUTARK_BIN) or as it was built
// (PAGE_FOLDER), and for each test a server and pages of its own.
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach } from "node:test";
import { launch, open } from "./browser.mjs";
import { Program } from "./program.mjs";

// `Server`: Mock or PlatformMock. `page.trouble` must stay empty in all pages that `visit` opens.
export function scripted(Server, prepare = () => undefined) {
  const all = { browser: null, source: null, mock: null, pages: [], visit };
  let program;

  async function visit(path = "", options = {}) {
    const page = await open(all.browser, all.mock.url, options);
    all.pages.push(page);
    if (path) await page.goto(all.mock.url + path);
    return page;
  }

  before(async () => {
    if (!process.env.PAGE_FOLDER) program = await Program.toy();
    all.source = program ? { page: program.url } : { folder: process.env.PAGE_FOLDER };
    all.browser = await launch();
  });
  after(async () => {
    await all.browser?.close();
    await program?.stop();
  });
  beforeEach(async () => {
    all.pages = [];
    all.mock = await Server.start(all.source);
    prepare(all.mock);
  });
  afterEach(async () => {
    for (const page of all.pages) await page.context().close();
    await all.mock.stop().catch(() => undefined);
    for (const page of all.pages) assert.deepEqual(page.trouble, []);
  });
  return all;
}
