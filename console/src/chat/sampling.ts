// The sampling controls: their allowed values and their request fields. Null stands for the server's default.
import type { SamplingFields } from "../server/wire";

export interface Sampling {
  temperature: number | null;
  top_p: number | null;
  top_k: number | null;
  min_p: number | null;
  max_tokens: number | null;
  seed: number | null;
  system: string;
}

export type SamplingNumber = Exclude<keyof Sampling, "system">;

export const kDefaultSampling: Sampling = {
  temperature: null,
  top_p: null,
  top_k: null,
  min_p: null,
  max_tokens: null,
  seed: null,
  system: "",
};

export interface Bounds {
  least: number;
  most: number;
  step: number;
  whole: boolean;
}

export const kBounds: Record<SamplingNumber, Bounds> = {
  temperature: { least: 0, most: 2, step: 0.1, whole: false },
  top_p: { least: 0, most: 1, step: 0.05, whole: false },
  top_k: { least: 0, most: 100000, step: 1, whole: true },
  min_p: { least: 0, most: 1, step: 0.01, whole: false },
  max_tokens: { least: 1, most: 10000000, step: 1, whole: true },
  seed: { least: 0, most: Number.MAX_SAFE_INTEGER, step: 1, whole: true },
};

export const kSamplingNumbers = Object.keys(kBounds) as SamplingNumber[];

// The value of a typed text; undefined if it is not allowed.
export function parseSampling(name: SamplingNumber, text: string): number | null | undefined {
  if (text.trim() === "") return null;
  const { least, most, whole } = kBounds[name];
  const value = Number(text.trim().replace(",", "."));
  if (!Number.isFinite(value) || value < least || value > most || (whole && !Number.isInteger(value))) return undefined;
  return value;
}

export function samplingFields(sampling: Sampling): SamplingFields {
  const fields: SamplingFields = {};
  for (const name of kSamplingNumbers) {
    const value = sampling[name];
    if (value !== null) fields[name] = value;
  }
  return fields;
}

// Settings from storage, whose contents may be anything.
export function readSampling(value: unknown): Sampling {
  const sampling = { ...kDefaultSampling };
  if (typeof value !== "object" || value === null) return sampling;
  const stored = value as Record<string, unknown>;
  for (const name of kSamplingNumbers) {
    if (typeof stored[name] === "number") sampling[name] = parseSampling(name, String(stored[name])) ?? null;
  }
  if (typeof stored.system === "string") sampling.system = stored.system;
  return sampling;
}
