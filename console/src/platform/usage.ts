// The usage page's question as plain values: what is asked, and what becomes of the rows that come back.
import { addUp, nanosOf, roughly } from "./money";
import type { Bucket, Dimension, Tokens, UsageRow, UsageTotal } from "./wire";

export type Period = "1h" | "24h" | "7d" | "30d" | "month" | "custom";
export const kPeriods: Period[] = ["1h", "24h", "7d", "30d", "month", "custom"];
export const kDimensions: Dimension[] = ["workspace", "key", "model", "user", "service", "outcome"];
export const kTokenClasses: (keyof Tokens)[] = ["input", "cached", "cache_write", "output", "reasoning"];
export const kRowsMax = 5000; // that the page shows
export const kSeriesMax = 6; // groups in a chart; the others are one series
export const kRest = "\n"; // the group of all others; no group has this name

export interface Question {
  period: Period;
  from: string; // of "custom": days, "2026-11-29"
  to: string; // the last day
  bucket: Bucket;
  by: Dimension | "";
  workspace: string;
  key: string;
  model: string;
  user: string;
}

const kSeconds: Record<Bucket, number> = { minute: 60, hour: 3600, day: 86400 };
const kLength: Record<Exclude<Period, "month" | "custom">, number> = {
  "1h": 3600,
  "24h": 86400,
  "7d": 7 * 86400,
  "30d": 30 * 86400,
};
const kPointsMax = 1500; // of one chart

// The question that an address has after "#/usage?"; what it does not say has a default.
export function questionOf(params: URLSearchParams): Question {
  const one = <T extends string>(name: string, of: readonly T[], otherwise: T) =>
    of.find((value) => value === params.get(name)) ?? otherwise;
  const period = one("period", kPeriods, "24h");
  return fitting({
    period,
    from: params.get("from") ?? "",
    to: params.get("to") ?? "",
    bucket: one<Bucket>("bucket", ["minute", "hour", "day"], period === "1h" ? "minute" : "hour"),
    by: one<Dimension | "">("by", kDimensions, ""),
    workspace: params.get("workspace") ?? "",
    key: params.get("key") ?? "",
    model: params.get("model") ?? "",
    user: params.get("user") ?? "",
  });
}

export function addressOf(question: Question): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(question)) if (value) params.set(name, value as string);
  return `#/usage?${params}`;
}

// A bucket that gives a readable chart of the period.
export function fitting(question: Question): Question {
  return bucketsOf(question.period).includes(question.bucket)
    ? question
    : { ...question, bucket: bucketsOf(question.period)[0]! };
}

export function bucketsOf(period: Period): Bucket[] {
  if (period === "1h") return ["minute"];
  if (period === "24h") return ["hour", "minute"];
  if (period === "7d") return ["hour", "day"];
  return ["day", "hour"];
}

// Seconds since 1970; [from, to), by the browser's clock. Days and months begin at its midnight.
export function rangeOf(question: Question, now: number): { from: number; to: number } {
  const { period, bucket } = question;
  const step = kSeconds[bucket];
  if (period === "custom") {
    const to = midnight(question.to, now) + kSeconds.day;
    const from = question.from ? midnight(question.from, now) : to - 7 * kSeconds.day;
    return from < to ? { from, to } : { from: to - kSeconds.day, to };
  }
  if (period === "month") {
    const date = new Date(now * 1000);
    return { from: new Date(date.getFullYear(), date.getMonth(), 1).getTime() / 1000, to: Math.ceil(now) };
  }
  return { from: Math.floor((now - kLength[period]) / step) * step + step, to: Math.ceil(now) };
}

// When a day ("2026-11-29") begins in the browser's time zone; today without one.
function midnight(day: string, now: number): number {
  const time = day ? new Date(`${day}T00:00:00`).getTime() : new Date(now * 1000).setHours(0, 0, 0, 0);
  return Number.isNaN(time) ? now : time / 1000;
}

// The query of /admin/v1/usage. `by`: the groups of its rows.
export function queryOf(question: Question, now: number, by: string[]): URLSearchParams {
  const { from, to } = rangeOf(question, now);
  const query = new URLSearchParams({ from: timeOf(from), to: timeOf(to) });
  if (by.length > 0) query.set("by", by.join(","));
  for (const name of ["workspace", "key", "model", "user"] as const)
    if (question[name]) query.set(name, question[name]);
  return query;
}

export function timeOf(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace(/\.\d+Z$/, "Z");
}

export interface Group extends UsageTotal {
  name: string;
}

// The rows' sums by one dimension, the dearest first. All rows are one group if there is none.
export function groupsOf(rows: UsageRow[], by: Dimension | ""): Group[] {
  const groups = new Map<string, UsageRow[]>();
  for (const row of rows) {
    const name = by ? (row[by] ?? "") : "";
    const group = groups.get(name);
    if (group) group.push(row);
    else groups.set(name, [row]);
  }
  return [...groups].map(([name, members]) => ({ name, ...totalOf(members) })).sort(dearer);
}

export function totalOf(rows: UsageTotal[]): UsageTotal {
  const sum = (of: (row: UsageTotal) => number) => rows.reduce((n, row) => n + of(row), 0);
  return {
    requests: sum((row) => row.requests),
    input: sum((row) => row.input),
    cached: sum((row) => row.cached),
    cache_write: sum((row) => row.cache_write),
    output: sum((row) => row.output),
    reasoning: sum((row) => row.reasoning),
    cost: addUp(rows.map((row) => row.cost)),
  };
}

function dearer(a: Group, b: Group): number {
  const difference = (nanosOf(b.cost) ?? 0n) - (nanosOf(a.cost) ?? 0n);
  if (difference !== 0n) return difference > 0n ? 1 : -1;
  return tokensOf(b) - tokensOf(a) || b.requests - a.requests || (a.name < b.name ? -1 : 1);
}

export function promptOf(t: Tokens): number {
  return t.input + t.cached + t.cache_write;
}

export function tokensOf(t: Tokens): number {
  return promptOf(t) + t.output + t.reasoning;
}

export type Measure = "cost" | "tokens" | "requests";

export interface Series {
  name: string; // a group's, or a class of tokens; null of `rest`: all others
  rest: boolean;
  values: number[];
}

export interface ChartData {
  times: number[]; // seconds; each bucket of the range
  step: number; // seconds
  zone: number | null; // of days, which are another time zone's: seconds ahead of UTC
  series: Series[];
}

// One value for each bucket and group; without groups, tokens are shown by their class.
export function chartOf(rows: UsageRow[], question: Question, measure: Measure, now: number): ChartData {
  const times = timesOf(rows, question, now);
  const at = new Map(times.map((time, i) => [time, i]));
  const series = seriesOf(rows, question, measure).map(({ name, rest, value }) => {
    const values = times.map(() => 0);
    for (const row of rows) {
      const i = at.get(Date.parse(row[question.bucket] ?? "") / 1000);
      if (i !== undefined) values[i]! += value(row);
    }
    return { name, rest, values };
  });
  const zone = question.bucket === "day" ? aheadOf(rows[0]?.day ?? "") : null;
  return { times, step: kSeconds[question.bucket], zone, series };
}

// Seconds by which the zone of "…+08:00" is ahead of UTC.
function aheadOf(time: string): number {
  const parts = /([+-])(\d\d):(\d\d)$/.exec(time);
  return parts ? Number(`${parts[1]}1`) * (Number(parts[2]) * 3600 + Number(parts[3]) * 60) : 0;
}

// Days may begin at another time zone's midnight: the rows say when.
function timesOf(rows: UsageRow[], question: Question, now: number): number[] {
  const step = kSeconds[question.bucket];
  const { from, to } = rangeOf(question, now);
  const stated = rows.map((row) => Date.parse(row[question.bucket] ?? "") / 1000).filter((time) => !Number.isNaN(time));
  const phase = stated.length > 0 ? stated[0]! % step : 0;
  const first = Math.min(...stated, Math.floor((from - phase) / step) * step + phase);
  const times: number[] = [];
  for (let time = first; time < to && times.length < kPointsMax; time += step) times.push(time);
  return times;
}

type Valued = { name: string; rest: boolean; value: (row: UsageRow) => number };

function seriesOf(rows: UsageRow[], question: Question, measure: Measure): Valued[] {
  const { by } = question;
  if (!by && measure === "tokens") {
    return kTokenClasses.map((name) => ({ name, rest: false, value: (row: UsageRow) => row[name] }));
  }
  const value = {
    cost: (row: UsageRow) => roughly(row.cost),
    tokens: tokensOf,
    requests: (row: UsageRow) => row.requests,
  };
  const of = value[measure];
  if (!by) return [{ name: "", rest: false, value: of }];
  const all = groupsOf(rows, by).map((group) => group.name);
  const names = all.filter((name) => name !== kRest);
  const shown = names.slice(0, all.length > kSeriesMax ? kSeriesMax - 1 : kSeriesMax);
  const series: Valued[] = shown.map((name) => ({
    name,
    rest: false,
    value: (row) => ((row[by] ?? "") === name ? of(row) : 0),
  }));
  if (shown.length < all.length) {
    series.push({ name: "", rest: true, value: (row) => (shown.includes(row[by] ?? "") ? 0 : of(row)) });
  }
  return series;
}
