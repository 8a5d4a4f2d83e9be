// Goal: all functions of the console work in a real browser, with a keyboard, on a phone's width and in both themes,
// and nothing that a server or a model sends can harm it.
// Method: headless Chromium on the page as the program serves it (AUTARK_BIN) or as it was built (PAGE_FOLDER), the
// chat API scripted by a server inside this test. It waits for expected elements, never for a fixed time.
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import {
  answered,
  answers,
  ask,
  button,
  input,
  lowContrast,
  open,
  overflow,
  questions,
  stopButton,
  watch,
} from "./browser.mjs";
import { Mock } from "./mock.mjs";
import { scripted } from "./scripted.mjs";

const all = scripted(Mock);
let mock;
beforeEach(() => ({ mock } = all));

async function visit(options) {
  const page = await all.visit("", options);
  await page.locator(".header .dot.ready").waitFor();
  return page;
}

// A step of a script that waits until the test releases it.
function gate() {
  let pass;
  const passed = new Promise((resolve) => (pass = resolve));
  return { passed, pass };
}

const lastAnswer = (page) => answers(page).last();
const contents = (n = -1) => mock.requests.at(n).messages.map((m) => m.content);
const background = (page) => page.evaluate(() => getComputedStyle(document.body).backgroundColor);

test("an answer grows on the page while it is streamed, then shows its counts", async () => {
  const page = await visit();
  assert.equal(await page.locator(".model-name").textContent(), "mock-model");
  const more = gate();
  mock.script = async (out) => {
    out.text("Hello");
    await more.passed;
    for (const word of [" big", " wide", " world"]) out.text(word);
    out.end("stop", { prompt_tokens: 1234, completion_tokens: 5, prompt_tokens_details: { cached_tokens: 8 } });
  };
  await ask(page, "Say hello");
  await page.getByText("Hello", { exact: true }).waitFor();
  assert.equal(await lastAnswer(page).getAttribute("aria-busy"), "true");
  assert.equal(await lastAnswer(page).locator(".ai-label").textContent(), "AI-generated");
  more.pass();
  await answered(page);
  assert.equal((await lastAnswer(page).locator(".markdown").textContent()).trim(), "Hello big wide world");
  const numbers = await lastAnswer(page).locator(".numbers").textContent();
  assert.match(numbers, /[\d.,]+ tokens\/s.*5 tokens.*1,234 in the prompt \(8 cached\)/);
  assert.equal(await page.title(), "Say hello – autark");
});

test("a stream cut inside characters and lines reads the same", async () => {
  const page = await visit();
  mock.script = async (out, asked) => {
    const bytes = Buffer.from(
      `data: ${JSON.stringify({ choices: [{ delta: { content: "grüße 😀 漢字" } }] })}\r\n\r\n` +
        'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\r\n\r\ndata: [DONE]\r\n\r\n',
    );
    assert.equal(asked.stream, true);
    for (const byte of bytes) {
      out.raw(Buffer.of(byte));
      await new Promise((next) => setImmediate(next));
    }
    out.response.end();
  };
  await ask(page, "x");
  await answered(page);
  assert.equal((await lastAnswer(page).locator(".markdown").textContent()).trim(), "grüße 😀 漢字");
});

for (const [how, stop] of [
  ["the button", (page) => stopButton(page).click()],
  ["Escape", (page) => page.keyboard.press("Escape")],
]) {
  test(`stop with ${how} ends the request and keeps what arrived`, async () => {
    const page = await visit();
    const gone = gate();
    mock.script = async (out) => {
      out.text("The first half");
      await out.gone;
      gone.pass();
    };
    await ask(page, "Go on");
    await page.getByText("The first half").waitFor();
    await stop(page);
    await gone.passed;
    await answered(page);
    assert.match(await lastAnswer(page).textContent(), /The first half\s*Stopped\./);
    mock.script = async (out) => out.say("Next.");
    await ask(page, "And now?");
    await answered(page);
    assert.deepEqual(contents(), ["Go on", "The first half", "And now?"]);
  });
}

test("a stopped answer is continued where it ends", async () => {
  const page = await visit();
  mock.script = async (out) => {
    out.text("Once upon");
    await out.gone;
  };
  await ask(page, "Tell me a story");
  await page.getByText("Once upon").waitFor();
  await stopButton(page).click();
  mock.script = async (out) => out.say(" a time.");
  await button(page, "Continue writing").click();
  await page.getByText("Once upon a time.").waitFor();
  await answered(page);
  assert.deepEqual(contents(), ["Tell me a story", "Once upon"]);
  assert.equal(mock.requests.at(-1).continue_final_message, true);
  assert.equal(await button(page, "Continue writing").count(), 0);
});

test("regenerate asks the same question again", async () => {
  const page = await visit();
  await ask(page, "Why?");
  await answered(page);
  mock.script = async (out) => out.say("Another answer.");
  await button(page, "Regenerate").click();
  await page.getByText("Another answer.").waitFor();
  await answered(page);
  assert.equal(await answers(page).count(), 1);
  assert.deepEqual(contents(0), contents(1));
});

test("an edited question is answered anew, and what came after it is gone", async () => {
  const page = await visit();
  await ask(page, "first");
  await answered(page);
  await ask(page, "second");
  await answered(page);
  await questions(page).first().hover();
  await questions(page).first().getByRole("button", { name: "Edit" }).click();
  await page.getByText("What comes after this message will be removed.").waitFor();
  await page.getByLabel("Edit message").fill("changed");
  await page.keyboard.press("Enter");
  await answered(page);
  assert.equal(await questions(page).count(), 1);
  assert.deepEqual(contents(), ["changed"]);
  // ↑ in the empty box edits the last question; Escape cancels the edit.
  await input(page).focus();
  await page.keyboard.press("ArrowUp");
  await page.getByLabel("Edit message").fill("not this");
  await page.keyboard.press("Escape");
  assert.equal(await questions(page).locator(".bubble").textContent(), "changed");
});

test("an edited answer is what the model is shown as its own", async () => {
  const page = await visit();
  await ask(page, "first");
  await answered(page);
  await lastAnswer(page).getByRole("button", { name: "Edit" }).click();
  await page.getByLabel("Edit message").fill("My **better** answer");
  await page.keyboard.press("Control+Enter");
  await page.locator(".markdown strong").getByText("better").waitFor();
  await ask(page, "second");
  await answered(page);
  assert.deepEqual(contents(), ["first", "My **better** answer", "second"]);
});

test("Markdown and code are rendered; code and answers can be copied", async () => {
  const page = await visit({ permissions: ["clipboard-read", "clipboard-write"] });
  const code = 'def f(x):\n    return "<b>" + x  # done';
  const answer = `## Heading\n\n- one\n- two\n\n| a | b |\n|---|--:|\n| 1 | 2 |\n\n\`\`\`python\n${code}\n\`\`\`\n\nUse \`f\`.`;
  mock.script = async (out) => {
    for (const c of answer) out.text(c);
    out.end();
  };
  await ask(page, "Show me");
  await answered(page);
  const shown = lastAnswer(page).locator(".markdown");
  assert.equal(await shown.locator("h2").textContent(), "Heading");
  assert.deepEqual(await shown.locator("li").allTextContents(), ["one", "two"]);
  assert.equal(await shown.locator("td").last().getAttribute("align"), "right");
  assert.equal((await shown.locator("pre code").textContent()).trimEnd(), code);
  assert.equal(await shown.locator(".hljs-keyword").first().textContent(), "def");
  const plain = await shown
    .locator("p")
    .last()
    .evaluate((e) => getComputedStyle(e).color);
  assert.notEqual(
    await shown
      .locator(".hljs-keyword")
      .first()
      .evaluate((e) => getComputedStyle(e).color),
    plain,
  );
  const clipboard = () => page.evaluate(() => navigator.clipboard.readText());
  await shown.locator(".copy-code").click();
  await shown.getByText("Copied").waitFor();
  assert.equal((await clipboard()).trimEnd(), code);
  await lastAnswer(page).locator(".actions").getByRole("button", { name: "Copy" }).click();
  await lastAnswer(page).locator(".actions").getByRole("button", { name: "Copied" }).waitFor();
  assert.equal(await clipboard(), `${answer}\n\n(AI-generated by mock-model)`);
});

test("nothing a model or a user writes becomes active", async () => {
  const page = await visit();
  const attack = [
    "<script>window.harmed = 1</script>",
    "<img src=x onerror='window.harmed = 1'>",
    "<svg onload='window.harmed = 1'></svg>",
    "[click](javascript:window.harmed=1)",
    "![pixel](https://example.org/pixel.png)",
    "<iframe src='https://example.org'></iframe>",
    "<style>body { display: none }</style>",
    "```js\n</code></pre><script>window.harmed = 1</script>\n```",
    "<a href='https://example.org' style='position:fixed;inset:0'>x</a>",
  ].join("\n\n");
  mock.script = async (out) => out.say(attack);
  mock.models = ["<img src=x onerror='window.harmed = 1'>"];
  await ask(page, attack);
  await answered(page);
  const found = await page.evaluate(() => ({
    harmed: window.harmed,
    active: document.querySelectorAll("#app :is(script, img, iframe, style, object, embed, form)").length,
    links: [...document.querySelectorAll(".markdown a")].map((a) => a.getAttribute("href")),
  }));
  assert.deepEqual(found, { harmed: undefined, active: 0, links: [null, "https://example.org/pixel.png"] });
  await page.reload();
  await page.locator(".header .dot.ready").waitFor();
  assert.equal(await page.evaluate(() => window.harmed), undefined);
  assert.equal(await page.locator("#app img").count(), 0);
});

test("settings are sent as they are set, wrong ones are refused, all survive a reload", async () => {
  const page = await visit();
  await button(page, "Settings").click();
  const values = { temperature: 0.5, top_p: 0.9, top_k: 40, min_p: 0.05, max_tokens: 64, seed: 7 };
  for (const [name, value] of Object.entries(values)) await page.locator(`input[name=${name}]`).fill(String(value));
  await page.getByLabel("System prompt").fill("Be brief.");
  await page.locator("input[name=temperature]").fill("3");
  await page.getByText("A number from 0 to 2.").waitFor();
  await ask(page, "x");
  await answered(page);
  const { messages, model, stream, stream_options, cache_diagnostics, ...sent } = mock.requests.at(-1);
  assert.deepEqual(sent, values);
  assert.deepEqual([model, stream, stream_options], ["mock-model", true, { include_usage: true }]);
  assert.equal(cache_diagnostics, true);
  assert.deepEqual(messages[0], { role: "system", content: "Be brief." });
  await page.reload();
  await button(page, "Settings").click();
  assert.equal(await page.locator("input[name=top_k]").inputValue(), "40");
  await button(page, "Reset to defaults").click();
  await ask(page, "y");
  await answered(page);
  assert.deepEqual(Object.keys(mock.requests.at(-1)).sort(), [
    "cache_diagnostics",
    "messages",
    "model",
    "stream",
    "stream_options",
  ]);
});

test("an answer says why not more of its prompt was reused", async () => {
  const page = await visit();
  mock.script = async (out) => {
    out.text("Yes.");
    out.end("stop", {
      prompt_tokens: 300,
      completion_tokens: 1,
      prompt_cache: {
        read: 128,
        possible: 256,
        tier: "memory",
        why: "differs",
        at: 130,
        part: "messages[2]",
        diagnostics: { prompt: "<b>now</b>", entry: "then" },
      },
    });
  };
  await ask(page, "x");
  await answered(page);
  const reuse = lastAnswer(page).locator(".reuse");
  await reuse.getByText("128 of 256 prompt tokens reused: the text differs from there on").click();
  assert.deepEqual(await reuse.locator("dd").allTextContents(), ["<b>now</b>", "then"]);
  await reuse.getByText("From token 130 on (messages[2])").waitFor();
  assert.deepEqual(await lowContrast(page), []);
});

test("with several models one is picked", async () => {
  mock.models = ["first", "second"];
  const page = await visit();
  await page.getByLabel("Model", { exact: true }).selectOption("second");
  await ask(page, "x");
  await answered(page);
  assert.equal(mock.requests[0].model, "second");
  assert.equal(await lastAnswer(page).locator(".author-model").textContent(), "second");
});

const everything = `# Heading\n\nText with \`code\`, a [link](https://example.org) and a ${"long".repeat(60)} word.\n
> quote\n\n| a | b | c | d | e | f | g | h |\n|-|-|-|-|-|-|-|-|\n|${" somewhat wide |".repeat(8)}\n
\`\`\`ts\n// comment\nexport const value: number = f("string", 1.5, true); ${"/* long */ ".repeat(30)}\n\`\`\`\n
\`\`\`diff\n- old\n+ new\n\`\`\`\n\n\`\`\`html\n<a href="x">y</a>\n\`\`\`\n`;

for (const scheme of ["light", "dark"]) {
  test(`${scheme}: follows the system and every text is readable`, async () => {
    const page = await visit({ colorScheme: scheme });
    const dark = (await background(page))
      .match(/\d+/g)
      .slice(0, 3)
      .every((c) => c < 60);
    assert.equal(dark, scheme === "dark");
    assert.deepEqual(await lowContrast(page), []);
    mock.script = async (out) => out.say(everything);
    await ask(page, "Show everything");
    await answered(page);
    mock.script = async (out) => out.fail(400, { message: "A reason." });
    await ask(page, "Fail");
    await page.getByText("A reason.").waitFor();
    await button(page, "Settings").click();
    await page.locator("input[name=temperature]").fill("9");
    await questions(page).last().hover();
    await questions(page).last().getByRole("button", { name: "Edit" }).click();
    assert.deepEqual(await lowContrast(page), []);
  });
}

test("the theme can be set against the system's and is remembered", async () => {
  const page = await visit({ colorScheme: "light" });
  const light = await background(page);
  await button(page, "Theme: as the system").click();
  await button(page, "Theme: light").click();
  await button(page, "Theme: dark").waitFor();
  const dark = await background(page);
  assert.notEqual(dark, light);
  await page.reload();
  await button(page, "Theme: dark").waitFor();
  assert.equal(await background(page), dark);
});

test("on a phone everything fits and is in reach", async () => {
  const page = await visit({ viewport: { width: 360, height: 640 }, hasTouch: true, isMobile: true });
  assert.equal(await overflow(page), 0);
  mock.script = async (out) => out.say(everything);
  await input(page).fill("x".repeat(200));
  await button(page, "Send").tap();
  await answered(page);
  assert.equal(await overflow(page), 0);
  assert.ok(
    await lastAnswer(page)
      .locator(".code pre")
      .first()
      .evaluate((e) => e.scrollWidth > e.clientWidth),
  );
  const box = await page.locator(".composer-box").boundingBox();
  assert.ok(box.x >= 0 && box.x + box.width <= 360 && box.y + box.height <= 640);
  await button(page, "Show chats").tap();
  await button(page, "Delete all chats").waitFor();
  assert.equal(await overflow(page), 0);
  assert.equal(await page.locator("main").evaluate((e) => e.inert), true);
  await page.keyboard.press("Escape");
  await button(page, "Settings").tap();
  await page.getByLabel("Seed").fill("1");
  assert.equal(await overflow(page), 0);
  await button(page, "Close settings").tap();
  await button(page, "New chat").tap();
  await page.getByText("What shall we work on?").waitFor();
});

test("a server that wants a key gets it, and only this tab keeps it", async () => {
  mock.key = "secret-key";
  const page = await open(all.browser, mock.url);
  all.pages.push(page);
  await page.getByLabel("API key").fill("wrong");
  await button(page, "Use this key").click();
  await page.getByText("The server did not accept this key.").waitFor();
  await page.getByLabel("API key").fill("secret-key");
  await page.keyboard.press("Enter");
  await page.locator(".header .dot.ready").waitFor();
  await ask(page, "x");
  await answered(page);
  const kept = await page.evaluate(() => [JSON.stringify(localStorage), JSON.stringify(sessionStorage)]);
  assert.ok(!kept[0].includes("secret-key") && kept[1].includes("secret-key"));
  // The key is changed while the page is open; the question is sent again with the new key.
  mock.key = "another";
  await ask(page, "y");
  await page.getByLabel("API key").fill("another");
  mock.script = async (out) => out.say("Answered after all.");
  await button(page, "Use this key").click();
  await page.getByText("Answered after all.").waitFor();
  assert.deepEqual(contents(), ["x", "A scripted answer.", "y"]);
});

for (const [name, status, error, said] of [
  ["a refusal", 400, { message: "temperature must be a number" }, /refused the request.*temperature must be a number/],
  [
    "a full context",
    400,
    { message: "9000 tokens, 8192 fit", code: "context_length_exceeded" },
    /no longer fits.*9000 tokens/,
  ],
  ["a model without chat template", 400, { message: "base-model has no chat template" }, /cannot chat.*base-model/],
  ["a busy server", 429, { message: "The queue is full." }, /busy.*The queue is full/],
  ["a failing server", 500, { message: "out of memory" }, /server failed.*out of memory/],
]) {
  test(`${name} is explained and can be tried again`, async () => {
    const page = await visit();
    mock.script = async (out) => out.fail(status, error);
    await ask(page, "x");
    const failure = lastAnswer(page).getByRole("alert");
    await failure.waitFor();
    assert.match(await failure.innerText(), new RegExp(said.source, "s"));
    mock.script = async (out) => out.say("Now it works.");
    await button(page, "Regenerate").click();
    await page.getByText("Now it works.").waitFor();
    await answered(page);
    assert.equal(await page.getByRole("alert").count(), 0);
  });
}

test("an error in the midst of a stream and a cut stream keep what arrived", async () => {
  const page = await visit();
  mock.script = async (out) => {
    out.text("Some words");
    out.raw('data: {"error":{"message":"the engine stopped"}}\n\n');
    out.response.end();
  };
  await ask(page, "x");
  await page.getByText("the engine stopped").waitFor();
  assert.match(await lastAnswer(page).textContent(), /Some words/);
  const seen = gate();
  mock.script = async (out) => {
    out.text("Other words");
    await seen.passed;
    out.cut();
  };
  await ask(page, "y");
  await page.getByText("Other words").waitFor();
  seen.pass();
  await page.getByText("The connection broke before the answer was complete.").waitFor();
  assert.match(await lastAnswer(page).textContent(), /Other words/);
});

test("an answer that reached its limit says so", async () => {
  const page = await visit();
  mock.script = async (out) => {
    out.text("Long");
    out.end("length");
  };
  await ask(page, "x");
  await page.getByText("the limit of tokens was reached").waitFor();
});

test("reasoning stands apart and can be folded, calls are readable", async () => {
  const page = await visit();
  const more = gate();
  mock.script = async (out) => {
    const delta = (delta) => out.chunk({ choices: [{ index: 0, delta, finish_reason: null }] });
    delta({ reasoning_content: "First, <b>the</b> facts." });
    await more.passed;
    out.text("Here you are.");
    delta({ tool_calls: [{ index: 0, id: "call_1", type: "function", function: { name: "look_up", arguments: "" } }] });
    for (const piece of ['{"city":', '"Paris"}']) delta({ tool_calls: [{ index: 0, function: { arguments: piece } }] });
    out.end("tool_calls");
  };
  await ask(page, "x");
  const reasoning = lastAnswer(page).locator(".reasoning p");
  await page.getByText("First, <b>the</b> facts.").waitFor(); // open while the model thinks
  more.pass();
  await answered(page);
  assert.equal(await reasoning.isVisible(), false);
  await page.getByText("Reasoning", { exact: true }).click();
  assert.equal(await reasoning.isVisible(), true);
  assert.equal((await lastAnswer(page).locator(".markdown").textContent()).trim(), "Here you are.");
  assert.equal(await lastAnswer(page).locator(".call p").textContent(), "Calls look_up");
  assert.deepEqual(JSON.parse(await lastAnswer(page).locator(".call pre").textContent()), { city: "Paris" });
});

test("an empty answer says so", async () => {
  const page = await visit();
  mock.script = async (out) => out.end();
  await ask(page, "x");
  await page.getByText("The model ended its answer without writing anything.").waitFor();
});

test("when the server goes away the page says so, and goes on when it is back", async () => {
  const page = await visit();
  await mock.stop();
  await ask(page, "x");
  await lastAnswer(page).getByText("The server does not answer.").waitFor();
  await page.locator(".notice.error").waitFor();
  await mock.listen(mock.port);
  await button(page, "Try now").click();
  await page.locator(".header .dot.ready").waitFor();
  await button(page, "Regenerate").click();
  await page.getByText("A scripted answer.").waitFor();
  await answered(page);
});

test("a page opened while the model is being loaded waits for it", async () => {
  mock.loading = true;
  const page = await open(all.browser, mock.url);
  all.pages.push(page);
  await page.getByText("The model is being loaded.").waitFor();
  mock.loading = false;
  await page.locator(".header .dot.ready").waitFor();
  await page.locator(".notice").waitFor({ state: "detached" });
});

test("chats stay over a reload, can be switched, deleted, brought back and cleared", async () => {
  const page = await visit();
  await ask(page, "About apples");
  await answered(page);
  await button(page, "New chat").click();
  await ask(page, "About pears");
  await answered(page);
  await page.reload();
  const titles = page.locator(".chat-title");
  await titles.first().waitFor();
  assert.deepEqual(await titles.allTextContents(), ["About pears", "About apples"]);
  await titles.last().click();
  assert.equal(await questions(page).locator(".bubble").textContent(), "About apples");
  await page.locator(".chat").first().hover();
  await button(page, "Delete “About pears”").click();
  assert.deepEqual(await titles.allTextContents(), ["About apples"]);
  await button(page, "Undo").click();
  assert.equal(await titles.count(), 2);
  await button(page, "Delete all chats").click();
  await page.getByText("What shall we work on?").waitFor();
  assert.equal(await page.evaluate(() => Object.keys(localStorage).filter((k) => k.includes("chat")).length), 0);
});

test("a second tab sees the first one's chats and both are kept", async () => {
  const page = await visit();
  const other = await page.context().newPage();
  watch(other, mock.url);
  await other.goto(mock.url);
  await ask(page, "From the first");
  await answered(page);
  await other.locator(".chat-title").getByText("From the first").waitFor();
  await ask(other, "From the second");
  await answered(other);
  await page.locator(".chat-title").getByText("From the second").waitFor();
  assert.equal(await page.locator(".chat-title").count(), 2);
  assert.deepEqual(other.trouble, []);
});

test("the keyboard alone is enough", async () => {
  const page = await visit();
  assert.equal(await page.evaluate(() => document.activeElement.id), "message");
  await page.keyboard.type("one");
  await page.keyboard.press("Shift+Enter");
  await page.keyboard.type("two");
  await page.keyboard.press("Enter");
  await answered(page);
  assert.deepEqual(contents(), ["one\ntwo"]);
  assert.equal(await input(page).inputValue(), "");
  // Tab reaches every visible control, and each one shows when it has the focus.
  await page.evaluate(() => document.activeElement.blur());
  const reached = new Set();
  const wanted = [
    "New chat",
    "one",
    "Theme: as the system",
    "Settings",
    "Copy",
    "Edit",
    "Regenerate",
    "Message",
    "Conversation",
  ];
  for (let i = 0; i < 40; ++i) {
    await page.keyboard.press("Tab");
    const { name, ring } = await page.evaluate(() => {
      const e = document.activeElement;
      if (e === document.body) return { name: "", ring: "the browser's own" };
      const box = e.closest(".composer-box");
      const ring = box ? getComputedStyle(box).boxShadow : getComputedStyle(e).outlineStyle;
      return { name: e.ariaLabel || e.textContent.trim(), ring };
    });
    assert.notEqual(ring, "none", name);
    reached.add(name);
  }
  for (const name of wanted) assert.ok(reached.has(name), `${name} is not reached by Tab`);
  await page.keyboard.press("Alt+n");
  await page.getByText("What shall we work on?").waitFor();
  await page.evaluate(() => document.activeElement.blur());
  await page.keyboard.press("/");
  assert.equal(await page.evaluate(() => document.activeElement.id), "message");
  assert.equal(await input(page).inputValue(), "");
});

test("a reader who scrolled up stays there while the answer grows", async () => {
  const page = await visit({ viewport: { width: 1000, height: 500 } });
  const more = gate();
  mock.script = async (out) => {
    out.text("line\n\n".repeat(60));
    await more.passed;
    out.text("line\n\n".repeat(60));
    out.end();
  };
  await ask(page, "x");
  const thread = page.locator(".thread");
  const fromEnd = () => thread.evaluate((e) => e.scrollHeight - e.scrollTop - e.clientHeight);
  await page.waitForFunction(() => document.querySelectorAll(".markdown .block").length === 60);
  assert.ok((await fromEnd()) < 2);
  await thread.evaluate((e) => (e.scrollTop = 100));
  const back = button(page, "To the latest message");
  await back.waitFor();
  more.pass();
  await answered(page);
  assert.equal(await thread.evaluate((e) => e.scrollTop), 100);
  await back.click();
  await back.waitFor({ state: "detached" });
  assert.ok((await fromEnd()) < 2);
});

test("the first visit loads little, and from this server only", async () => {
  const context = await all.browser.newContext();
  const page = await context.newPage();
  all.pages.push(page);
  watch(page, mock.url);
  let bytes = 0;
  page.on("response", async (r) => (bytes += (await r.body().catch(() => "")).length));
  const response = await page.goto(mock.url, { waitUntil: "networkidle" });
  await page.locator(".header .dot.ready").waitFor();
  assert.ok(bytes > 1000 && bytes < 300_000, `${bytes} bytes`);
  assert.match(await response.text(), /Content-Security-Policy" content="default-src/);
});

test("the panel of the server shows its requests and ends one", async () => {
  const counts = { prompt_tokens: 7, cached_tokens: 0, completion_tokens: 2, ms: 900, route: "/v1/messages" };
  mock.running = [
    { id: "aaa", state: "writing", ...counts },
    { id: "bbb", state: "queued", queue: { position: 1, wait_ms: 600 }, ...counts },
  ];
  const page = await visit();
  await button(page, "Server").click();
  const panel = page.getByRole("complementary", { name: "Server" });
  await panel.getByText("75 %").waitFor();
  await panel.getByText("60 % of 10").waitFor();
  const reuse = await panel.locator("dl").nth(1).innerText();
  assert.deepEqual(reuse.split(/\s*\n\s*/), [
    "from memory: all that could be reused",
    "500",
    "computed: the text differs from there on",
    "400",
    "computed: nothing was stored",
    "100",
  ]);
  const pages = await panel.locator("dl").nth(2).innerText();
  assert.deepEqual(pages.split(/\s*\n\s*/), [
    "In use",
    "2",
    "Kept for later",
    "1",
    "Free",
    "1",
    "Copies of windows, and the most",
    "5 / 8",
    "Files on the disk",
    "42",
    "Disk used",
    "1.5 of 6.0 GB",
  ]);
  await panel.getByText("at most 20 ms").waitFor();
  await panel.getByText("waits, 0.9 s · place 1, about 0.6 s").waitFor();
  await button(page, "End request bbb").click();
  await panel.getByText("bbb").waitFor({ state: "detached" });
  assert.deepEqual(
    mock.running.map((r) => r.id),
    ["aaa"],
  );
  mock.running = [];
  await panel.getByText("No request is running.").waitFor();
  assert.deepEqual(await lowContrast(page), []);
  await page.keyboard.press("Escape");
  await panel.waitFor({ state: "detached" });
});
