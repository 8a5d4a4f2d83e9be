// Amounts of limits in words: whole numbers, or sums of money.
import { formatBriefly, nanosOf, roughly } from "../money";
import { texts } from "../texts";
import type { Limit, Me, Sum } from "../wire";
import type { Names } from "./names";

export function amountText(amount: number | Sum): string {
  return typeof amount === "number" ? texts.count(amount) : formatBriefly(amount, texts.locale);
}

export function numberOf(amount: number | Sum | null): number {
  return amount === null ? 0 : typeof amount === "number" ? amount : roughly(amount.amount);
}

// What counts now: a raise until it ends.
export function inForce(limit: Limit): number | Sum {
  return limit.until && limit.raised !== null ? limit.raised : limit.amount;
}

// "60 requests/min", "¥20.00 a month".
export function limitText(limit: Limit): string {
  const amount = texts.limits.short(limit.kind, amountText(inForce(limit)));
  const period = limit.kind === "budget" ? (texts.budgets.periods[limit.period ?? ""] ?? limit.period) : "";
  const model = limit.model ? texts.limits.forModel(limit.model) : "";
  return [amount, period, model].filter(Boolean).join(" ");
}

// A positive whole number, or null.
export function wholeOf(text: string): number | null {
  const n = /^\s*\d{1,15}\s*$/.test(text) ? Number(text) : 0;
  return n > 0 ? n : null;
}

// A sum above 0 as the server reads it, or null.
export function sumOf(text: string): string | null {
  const nanos = nanosOf(text);
  return nanos !== null && nanos > 0n ? text.trim() : null;
}

// Whose limit it is, as people call it.
export function subjectOf({ level, subject }: Limit, names: Names, me: Me): string {
  if (level === "account") return me.account.name;
  if (level === "model") return subject;
  return names[level].get(subject) ?? subject;
}
