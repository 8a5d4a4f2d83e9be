// Sums as the ledger has them: decimal texts of at most nine digits after the point, added without rounding.
import type { Sum } from "./wire";

const kNanos = 1_000_000_000n;

// "20.5" is 20500000000; null: not a sum.
export function nanosOf(text: string): bigint | null {
  const parts = /^(-?)(\d{1,18})(?:\.(\d{1,9}))?$/.exec(text.trim());
  if (!parts) return null;
  const nanos = BigInt(parts[2]!) * kNanos + BigInt((parts[3] ?? "").padEnd(9, "0"));
  return parts[1] ? -nanos : nanos;
}

export function decimalOf(nanos: bigint): string {
  const size = nanos < 0n ? -nanos : nanos;
  const fraction = (size % kNanos).toString().padStart(9, "0").replace(/0+$/, "");
  return `${nanos < 0n ? "-" : ""}${size / kNanos}${fraction ? `.${fraction}` : ""}`;
}

// The sum of decimal texts; those that are none count nothing.
export function addUp(amounts: Iterable<string>): string {
  let sum = 0n;
  for (const amount of amounts) sum += nanosOf(amount) ?? 0n;
  return decimalOf(sum);
}

// For charts and shares only.
export function roughly(amount: string): number {
  return Number(amount) || 0;
}

// With the currency's sign, all digits of small sums and at least two: "¥20.50", "¥0.000012".
export function formatSum({ currency, amount }: Sum, locale: string): string {
  const digits = amount.includes(".") ? amount.length - amount.indexOf(".") - 1 : 0;
  return formatted(currency, amount, Math.max(2, Math.min(digits, 9)), locale);
}

// Rounded to two digits, unless it is smaller than one: for overviews beside tables that are exact.
export function formatBriefly(sum: Sum, locale: string): string {
  if (Math.abs(roughly(sum.amount)) < 1) return formatSum(sum, locale);
  return formatted(sum.currency, sum.amount, 2, locale);
}

function formatted(currency: string, amount: string, most: number, locale: string): string {
  try {
    const format = new Intl.NumberFormat(locale, {
      style: "currency",
      currency,
      currencyDisplay: "narrowSymbol",
      minimumFractionDigits: 2,
      maximumFractionDigits: most,
    });
    // A text is formatted exactly; browsers that do not know this convert it to a number.
    return format.format(amount as unknown as number);
  } catch {
    return `${amount} ${currency}`;
  }
}
