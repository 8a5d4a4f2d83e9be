// What the usage page shows, asked for in as few questions as its rows allow. Where there are too many rows by time and
// group, groups have sums of their own and the chart has the dearest of them, so that all sums stay exact.
import type { Admin } from "./admin";
import { decimalOf, nanosOf } from "./money";
import { groupsOf, kRest, kRowsMax, kSeriesMax, queryOf, type Group, type Question } from "./usage";
import type { Dimension, Usage, UsageRow } from "./wire";

export interface Findings {
  usage: Usage; // rows by time and group; if `unsplit`, by time only
  unsplit: boolean;
  charted: UsageRow[];
  groups: Group[];
}

const kGroupsMax = 10_000;
const kFilters: Dimension[] = ["workspace", "key", "model", "user"];

export async function findingsOf(admin: Pick<Admin, "usage">, question: Question, now: number): Promise<Findings> {
  const { bucket, by } = question;
  const usage = await admin.usage(queryOf(question, now, by ? [bucket, by] : [bucket]), kRowsMax);
  if (!by || !usage.has_more || !kFilters.includes(by)) {
    return { usage, unsplit: false, charted: usage.data, groups: groupsOf(usage.data, by) };
  }
  const sums = await admin.usage(queryOf(question, now, [by]), kGroupsMax);
  const whole = await admin.usage(queryOf(question, now, [bucket]), kRowsMax);
  const groups = groupsOf(sums.data, by);
  const dearest = groups.filter(({ name }) => name !== "").slice(0, kSeriesMax - 1);
  const query = queryOf(question, now, [bucket, by]);
  for (const { name } of dearest) query.append(by, name);
  const split = (await admin.usage(query, 2 * kRowsMax)).data;
  const charted = [...split, ...restOf(whole.data, split, question)];
  return { usage: { ...whole, has_more: sums.has_more }, unsplit: true, charted, groups };
}

// What is left of each bucket without the rows of single groups.
function restOf(whole: UsageRow[], split: UsageRow[], { bucket, by }: Question): UsageRow[] {
  const at = new Map<string, UsageRow>();
  for (const row of whole) at.set(row[bucket] ?? "", { ...row, [by as Dimension]: kRest });
  for (const row of split) {
    const rest = at.get(row[bucket] ?? "");
    if (!rest) continue;
    for (const name of ["requests", "input", "cached", "cache_write", "output", "reasoning"] as const)
      rest[name] -= row[name];
    rest.cost = decimalOf((nanosOf(rest.cost) ?? 0n) - (nanosOf(row.cost) ?? 0n));
  }
  return [...at.values()];
}
