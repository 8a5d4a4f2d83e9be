// Requests to /admin/v1 of the server that this page came from: with a session's cookie, or with a key that has an
// administrative role. Every failure becomes an AdminError with the server's own code and message.
import type {
  Balance,
  Credit,
  Key,
  Limit,
  List,
  Me,
  Member,
  NewCredit,
  NewKey,
  NewLimit,
  PriceFile,
  Raise,
  Role,
  Session,
  Usage,
  Workspace,
} from "./wire";

export class AdminError extends Error {
  constructor(
    readonly status: number, // 0: the server did not answer
    readonly code: string,
    readonly detail: string, // the server's message; may be empty
    readonly param = "", // the field of the request that is wrong, if the server says one
  ) {
    super(detail || code || `HTTP ${status}`);
  }
}

export interface SignIn {
  name: string;
  password: string;
  totp?: string;
}

const kBase = "admin/v1/";
const kPartMax = 5000; // rows of one answer
const kPatienceMs = 60_000; // for one answer

export class Admin {
  // Of the session; goes with every request that changes something.
  csrf = "";
  // Called when the server says that nobody is signed in, or that a second factor must be set up first.
  onRefused: (code: "unauthenticated" | "totp_needed") => void = () => undefined;
  // Called when another tab has signed in, before a request is sent once more: whether it was the same member.
  onNewSession: () => Promise<boolean> = () => Promise.resolve(false);

  constructor(private readonly key: () => string) {}

  usesKey(): boolean {
    return this.key() !== "";
  }

  async signIn(how: SignIn): Promise<void> {
    this.csrf = (await this.send<{ csrf: string }>("POST", "sessions", how)).csrf;
  }

  signOut = () => this.send<void>("DELETE", "sessions/current");
  sessions = () => this.list<Session>("sessions");
  endSession = (id: string) => this.send<void>("DELETE", `sessions/${encodeURIComponent(id)}`);

  async me(): Promise<Me> {
    const me = await this.send<Me>("GET", "me");
    if (me.csrf) this.csrf = me.csrf;
    return me;
  }

  setPassword = (old: string, next: string) => this.send<void>("POST", "me/password", { old, new: next });
  beginTotp = () => this.send<{ secret: string; uri: string }>("POST", "me/totp");
  confirmTotp = (code: string) => this.send<void>("POST", "me/totp/confirm", { code });

  workspaces = () => this.list<Workspace>("workspaces");
  createWorkspace = (name: string) => this.send<Workspace>("POST", "workspaces", { name });
  setWorkspace = (id: string, how: "enable" | "disable") =>
    this.send<unknown>("POST", `workspaces/${encodeURIComponent(id)}/${how}`);

  members = () => this.list<Member>("members");
  createMember = (member: { name: string; roles: Role[]; workspaces: string[] }) =>
    this.send<Member & { password?: string }>("POST", "members", member);
  changeMember = (id: string, patch: { roles?: Role[]; workspaces?: string[] }) =>
    this.send<Member>("PATCH", `members/${encodeURIComponent(id)}`, patch);
  setMember = (id: string, how: "enable" | "disable" | "reset-totp" | "reset-password") =>
    this.send<{ password?: string } | undefined>("POST", `members/${encodeURIComponent(id)}/${how}`);

  keys = (query: { workspace?: string; include_disabled?: boolean } = {}) => {
    const { workspace, include_disabled } = query;
    const asked = { ...(workspace && { workspace }), ...(include_disabled && { include_disabled: "true" }) };
    return this.list<Key>("keys", asked);
  };
  createKey = (key: NewKey) => this.send<Key & { secret: string }>("POST", "keys", key);
  setKey = (id: string, how: "enable" | "disable") =>
    this.send<unknown>("POST", `keys/${encodeURIComponent(id)}/${how}`);
  rotateKey = (id: string, overlap: string) =>
    this.send<Key & { secret: string }>("POST", `keys/${encodeURIComponent(id)}/rotate`, overlap ? { overlap } : {});

  limits = (query: Record<string, string> = {}) => this.list<Limit>("limits", query);
  setLimit = (limit: NewLimit) => this.send<unknown>("PUT", "limits", limit);
  raiseLimit = (raise: Raise) => this.send<unknown>("POST", "limits/raise", raise);

  // Rows until there are `most`; `has_more` says whether there would be others.
  async usage(query: URLSearchParams, most: number): Promise<Usage> {
    const rows: Usage["data"] = [];
    for (;;) {
      const part = new URLSearchParams(query);
      part.set("limit", String(Math.min(kPartMax, most - rows.length)));
      part.set("after", String(rows.length));
      const usage = await this.send<Usage>("GET", `usage?${part}`);
      const data = rowsOf(usage);
      rows.push(...data);
      if (!usage.has_more || data.length === 0 || rows.length >= most) return { ...usage, data: rows };
    }
  }
  usageCsvPath = (query: URLSearchParams) => `${kBase}usage.csv?${query}`;
  async usageCsv(query: URLSearchParams): Promise<Blob> {
    return (await this.fetch("GET", `usage.csv?${query}`)).blob();
  }
  balance = () => this.send<Balance>("GET", "balance");
  deposit = (amount: string, id: string) => this.send<unknown>("POST", "deposits", { amount, id });
  grant = (credit: NewCredit) => this.send<Credit>("POST", "credits", credit);

  prices = () => this.list<PriceFile>("prices");
  addPrices = (toml: string) => this.send<unknown>("POST", "prices", toml, "application/toml");

  // All pages of a list.
  private async list<T>(path: string, query: Record<string, string> = {}): Promise<T[]> {
    const rows: T[] = [];
    for (;;) {
      const text = new URLSearchParams({ ...query, ...(rows.length > 0 && { after: String(rows.length) }) }).toString();
      const page = await this.send<List<T>>("GET", text ? `${path}?${text}` : path);
      const data = rowsOf(page);
      rows.push(...data);
      if (!page.has_more || data.length === 0) return rows;
    }
  }

  private async send<T>(method: string, path: string, body?: unknown, type = "application/json"): Promise<T> {
    const response = await this.fetch(method, path, body, type);
    const text = await response.text();
    if (!text) return undefined as T;
    try {
      return JSON.parse(text) as T;
    } catch {
      throw new AdminError(response.status, "broken", "");
    }
  }

  private async fetch(method: string, path: string, body?: unknown, type?: string): Promise<Response> {
    try {
      return await this.attempt(method, path, body, type);
    } catch (e) {
      if (!(e instanceof AdminError && e.code === "csrf" && (await this.onNewSession()))) throw e;
      return this.attempt(method, path, body, type);
    }
  }

  private async attempt(method: string, path: string, body?: unknown, type?: string): Promise<Response> {
    const headers = new Headers();
    if (body !== undefined && type) headers.set("content-type", type);
    if (this.key()) headers.set("authorization", `Bearer ${this.key()}`);
    else if (method !== "GET" && this.csrf) headers.set("x-autark-csrf", this.csrf);
    const content = typeof body === "string" ? body : body === undefined ? null : JSON.stringify(body);
    let response: Response;
    try {
      const signal = AbortSignal.timeout(kPatienceMs);
      response = await fetch(kBase + path, { method, headers, body: content, cache: "no-store", signal });
    } catch {
      throw new AdminError(0, "unreachable", "");
    }
    if (!response.ok) throw this.refused(response.status, await response.text().catch(() => ""));
    return response;
  }

  private refused(status: number, body: string): AdminError {
    const error = errorOf(status, body);
    if (error.code === "unauthenticated" || error.code === "totp_needed") this.onRefused(error.code);
    return error;
  }
}

// The rows of a list; a list without any is no answer of this server.
function rowsOf<T>(list: List<T> | undefined): T[] {
  if (!Array.isArray(list?.data)) throw new AdminError(200, "broken", "");
  return list.data;
}

interface ErrorBody {
  error?: { message?: string; code?: string | null; type?: string; param?: string | null };
}

export function errorOf(status: number, body: string): AdminError {
  try {
    const { error } = JSON.parse(body) as ErrorBody;
    return new AdminError(status, error?.code || error?.type || "", error?.message ?? "", error?.param ?? "");
  } catch {
    return new AdminError(status, status >= 500 && status !== 503 ? "broken" : "", "");
  }
}
