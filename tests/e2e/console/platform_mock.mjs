// A platform in memory: /admin/v1 as the console uses it, and a chat API that asks for keys, prices requests and refuses
// those beyond a budget. For tests and pictures of the pages; the authority on the contract is the program itself.
//
//   const mock = await PlatformMock.start({ folder: "build/console/dist" });   // or { page: URL of a program }
//   await mock.bootstrap();      // an administrator "admin" with the password kPassword, and nothing else
import { createHmac, randomBytes } from "node:crypto";
import { button, field } from "./browser.mjs";
import { json, Mock, refuse } from "./mock.mjs";

export const kPassword = "correct horse battery";
const kDay = 86_400_000;
const kPageRows = 200; // of a list
const kAccount = { id: "acc_main", name: "main", currency: "CNY" };
const kClasses = ["input", "cached", "cache_write", "output", "reasoning"];
export const kPrices = `version = "2026-11"
valid_from = 2026-11-01T00:00:00+08:00
currency = "CNY"
time_zone = "Asia/Shanghai"

[[calendar.peak]]
days = ["mon", "tue", "wed", "thu", "fri"]
from = 09:00:00
to = 12:00:00

[models."*"]
input = 1
cached = 0.02
output = 4

[models."*".peak]
input = 2
cached = 0.04
output = 8
`;

export class PlatformMock extends Mock {
  slow = 0; // ms that each request to /admin waits
  broken = null; // if not null, [status, body] of the answer to each request to /admin
  members = [];
  workspaces = [];
  keys = [];
  limits = [];
  usage = [];
  prices = [];
  deposits = new Map();
  credits = [];
  sessions = new Map(); // by token
  separation = false;

  static async start(source) {
    const mock = new PlatformMock();
    mock.source = source;
    await mock.listen(0);
    return mock;
  }

  bootstrap() {
    this.admin = this.addMember("admin", ["system", "security"], [], kPassword);
    this.prices = [{ version: "2026-11", valid_from: "2026-10-31T16:00:00Z", body: kPrices }];
  }

  addMember(name, roles, workspaces, password) {
    const member = { id: id("mem"), name, roles, workspaces, created: now(), disabled: null, totp_set: false };
    this.members.push(member);
    Object.defineProperty(member, "password", { value: password, writable: true });
    Object.defineProperty(member, "totp", { value: "", writable: true });
    return member;
  }

  addWorkspace(name) {
    const workspace = { id: id("ws"), name, created: now(), disabled: null };
    this.workspaces.push(workspace);
    return workspace;
  }

  addKey(body, member) {
    const workspace = this.workspaces.find((w) => w.id === body.workspace || w.name === body.workspace);
    if (!workspace) throw fault(404, "not_found", "there is no such workspace");
    const key = {
      id: id("key"),
      name: body.name,
      prefix: "",
      workspace: workspace.id,
      workspace_name: workspace.name,
      member: member?.id ?? null,
      role: body.role ?? "developer",
      models: body.models ?? [],
      routes: body.routes ?? [],
      ips: body.ips ?? [],
      created: now(),
      expires: body.expires ? later(body.expires) : null,
      disabled: null,
      used: null,
      rotating_until: null,
    };
    const secret = this.freshSecret(key);
    this.keys.push(key);
    for (const kind of ["rpm", "tpm", "concurrency", "burst"])
      if (body[kind]) this.setLimit({ level: "key", subject: key.id, kind, amount: body[kind] });
    const budget = /^([\d.]+)([A-Z]{3})(?:\/(day|month))?$/.exec(body.budget ?? "");
    if (body.budget && !budget) throw fault(400, "invalid_budget", `budget: "${body.budget}" is none`, "budget");
    const wrong = (body.ips ?? []).findIndex((ip) => !/^[\d.:a-f]+(\/\d+)?$/.test(ip));
    if (wrong >= 0) throw fault(400, null, `'${body.ips[wrong]}' is no address`, "ips");
    if (budget) {
      const amount = { currency: budget[2], amount: budget[1] };
      this.setLimit({ level: "key", subject: key.id, kind: "budget", amount, period: budget[3] ?? "total" });
    }
    return { ...this.keyView(key), secret };
  }

  freshSecret(key) {
    const secret = `sk-autark-${randomBytes(24).toString("base64url")}`;
    key.prefix = secret.slice(0, 14);
    Object.defineProperty(key, "secret", { value: secret, writable: true, configurable: true });
    return secret;
  }

  setLimit({ level, subject, model = null, kind, amount, period }) {
    const same = (l) => l.level === level && l.subject === subject && l.model === model && l.kind === kind;
    this.limits = this.limits.filter((l) => !same(l));
    if (amount === null) return;
    const limit = { level, subject, model, kind, amount, period: kind === "budget" ? (period ?? "total") : null };
    this.limits.push({ ...limit, raised: null, until: null });
  }

  limitView(limit) {
    if (limit.kind !== "budget") return { ...limit, used: null, reset: null };
    const used = this.usage.filter((u) => this.counts(limit, u)).reduce((sum, u) => sum + u.cost, 0);
    return { ...limit, used: { currency: "CNY", amount: decimal(used) }, reset: resetOf(limit.period) };
  }

  counts({ level, subject, model, period }, use) {
    const since = period === "day" ? startOf("day") : period === "month" ? startOf("month") : 0;
    const mine = level === "account" || use[level] === subject;
    return mine && use.time >= since && (!model || use.model === model);
  }

  keyView(key) {
    const limits = this.limits.filter((l) => l.level === "key" && l.subject === key.id);
    return { ...key, limits: limits.map((l) => this.limitView(l)) };
  }

  // One request that was answered or refused, as the ledger books it.
  book(use) {
    const tokens = Object.fromEntries(kClasses.map((name) => [name, use[name] ?? 0]));
    const rates = { input: 1000, cached: 20, cache_write: 1000, output: 4000, reasoning: 4000 }; // nanos a token
    const cost = kClasses.reduce((sum, name) => sum + tokens[name] * rates[name], 0);
    this.usage.push({ time: Date.now(), user: "", service: "standard", outcome: "complete", ...use, ...tokens, cost });
  }

  async handle(request, response) {
    const url = new URL(request.url, this.url);
    if (url.pathname.startsWith("/v1/")) return this.api(url.pathname, request, response);
    if (!url.pathname.startsWith("/admin/")) return super.handle(request, response);
    let body = "";
    for await (const piece of request) body += piece;
    if (this.slow) await new Promise((done) => setTimeout(done, this.slow));
    if (this.broken) return response.writeHead(this.broken[0]).end(this.broken[1]);
    try {
      const answer = this.answer(request, url, body, response);
      if (answer === undefined) response.writeHead(204).end();
      else if (typeof answer === "string") response.writeHead(200, { "content-type": "text/csv" }).end(answer);
      else json(response, request.method === "POST" && answer.created ? 201 : 200, answer);
    } catch (e) {
      if (!e.status) throw e;
      refuse(response, e.status, {
        message: e.message,
        type: "invalid_request_error",
        param: e.param ?? null,
        code: e.code,
      });
    }
  }

  // Chat requests need a key with room in its budget. Each answer has 1,000 tokens of prompt and 500 of answer.
  async api(path, request, response) {
    const secret = request.headers.authorization?.replace("Bearer ", "");
    const key = this.keys.find((k) => k.secret === secret && !k.disabled);
    if (!key) return refuse(response, 401, { message: "Invalid API key.", code: "invalid_api_key" });
    if (path !== "/v1/chat/completions") {
      this.key = "";
      return super.handle(request, response);
    }
    let body = "";
    for await (const piece of request) body += piece;
    const { model, user = "" } = JSON.parse(body);
    key.used = now();
    const use = { workspace: key.workspace, key: key.id, model, user };
    const budgets = this.limits.filter((l) => l.kind === "budget" && this.counts(l, { ...use, time: Date.now() }));
    const spent = budgets.find((l) => Number(this.limitView(l).used.amount) >= Number((l.raised ?? l.amount).amount));
    if (spent) {
      this.book({ ...use, outcome: "refused" });
      const message = `the ${spent.level}'s budget of ${spent.amount.amount} CNY is used up`;
      return refuse(response, 429, { message, type: "insufficient_quota", code: "insufficient_quota" });
    }
    this.book({ ...use, input: 700, cached: 300, output: 500 });
    json(response, 200, { choices: [{ message: { role: "assistant", content: "Yes." }, finish_reason: "stop" }] });
  }

  answer(request, url, text, response) {
    const { method } = request;
    const path = url.pathname.replace("/admin/v1/", "");
    const query = url.searchParams;
    const body = text && !request.headers["content-type"]?.includes("toml") ? JSON.parse(text) : text;
    if (method === "POST" && path === "sessions") return this.signIn(body, response);
    const token = /autark_session=(\w+)/.exec(request.headers.cookie ?? "")?.[1];
    const session = this.sessions.get(token);
    const key = this.keys.find((k) => `Bearer ${k.secret}` === request.headers.authorization);
    if (!session && !key) throw fault(401, "unauthenticated", "sign in first");
    const caller = session?.member ?? { id: null, roles: [key.role], workspaces: [key.workspace] };
    if (!session && key.role === "developer" && method !== "GET") throw fault(403, "forbidden", "this key only reads");
    if (method !== "GET" && session && request.headers["x-autark-csrf"] !== session.csrf)
      throw fault(403, "csrf", "the header x-autark-csrf is missing or wrong");
    const needsTotp = session && !caller.totp_set && caller.roles.some((r) => r !== "developer");
    if (needsTotp && !/^me$|^me\/totp|^sessions\/current$/.test(path))
      throw fault(403, "totp_needed", "set up a second factor first");
    const [things, name, verb] = path.split("/").map(decodeURIComponent);
    const route = `${method} ${things}${name === undefined ? "" : name === "current" || things === "me" ? `/${name}` : "/*"}${verb ? `/${verb}` : ""}`;
    const asked = { caller, session, key, token, body, query, name, verb };
    const handler = kRoutes[route];
    if (!handler) throw fault(404, "not_found", `there is no ${route} here`);
    const answer = handler(this, asked);
    return Array.isArray(answer?.data) && things !== "usage" ? pageOf(answer.data, query) : answer;
  }

  signIn({ name, password, totp }, response) {
    const member = this.members.find((m) => m.name === name && !m.disabled);
    if (!member || member.password !== password) throw fault(401, "wrong_credentials", "wrong name or password");
    if (member.totp_set && !isCode(member.totp, totp))
      throw fault(401, "totp_required", "the code is missing or wrong");
    const token = randomBytes(12).toString("hex");
    const csrf = randomBytes(12).toString("hex");
    const expires = new Date(Date.now() + kDay).toISOString();
    this.sessions.set(token, { id: id("ses"), member, csrf, created: now(), used: now(), expires });
    response.setHeader("set-cookie", `autark_session=${token}; HttpOnly; SameSite=Strict; Path=/admin`);
    return { id: "ses", csrf, member, expires, totp_set: member.totp_set, created: now() };
  }

  sees(caller, workspace) {
    return caller.roles.some((r) => r !== "developer") || caller.workspaces.includes(workspace);
  }

  report(caller, query) {
    const by = (query.get("by") ?? "").split(",").filter(Boolean);
    const [from, to] = [Date.parse(query.get("from")), Date.parse(query.get("to"))];
    const filters = ["workspace", "key", "model", "user"].filter((name) => query.get(name));
    const uses = this.usage.filter(
      (u) =>
        u.time >= from && u.time < to && this.sees(caller, u.workspace) && filters.every((f) => u[f] === query.get(f)),
    );
    const step = { minute: 60_000, hour: 3_600_000, day: kDay };
    const groups = new Map();
    for (const use of uses) {
      const names = by.map((b) => (step[b] ? iso(Math.floor(use.time / step[b]) * step[b]) : use[b]));
      const group = groups.get(names.join("\n")) ?? { names, uses: [] };
      group.uses.push(use);
      groups.set(names.join("\n"), group);
    }
    const rows = [...groups.values()].sort((a, b) => (a.names.join("\n") < b.names.join("\n") ? -1 : 1));
    const data = rows.map(({ names, uses: some }) => ({
      ...Object.fromEntries(by.map((b, i) => [b, names[i]])),
      ...sums(some),
    }));
    return { by, data, total: sums(uses) };
  }
}

const kRoutes = {
  "GET me": (_, { caller, session, key }) => ({
    member: session ? caller : null,
    key: key ? { id: key.id, name: key.name } : null,
    roles: caller.roles,
    account: kAccount,
    separation: _.separation,
    ...(session && { csrf: session.csrf, totp_set: caller.totp_set }),
  }),
  "POST me/password": (_, { caller, body, token }) => {
    if (caller.password !== body.old) throw fault(401, "wrong_credentials", "the old password is wrong");
    if (body.new.length < 12) throw fault(400, "weak_password", "new: use 12 characters or more");
    caller.password = body.new;
    for (const [other, s] of _.sessions) if (s.member === caller && other !== token) _.sessions.delete(other);
  },
  "POST me/totp": (_, { caller }) => {
    caller.totp = base32(randomBytes(20));
    return { secret: caller.totp, uri: `otpauth://totp/autark:${caller.name}?secret=${caller.totp}&issuer=autark` };
  },
  "POST me/totp/confirm": (_, { caller, body }) => {
    if (!isCode(caller.totp, body.code)) throw fault(400, "wrong_code", "the code is wrong");
    caller.totp_set = true;
  },
  "GET sessions": (_, { token }) =>
    list(
      [..._.sessions].map(([key, { member, csrf: __, ...s }]) => ({
        ...s,
        member: member.id,
        member_name: member.name,
        address: "127.0.0.1",
        current: key === token,
      })),
    ),
  "DELETE sessions/current": (_, { token }) => void _.sessions.delete(token),
  "DELETE sessions/*": (_, { name }) => {
    for (const [token, s] of _.sessions) if (s.id === name) return void _.sessions.delete(token);
    throw fault(404, "not_found", "there is no such session");
  },
  "GET workspaces": (_, { caller }) =>
    list(
      _.workspaces
        .filter((w) => _.sees(caller, w.id))
        .map((w) => ({
          ...w,
          key_count: _.keys.filter((k) => k.workspace === w.id).length,
          member_count: _.members.filter((m) => m.workspaces.includes(w.id)).length,
        })),
    ),
  "POST workspaces": (_, { caller, body }) => {
    need(caller, "system");
    if (_.workspaces.some((w) => w.name === body.name))
      throw fault(400, "name_taken", `there is a workspace '${body.name}' already; choose another name`, "name");
    return _.addWorkspace(body.name);
  },
  "POST workspaces/*/disable": (_, { name }) => able(_.workspaces, name, now()),
  "POST workspaces/*/enable": (_, { name }) => able(_.workspaces, name, null),
  "GET members": (_) => list(_.members),
  "POST members": (_, { caller, body }) => {
    need(caller, ...(_.separation ? ["security"] : ["security", "system"]));
    separate(_, body.roles);
    const password = randomBytes(9).toString("base64url");
    const member = _.addMember(body.name, body.roles, body.workspaces, password);
    return { ...member, password };
  },
  "PATCH members/*": (_, { name, body }) => {
    separate(_, body.roles ?? []);
    return Object.assign(find(_.members, name), body);
  },
  "POST members/*/disable": (_, { name }) => able(_.members, name, now()),
  "POST members/*/enable": (_, { name }) => able(_.members, name, null),
  "POST members/*/reset-totp": (_, { name }) => void (find(_.members, name).totp_set = false),
  "POST members/*/reset-password": (_, { name }) => {
    const password = randomBytes(9).toString("base64url");
    find(_.members, name).password = password;
    return { password };
  },
  "GET keys": (_, { caller, query }) =>
    list(
      _.keys
        .filter((k) => _.sees(caller, k.workspace) && (query.has("include_disabled") || !k.disabled))
        .filter((k) => !query.get("workspace") || k.workspace === query.get("workspace"))
        .map((k) => _.keyView(k)),
    ),
  "POST keys": (_, { caller, body }) => {
    need(caller, "system", "security", "developer");
    return _.addKey(body, caller.id ? caller : null);
  },
  "POST keys/*/disable": (_, { name }) => able(_.keys, name, now()),
  "POST keys/*/enable": (_, { name }) => able(_.keys, name, null),
  "POST keys/*/rotate": (_, { name, body }) => {
    const key = find(_.keys, name);
    const secret = _.freshSecret(key);
    key.rotating_until = body.overlap && body.overlap !== "0s" ? later(body.overlap) : null;
    return { ..._.keyView(key), secret };
  },
  "GET limits": (_, { query }) =>
    list(
      _.limits
        .filter((l) => ["level", "subject"].every((f) => !query.get(f) || l[f] === query.get(f)))
        .map((l) => _.limitView(l)),
    ),
  "PUT limits": (_, { caller, body }) => {
    need(caller, "system");
    if (body.level === "model" && body.model) throw fault(400, null, "a limit of a model has no other", "model");
    _.setLimit(body);
    return {};
  },
  "POST limits/*": (_, { caller, body }) => {
    need(caller, "system");
    const limit = _.limits.find((l) => l.level === body.level && l.subject === body.subject && l.kind === body.kind);
    if (!limit) throw fault(404, "not_found", "there is no such limit");
    if (Date.parse(body.until) > Date.now() + 7 * kDay) throw fault(400, null, "a raise ends within 7d here", "until");
    Object.assign(limit, { raised: body.amount, until: body.until });
    return {};
  },
  "GET usage": (_, { caller, query }) => {
    const { data, total } = _.report(caller, query);
    const after = Number(query.get("after") ?? 0);
    const limit = Number(query.get("limit") ?? data.length);
    const has_more = after + limit < data.length;
    return { data: data.slice(after, after + limit), currency: "CNY", has_more, total };
  },
  "GET usage.csv": (_, { caller, query }) => {
    const { by, data } = _.report(caller, query);
    const columns = [...by, "requests", ...kClasses, "cost"];
    return [columns, ...data.map((row) => columns.map((c) => row[c]))].map((line) => `${line.join(",")}\r\n`).join("");
  },
  "GET balance": (_) => {
    const sum = (amount) => ({ currency: "CNY", amount });
    const paid = [..._.deposits.values()].reduce((all, a) => all + a, 0);
    const spent = _.usage.reduce((all, u) => all + u.cost, 0);
    return {
      currency: "CNY",
      total: sum(decimal(paid - spent)),
      topped_up: sum(decimal(paid - spent)),
      granted: sum("0"),
      spent: sum(decimal(spent)),
      credits: _.credits,
    };
  },
  "POST deposits": (_, { caller, body }) => {
    need(caller, "system");
    _.deposits.set(body.id, Math.round(parseFloat(body.amount) * 1e9));
    return {};
  },
  "POST credits": (_, { caller, body }) => {
    need(caller, "system");
    const { id, kind, unit = "CNY", model = null } = body;
    if (body.expires === "365d" && kind === "free")
      throw fault(400, null, "a free quota ends within 90d here", "expires");
    const amount = unit === "tokens" ? body.amount : { currency: unit, amount: String(parseFloat(body.amount)) };
    const used = unit === "tokens" ? 0 : { currency: unit, amount: "0" };
    const expires = body.expires ? later(body.expires) : null;
    const credit = { id: `${kAccount.id}/${id}`, kind, unit, model, amount, used, created: now(), expires };
    if (!_.credits.some((c) => c.id === credit.id)) _.credits.push(credit);
    return credit;
  },
  "GET prices": (_) =>
    list(
      _.prices.map((p, i) => ({
        ...p,
        currency: "CNY",
        time_zone: "Asia/Shanghai",
        current: i === _.prices.length - 1,
      })),
    ),
  "POST prices": (_, { caller, body }) => {
    need(caller, "system");
    const version = /^version = "(.*)"$/m.exec(body)?.[1];
    const wrong = body.split("\n").findIndex((line) => /^\w+ = -/.test(line));
    if (wrong >= 0) throw fault(400, "invalid_prices", `line ${wrong + 1}: a price is not negative`);
    if (_.prices.some((p) => p.version === version)) throw fault(409, "version_taken", `version "${version}" is taken`);
    _.prices.push({ version, valid_from: now(), body });
    return {};
  },
};

const id = (kind) => `${kind}_${randomBytes(6).toString("hex")}`;
const iso = (ms) => new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");
const now = () => iso(Date.now());
const list = (data) => ({ data });
const decimal = (nanos) => (nanos / 1e9).toFixed(9).replace(/\.?0+$/, "");

function pageOf(all, query) {
  const after = Number(query.get("after") ?? 0);
  return { data: all.slice(after, after + kPageRows), has_more: after + kPageRows < all.length };
}

function later(span) {
  const [, n, unit] = /^(\d+)([smhd])$/.exec(span) ?? [];
  if (!n) throw fault(400, "invalid_time", `"${span}" is no time`);
  return iso(Date.now() + n * { s: 1000, m: 60_000, h: 3_600_000, d: kDay }[unit]);
}

function startOf(period) {
  const date = new Date();
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), period === "month" ? 1 : date.getUTCDate());
}

function resetOf(period) {
  const date = new Date();
  if (period === "day") return iso(startOf("day") + kDay);
  return period === "month" ? iso(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1)) : null;
}

function sums(uses) {
  const sum = (name) => uses.reduce((all, u) => all + u[name], 0);
  const tokens = Object.fromEntries(kClasses.map((name) => [name, sum(name)]));
  return { requests: uses.length, ...tokens, cost: decimal(sum("cost")) };
}

function fault(status, code, message, param) {
  return Object.assign(new Error(message), { status, code, param });
}

function need(caller, ...roles) {
  if (!caller.roles.some((role) => roles.includes(role))) throw fault(403, "forbidden", "your roles do not allow this");
}

function separate(mock, roles) {
  if (mock.separation && roles.filter((r) => r !== "developer").length > 1)
    throw fault(400, "separation", "at most one administrative role");
}

function find(things, key) {
  const thing = things.find((t) => t.id === key || t.name === key);
  if (!thing) throw fault(404, "not_found", "there is no such thing");
  return thing;
}

function able(things, key, disabled) {
  find(things, key).disabled = disabled;
  return {};
}

function base32(bytes) {
  const bits = [...bytes].map((b) => b.toString(2).padStart(8, "0")).join("");
  return bits
    .match(/.{5}/g)
    .map((five) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[parseInt(five, 2)])
    .join("");
}

// RFC 6238 with SHA-1, six digits and steps of 30 s.
export function codeOf(secret, ms = Date.now()) {
  const bits = [...secret.replace(/\s/g, "")]
    .map((c) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(c).toString(2).padStart(5, "0"))
    .join("");
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(ms / 30_000)));
  const hash = createHmac("sha1", key).update(counter).digest();
  const at = hash[19] & 15;
  return String((hash.readUInt32BE(at) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}

function isCode(secret, code) {
  return [-30_000, 0, 30_000].some((shift) => codeOf(secret, Date.now() + shift) === code);
}

// What tests do in the pages of this platform.

// The administrator has a second factor already.
export function ready(mock) {
  Object.assign(mock.admin, { totp: "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", totp_set: true });
}

export async function signIn(page, name = "admin", password = kPassword) {
  await field(page, "Name").fill(name);
  await field(page, "Password").fill(password);
  await button(page, "Sign in").click();
}

export async function signInWithCode(page, mock) {
  await signIn(page);
  await field(page, "Code of your authenticator").fill(codeOf(mock.admin.totp));
  await button(page, "Sign in").click();
}

// A page on which the administrator is signed in. `all`: of scripted().
export async function inside(all, hash, options) {
  ready(all.mock);
  const page = await all.visit(hash, options);
  await signInWithCode(page, all.mock);
  await page.locator(".places").or(page.getByLabel("Show menu")).first().waitFor();
  return page;
}
