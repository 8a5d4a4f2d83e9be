// Goal: the page speaks the language that was chosen, else the browser's, else English, and both languages have the
// same texts.
// Method: tables of preferences, and the shapes of the two objects of texts.
// @vitest-environment jsdom
import { expect, test } from "vitest";
import { languageOf } from "./language";
import { speak, strings } from "./strings";

test.each([
  ["zh", ["en"], "zh"],
  ["en", ["zh-CN"], "en"],
  [null, ["zh-CN", "en"], "zh"],
  [null, ["de-DE", "zh-TW", "en"], "zh"],
  [null, ["de-DE", "en-GB", "zh"], "en"],
  [null, ["fr"], "en"],
  [null, [], "en"],
  ["xx", ["zh"], "zh"],
])("chosen %s of %s speaks %s", (chosen, preferred, language) => {
  expect(languageOf(chosen, preferred)).toBe(language);
});

// The names of all texts, and how many parameters each takes.
function shapeOf(value: unknown): unknown {
  if (typeof value === "function") return value.length;
  if (Array.isArray(value)) return value.map(shapeOf);
  if (typeof value === "object" && value !== null)
    return Object.fromEntries(Object.entries(value).map(([name, text]) => [name, shapeOf(text)]));
  return typeof value;
}

test("both languages have the same texts, and a change reaches those who imported them", async () => {
  const english = { ...strings };
  expect(await speak("zh")).toBe(true);
  expect(document.documentElement.lang).toBe("zh-CN");
  expect(strings.newChat).not.toBe(english.newChat);
  expect(shapeOf(strings)).toEqual(shapeOf(english));
  expect(await speak("en")).toBe(true);
  expect(strings).toEqual(english);
});
