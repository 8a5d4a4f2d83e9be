// How fast a budget is used.
import type { Limit } from "./wire";

const kMinElapsedMs = 60_000; // earlier than that a pace says nothing

// When a budget of a day or a month is used up if spending goes on as it did, in ms since 1970; null: it lasts, or
// nothing can be said.
export function usedUpAt(limit: Limit, used: number, amount: number, now: number): number | null {
  const begin = beginOf(limit);
  if (begin === null || used <= 0 || used >= amount || now - begin < kMinElapsedMs) return null;
  const at = now + ((amount - used) * (now - begin)) / used;
  return at < Date.parse(limit.reset!) ? at : null;
}

function beginOf(limit: Limit): number | null {
  if (!limit.reset) return null;
  const reset = new Date(limit.reset);
  if (Number.isNaN(reset.getTime())) return null;
  if (limit.period === "day") return reset.getTime() - 86_400_000;
  // A month ends where the next begins; at a midnight of another zone the day of the month can be the last one.
  if (limit.period === "month") {
    const nearStart = new Date(reset.getTime() + 43_200_000);
    const length = new Date(Date.UTC(nearStart.getUTCFullYear(), nearStart.getUTCMonth(), 0)).getUTCDate();
    return reset.getTime() - length * 86_400_000;
  }
  return null;
}
