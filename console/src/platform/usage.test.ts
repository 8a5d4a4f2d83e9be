// Goal: the usage page asks for what its fields say, and its groups and charts have exactly the sums of the rows.
// Method: addresses there and back; sums compared with those of all rows, for made-up usage; ranges at a given moment.
import { expect, test } from "vitest";
import { addUp } from "./money";
import {
  addressOf,
  bucketsOf,
  chartOf,
  fitting,
  groupsOf,
  kPeriods,
  kSeriesMax,
  queryOf,
  questionOf,
  rangeOf,
  timeOf,
  tokensOf,
  totalOf,
  type Measure,
  type Question,
} from "./usage";
import type { UsageRow } from "./wire";

const kNow = Date.UTC(2026, 10, 29, 4, 20, 30) / 1000;
const question = (text: string) => questionOf(new URLSearchParams(text));

// Rows of `groups` keys over the 24 hours before kNow, from a fixed formula.
function rowsOf(groups: number): UsageRow[] {
  const rows: UsageRow[] = [];
  for (let hour = 0; hour < 24; hour++) {
    for (let group = 0; group < groups; group++) {
      const n = (hour * 7 + group * 13) % 10;
      const time = new Date((Math.floor(kNow / 3600) - hour) * 3_600_000).toISOString();
      const tokens = { input: n * 100, cached: n * 30, cache_write: n, output: n * 20, reasoning: n * 5 };
      rows.push({ hour: time, key: `key-${group}`, requests: n, ...tokens, cost: `0.00${n}00000${group % 10}` });
    }
  }
  return rows;
}

test("an address has the whole question", () => {
  const asked = question("period=custom&from=2026-11-01&to=2026-11-20&bucket=hour&by=user&key=k%201&model=a/b");
  const again = question(addressOf(asked).split("?")[1]!);
  expect(again).toEqual(asked);
  expect(asked).toMatchObject({ period: "custom", bucket: "hour", by: "user", key: "k 1", model: "a/b" });
});

test("what an address says wrongly has a default", () => {
  expect(question("period=7y&bucket=second&by=password")).toMatchObject({ period: "24h", bucket: "hour", by: "" });
});

test("each period has a bucket of its own, and a range of whole buckets up to now", () => {
  for (const period of kPeriods) {
    const asked = fitting({ ...question(""), period, bucket: "minute" });
    expect(bucketsOf(period)).toContain(asked.bucket);
    const { from, to } = rangeOf(asked, kNow);
    expect(from).toBeLessThan(to);
    const local = from - new Date(from * 1000).getTimezoneOffset() * 60;
    const calendar = period === "custom" || period === "month";
    expect((calendar ? local : from) % { minute: 60, hour: 3600, day: 86400 }[asked.bucket]).toBe(0);
    expect(to).toBeGreaterThanOrEqual(Math.floor(kNow));
  }
});

test("the query names the range, the groups and the filters", () => {
  const query = queryOf(question("period=custom&from=2026-11-01&to=2026-11-02&key=k1&user=u"), kNow, ["day", "model"]);
  expect(Object.fromEntries(query)).toEqual({
    from: timeOf(new Date(2026, 10, 1).getTime() / 1000),
    to: timeOf(new Date(2026, 10, 3).getTime() / 1000),
    by: "day,model",
    key: "k1",
    user: "u",
  });
});

test.each([1, 3, kSeriesMax, kSeriesMax + 1, 40])("sums of %i groups are the sums of all rows", (count) => {
  const rows = rowsOf(count);
  const groups = groupsOf(rows, "key");
  expect(groups.length).toBe(count);
  expect(totalOf(groups)).toEqual(totalOf(rows));
  expect(addUp(groups.map((group) => group.cost))).toBe(addUp(rows.map((row) => row.cost)));
  const costs = groups.map((group) => Number(group.cost));
  expect(costs).toEqual([...costs].sort((a, b) => b - a));
});

test.each(["cost", "tokens", "requests"] as Measure[])("a chart of %s leaves no row out", (measure) => {
  for (const by of ["", "key"] as Question["by"][]) {
    const rows = rowsOf(9);
    const { times, series } = chartOf(rows, { ...question(""), by }, measure, kNow);
    expect(series.length).toBeLessThanOrEqual(kSeriesMax);
    expect(series.filter((one) => one.rest).length).toBe(by ? 1 : 0);
    for (const one of series) expect(one.values.length).toBe(times.length);
    const total = totalOf(rows);
    const expected = { cost: Number(total.cost), tokens: tokensOf(total), requests: total.requests }[measure];
    expect(series.flatMap((one) => one.values).reduce((a, b) => a + b, 0)).toBeCloseTo(expected, 6);
  }
});

test("buckets without requests are zeros, and days may begin at another zone's midnight", () => {
  const one = rowsOf(1)[0]!;
  const rows = ["2026-11-20T16:00:00Z", "2026-11-22T16:00:00Z"].map((day) => ({ ...one, day, requests: 2 }));
  const { times, series } = chartOf(rows, question("period=30d&bucket=day"), "requests", kNow);
  expect(times.every((time) => time % 86400 === 16 * 3600)).toBe(true);
  expect(times.length).toBeGreaterThanOrEqual(30);
  expect(series[0]!.values.filter((value) => value > 0)).toEqual([2, 2]);
});
