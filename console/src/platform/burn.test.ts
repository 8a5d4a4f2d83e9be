// Goal: the page says when a budget is used up at its pace, and only if that is before it starts again.
// Method: budgets of a day and a month at chosen moments.
import { expect, test } from "vitest";
import { usedUpAt } from "./burn";
import type { Limit } from "./wire";

const kHour = 3_600_000;

function budget(period: string, reset: string | null): Limit {
  const amount = { currency: "CNY", amount: "10" };
  return {
    level: "key",
    subject: "k",
    model: null,
    kind: "budget",
    amount,
    period,
    raised: null,
    until: null,
    used: null,
    reset,
  };
}

test("half of a day's budget in six hours lasts six hours more", () => {
  const limit = budget("day", "2026-11-30T00:00:00Z");
  const now = Date.parse("2026-11-29T06:00:00Z");
  expect(usedUpAt(limit, 5, 10, now)).toBe(now + 6 * kHour);
  expect(usedUpAt(limit, 2.4, 10, now)).toBeNull();
});

test.each([
  ["2026-12-01T00:00:00Z", 30],
  ["2026-11-30T16:00:00Z", 30], // midnight in Shanghai
  ["2027-01-01T00:00:00Z", 31],
  ["2027-03-01T00:00:00Z", 28],
])("the month that ends %s has %i days", (reset, days) => {
  const begin = Date.parse(reset) - days * 24 * kHour;
  const now = begin + 24 * kHour;
  expect(usedUpAt(budget("month", reset), 5, 10, now)).toBe(now + 24 * kHour);
});

test("nothing is said of what is used up, unused, just begun or without end", () => {
  const now = Date.parse("2026-11-29T06:00:00Z");
  const limit = budget("day", "2026-11-30T00:00:00Z");
  expect(usedUpAt(limit, 10, 10, now)).toBeNull();
  expect(usedUpAt(limit, 0, 10, now)).toBeNull();
  expect(usedUpAt(limit, 5, 10, Date.parse("2026-11-29T00:00:10Z"))).toBeNull();
  expect(usedUpAt(budget("total", null), 5, 10, now)).toBeNull();
});
