// The wire format of /admin/v1, as far as these pages use it. Times are RFC 3339; sums are decimal texts.

export type Role = "system" | "security" | "audit" | "developer";
export type LimitKind = "rpm" | "tpm" | "concurrency" | "burst" | "budget";
export type LimitLevel = "account" | "workspace" | "key" | "model";

export interface Sum {
  currency: string;
  amount: string;
}

export interface List<T> {
  data: T[];
  has_more: boolean;
}

export interface Member {
  id: string;
  name: string;
  roles: Role[];
  workspaces: string[];
  created: string;
  disabled: string | null;
  totp_set: boolean;
}

export interface Me {
  member: Member | null;
  key: { id: string; name: string } | null;
  roles: Role[];
  account: { id: string; name: string; currency: string };
  separation: boolean;
  csrf?: string;
  totp_set?: boolean;
}

export interface Session {
  id: string;
  member: string;
  member_name?: string;
  created: string;
  used: string | null;
  expires: string;
  address: string;
  current: boolean;
}

export interface Workspace {
  id: string;
  name: string;
  created: string;
  disabled: string | null;
  key_count: number;
  member_count: number;
}

export interface Limit {
  level: LimitLevel;
  subject: string;
  model: string | null;
  kind: LimitKind;
  amount: number | Sum;
  period: string | null; // of a budget: total, day or month
  raised: number | Sum | null;
  until: string | null;
  used: number | Sum | null;
  reset: string | null;
}

export interface Key {
  id: string;
  name: string;
  prefix: string;
  workspace: string;
  workspace_name: string;
  member: string | null;
  role: string;
  models: string[];
  routes: string[];
  ips: string[];
  created: string;
  expires: string | null;
  disabled: string | null;
  used: string | null;
  limits: Limit[];
  rotating_until: string | null;
}

export interface NewKey {
  workspace: string;
  name: string;
  models?: string[];
  ips?: string[];
  expires?: string;
  role?: string;
  rpm?: number;
  tpm?: number;
  concurrency?: number;
  burst?: number;
  budget?: string;
}

export interface NewLimit {
  level: LimitLevel;
  subject: string;
  model?: string;
  kind: LimitKind;
  amount: number | Sum | null;
  period?: string;
}

export interface Raise {
  level: LimitLevel;
  subject: string;
  model?: string;
  kind: LimitKind;
  amount: number | Sum;
  until: string;
}

// Tokens by what they cost; the classes do not overlap.
export interface Tokens {
  input: number;
  cached: number;
  cache_write: number;
  output: number;
  reasoning: number;
}

export interface UsageTotal extends Tokens {
  requests: number;
  cost: string;
}

// Also has a text for each name that was asked for with `by`.
export type UsageRow = UsageTotal & Partial<Record<Bucket | Dimension, string>>;
export type Bucket = "minute" | "hour" | "day";
export type Dimension = "workspace" | "key" | "model" | "user" | "service" | "outcome";

export interface Usage {
  data: UsageRow[];
  currency: string;
  has_more: boolean;
  total: UsageTotal;
}

export interface Credit {
  id: string;
  kind: string;
  unit: string;
  model: string | null;
  amount: number | Sum; // tokens, or money
  used: number | Sum;
  created: string;
  expires: string | null;
}

export interface NewCredit {
  kind: "free" | "pack";
  amount: string | number; // money, "20CNY", or tokens
  unit?: string; // "tokens" of those
  model?: string;
  expires?: string;
  id: string; // books once
}

export interface Balance {
  currency: string;
  total: Sum;
  topped_up: Sum;
  granted: Sum;
  spent: Sum;
  credits: Credit[];
}

export interface PriceFile {
  version: string;
  valid_from: string;
  currency: string | null;
  time_zone: string | null;
  current: boolean;
  body: string;
}
