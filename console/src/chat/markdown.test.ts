// Goal: Markdown is shown as intended, and nothing that a model writes becomes active content.
// Method: examples of the syntax; attacks in every construct of Markdown, at the end of the text and cut anywhere,
// after which only allowed elements and attributes may remain; finished blocks stay the same while a text grows.
// @vitest-environment jsdom
import { expect, test } from "vitest";
import { blocksOf } from "./markdown";

const htmlOf = (markdown: string) =>
  blocksOf(markdown)
    .map((block) => block.html())
    .join("");

function elementOf(markdown: string): HTMLElement {
  const element = document.createElement("div");
  element.innerHTML = htmlOf(markdown);
  return element;
}

test("the usual syntax", () => {
  const page = elementOf(
    "# Title\n\nSome **bold**, *slanted*, `code` and ~~gone~~.\n\n3. three\n4. four\n\n- [x] done\n\n> quoted\n\n---\n",
  );
  expect(page.querySelector("h1")?.textContent).toBe("Title");
  expect(page.querySelector("strong")?.textContent).toBe("bold");
  expect(page.querySelector("em")?.textContent).toBe("slanted");
  expect(page.querySelector("p code")?.textContent).toBe("code");
  expect(page.querySelector("del")?.textContent).toBe("gone");
  expect(page.querySelector("ol")?.getAttribute("start")).toBe("3");
  expect(page.querySelector("ul li")?.textContent).toContain("☑");
  expect(page.querySelector("blockquote")?.textContent?.trim()).toBe("quoted");
  expect(page.querySelector("hr")).not.toBeNull();
});

test("tables keep their alignment", () => {
  const page = elementOf("| a | b |\n|---|---:|\n| 1 | 2 |");
  expect([...page.querySelectorAll("td")].map((cell) => cell.getAttribute("align"))).toEqual([null, "right"]);
});

test("code keeps every character, has its language and is coloured", () => {
  const code = 'if (a < b && c > "d") { return `</code></pre><img src=x>`; }';
  for (const language of ["js", "nosuch", ""]) {
    const page = elementOf(`\`\`\`${language}\n${code}\n\`\`\``);
    expect(page.querySelector("pre code")?.textContent).toBe(code);
    expect(page.querySelector(".code-head span")?.textContent).toBe(language || "text");
    expect(page.querySelector("button")?.getAttribute("type")).toBe("button");
    expect(page.querySelector(".hljs-keyword") !== null).toBe(language === "js");
    expect(page.querySelector("img")).toBeNull();
  }
});

test("an open code block is shown as code while it grows", () => {
  expect(elementOf("```python\ndef f():").querySelector("pre code")?.textContent).toBe("def f():");
});

test("links open elsewhere and tell nothing; images are links", () => {
  const page = elementOf("[a](https://example.org/?q=1) ![b](https://example.org/b.png)");
  const links = [...page.querySelectorAll("a")];
  expect(links.map((a) => a.getAttribute("href"))).toEqual(["https://example.org/?q=1", "https://example.org/b.png"]);
  for (const a of links) {
    expect([a.target, a.rel]).toEqual(["_blank", "noopener noreferrer nofollow"]);
  }
  expect(page.querySelector("img")).toBeNull();
});

test("raw HTML stays text", () => {
  for (const raw of ["<b>bold</b>", "a <i>b</i> c", '<div onclick="x()">\n\ntext\n\n</div>', "<!-- hidden -->"]) {
    expect(elementOf(raw).textContent?.replace(/\s+/g, "")).toBe(raw.replace(/\s+/g, ""));
  }
  expect(elementOf("a<br>b").querySelector("br")).not.toBeNull();
});

const attacks = [
  "<script>alert(1)</script>",
  "<img src=x onerror=alert(1)>",
  "<svg onload=alert(1)><g/></svg>",
  "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
  "[x](javascript:alert(1))",
  "[x](JaVaScRiPt&colon;alert(1))",
  "[x](&#x6a;avascript:alert(1))",
  "[x](data:text/html;base64,PHNjcmlwdD4=)",
  "[x](vbscript:x)",
  '[x](https://a "\\" onmouseover=alert(1) x=\\"")',
  '![x" onerror="alert(1)](https://a/"onerror="alert(1))',
  "![x](javascript:alert(1))",
  "<javascript:alert(1)>",
  '```"><img/src=x/onerror=alert(1)>\ncode\n```',
  "```js\n</code></pre><script>alert(1)</script>\n```",
  "`<img src=x onerror=alert(1)>`",
  "| <img src=x onerror=alert(1)> |\n|---|\n| <script>alert(1)</script> |",
  "- <math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
  "# <style>*{display:none}</style>",
  '<a href="https://a" style="position:fixed;inset:0">x</a>',
  "<base href=https://a><form action=https://a><input name=q><button>go</button></form>",
  "[ref]\n\n[ref]: javascript:alert(1) 'x'",
  "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
  "\u0000<scr\u0000ipt>alert(1)</scr\u0000ipt>",
];

const kTags =
  /^(P|BR|HR|H[1-6]|STRONG|EM|DEL|CODE|PRE|BLOCKQUOTE|UL|OL|LI|A|SPAN|DIV|BUTTON|TABLE|THEAD|TBODY|TR|TH|TD)$/;
const kAttributes = /^(href|title|class|align|start|type|tabindex|target|rel)$/;

function expectHarmless(markdown: string): void {
  for (const element of elementOf(markdown).querySelectorAll("*")) {
    expect(element.tagName, markdown).toMatch(kTags);
    for (const { name, value } of element.attributes) {
      expect(name, markdown).toMatch(kAttributes);
      if (name === "href") expect(value, markdown).toMatch(/^(https?:|mailto:|#)/i);
    }
  }
}

test.each(attacks)("harmless: %s", (attack) => {
  expectHarmless(attack);
  for (let at = 1; at < attack.length; at += 3) expectHarmless(attack.slice(0, at));
  for (const around of [`> ${attack}`, `1. ${attack}`, `**${attack}**`, `text\n${attack}\ntext`, `[${attack}](#x)`]) {
    expectHarmless(around);
  }
});

test("a growing answer leaves its finished blocks as they are", () => {
  const text = "One.\n\nTwo.\n\n```js\nlet a;\n```\n\n- x\n- y\n\nEnd.";
  let finished: string[] = [];
  for (let at = 1; at <= text.length; ++at) {
    const raws = blocksOf(text.slice(0, at)).map((block) => block.raw.trim());
    expect(raws.slice(0, finished.length)).toEqual(finished);
    finished = raws.slice(0, -1);
  }
  expect(finished.length).toBe(4);
});
