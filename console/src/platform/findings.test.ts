// Goal: what the usage page shows adds up to the server's total, also when there are more groups than it can list by time.
// Method: a server in memory that answers /usage with filters, groups and pages; its sums are compared with those of the
// groups and of the chart.
import { expect, test } from "vitest";
import { findingsOf } from "./findings";
import { chartOf, kRowsMax, questionOf, totalOf } from "./usage";
import type { Usage, UsageRow } from "./wire";

const kNow = Date.UTC(2026, 10, 29, 12) / 1000;

// One request of each user in each of some hours; the higher its number, the dearer.
function usesOf(users: number): UsageRow[] {
  return Array.from({ length: users * 3 }, (_, i) => ({
    hour: `2026-11-29T0${i % 3}:00:00Z`,
    user: i % 7 ? `user-${i % users}` : "",
    requests: 1,
    input: i,
    cached: i % 5,
    cache_write: i % 2,
    output: 3 * i,
    reasoning: i % 11,
    cost: `0.00000${String(i).padStart(4, "0")}`,
  }));
}

function serverOf(uses: UsageRow[]) {
  return {
    usage(query: URLSearchParams, most: number): Promise<Usage> {
      const by = query.get("by")!.split(",") as ("hour" | "user")[];
      const users = query.getAll("user");
      const seen = uses.filter((use) => users.length === 0 || users.includes(use.user!));
      const groups = new Map<string, UsageRow[]>();
      for (const use of seen) {
        const group = by.map((name) => use[name]).join("|");
        groups.set(group, [...(groups.get(group) ?? []), use]);
      }
      const data = [...groups.values()].map((some) => ({
        ...Object.fromEntries(by.map((name) => [name, some[0]![name]])),
        ...totalOf(some),
      }));
      const total = totalOf(seen);
      return Promise.resolve({ data: data.slice(0, most), currency: "CNY", has_more: data.length > most, total });
    },
  };
}

test.each([5, 1000, 4000])("%i users", async (users) => {
  const uses = usesOf(users);
  const question = questionOf(new URLSearchParams("period=24h&bucket=hour&by=user"));
  const { usage, unsplit, charted, groups } = await findingsOf(serverOf(uses), question, kNow);
  expect(unsplit).toBe(users * 3 > kRowsMax);
  for (const rows of [usage.data, groups, charted]) expect(totalOf(rows)).toEqual(totalOf(uses));
  for (const measure of ["requests", "tokens", "cost"] as const) {
    const { series } = chartOf(charted, question, measure, kNow);
    expect(series.length).toBe(6);
    expect(series.at(-1)!.rest).toBe(users > 5);
    expect(series[0]!.values.reduce((a, b) => a + b)).toBeGreaterThan(0);
  }
  const requests = chartOf(charted, question, "requests", kNow).series.flatMap(({ values }) => values);
  expect(requests.reduce((a, b) => a + b)).toBe(uses.length);
});
