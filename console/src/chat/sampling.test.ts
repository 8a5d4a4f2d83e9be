// Goal: only valid settings reach the server, and only those that the user has set.
// Method: examples at and beyond every bound; storage with invalid contents.
import { expect, test } from "vitest";
import { kBounds, kDefaultSampling, kSamplingNumbers, parseSampling, readSampling, samplingFields } from "./sampling";

test.each(kSamplingNumbers)("%s: empty is the default, bounds hold, nonsense is refused", (name) => {
  const { least, most, whole } = kBounds[name];
  expect(parseSampling(name, "  ")).toBeNull();
  expect(parseSampling(name, String(least))).toBe(least);
  expect(parseSampling(name, String(most))).toBe(most);
  expect(parseSampling(name, String(least - 1))).toBeUndefined();
  expect(parseSampling(name, String(most + 1))).toBeUndefined();
  for (const text of ["x", "1 2", "NaN", "Infinity", "--1"]) expect(parseSampling(name, text)).toBeUndefined();
  expect(parseSampling(name, "0.5") === undefined).toBe(whole);
});

test("a decimal comma is understood", () => expect(parseSampling("temperature", "0,7")).toBe(0.7));

test("only what is set is sent; zero is set", () => {
  expect(samplingFields(kDefaultSampling)).toEqual({});
  expect(samplingFields({ ...kDefaultSampling, temperature: 0, seed: 7 })).toEqual({ temperature: 0, seed: 7 });
});

test("nonsense in storage becomes the default", () => {
  for (const value of [null, 3, "x", [], {}]) expect(readSampling(value)).toEqual(kDefaultSampling);
  expect(readSampling({ temperature: 99, top_k: "5", seed: 3, system: 4, other: 1 })).toEqual({
    ...kDefaultSampling,
    seed: 3,
  });
});
