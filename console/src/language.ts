// The languages of the page.
export type Language = "en" | "zh";

// The chosen one, or the first of the browser's that the page has.
export function languageOf(chosen: unknown, preferred: readonly string[]): Language {
  if (chosen === "en" || chosen === "zh") return chosen;
  const known = preferred.map((tag) => tag.toLowerCase().split("-")[0]).find((tag) => tag === "en" || tag === "zh");
  return known === "zh" ? "zh" : "en";
}
