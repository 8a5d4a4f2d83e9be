// Goal: the page knows who is signed in, sends what proves it with each request, and forgets it when the server does.
// Method: the real Platform and Admin with scripted answers in the place of fetch, and storage in memory.
// @vitest-environment jsdom
import { beforeEach, expect, test, vi } from "vitest";
import { Shelf } from "../chat/shelf";
import { AdminError, errorOf } from "./admin";
import { Platform } from "./platform";
import { may, mayChange, mayRotate } from "./rights";
import { english } from "./texts";
import { chinese } from "./texts_zh";
import type { Key, Me, Role } from "./wire";

interface Asked {
  method: string;
  path: string;
  headers: Headers;
  body: unknown;
}

let asked: Asked[];
let answers: Record<string, [number, unknown]>;
let platform: Platform;
let shelf: Shelf;

const me = (roles: Role[], more: Partial<Me> = {}): Me => ({
  member: { id: "m1", name: "wang", roles, workspaces: [], created: "", disabled: null, totp_set: true },
  key: null,
  roles,
  account: { id: "a1", name: "main", currency: "CNY" },
  separation: false,
  totp_set: true,
  ...more,
});
const refusal = (code: string) => ({ error: { message: `it is ${code}`, type: "t", param: null, code } });

beforeEach(() => {
  localStorage.clear();
  sessionStorage.clear();
  asked = [];
  answers = {};
  vi.stubGlobal("fetch", async (path: string, init: RequestInit) => {
    const method = init.method ?? "GET";
    asked.push({
      method,
      path,
      headers: new Headers(init.headers),
      body: typeof init.body === "string" ? JSON.parse(init.body) : null,
    });
    const [status, body] = answers[`${method} ${path}`] ?? [404, refusal("not_found")];
    if (status === 0) throw new TypeError("no connection");
    return new Response(status === 204 ? null : JSON.stringify(body), { status });
  });
  shelf = Shelf.ofBrowser();
  platform = new Platform(shelf);
});

test("nobody is signed in at first; afterwards changes carry the session's token, questions do not", async () => {
  answers["GET admin/v1/me"] = [401, refusal("unauthenticated")];
  await platform.look();
  expect(platform.signed).toEqual({ as: "nobody" });
  answers["POST admin/v1/sessions"] = [201, { id: "s", csrf: "token" }];
  answers["GET admin/v1/me"] = [200, me(["system"])];
  await platform.signIn({ name: "wang", password: "p" });
  expect(platform.signed.as).toBe("somebody");
  answers["POST admin/v1/workspaces"] = [201, {}];
  answers["GET admin/v1/workspaces"] = [200, { data: [], has_more: false }];
  await platform.admin.createWorkspace("w");
  expect(asked.at(-1)).toMatchObject({ body: { name: "w" } });
  expect(asked.at(-1)!.headers.get("x-autark-csrf")).toBe("token");
  await platform.admin.workspaces();
  expect(asked.at(-1)!.headers.has("x-autark-csrf")).toBe(false);
  expect(JSON.stringify({ ...localStorage, ...sessionStorage })).not.toMatch(/token|"p"/);
});

test("a session that the server ended is over here too, and its page stays until the next sign-in", async () => {
  const somebody = me(["system"], { csrf: "token" });
  answers["GET admin/v1/me"] = [200, somebody];
  await platform.look();
  answers["GET admin/v1/members"] = [401, refusal("unauthenticated")];
  await expect(platform.admin.members()).rejects.toMatchObject({ code: "unauthenticated" });
  expect(platform.signed).toEqual({ as: "somebody", me: somebody, ended: true });
  expect(platform.admin.csrf).toBe("");
  answers["POST admin/v1/sessions"] = [201, { id: "s", csrf: "token" }];
  await platform.signIn({ name: "wang", password: "p" });
  expect(platform.signed).toEqual({ as: "somebody", me: somebody, ended: false });
});

test("with the session of another tab a change is sent once more, if it is the same member's", async () => {
  answers["GET admin/v1/me"] = [200, me(["system"], { csrf: "old" })];
  await platform.look();
  answers["POST admin/v1/workspaces"] = [403, refusal("csrf")];
  answers["GET admin/v1/me"] = [200, me(["system"], { csrf: "new" })];
  await expect(platform.admin.createWorkspace("w")).rejects.toMatchObject({ code: "csrf" });
  const tokens = () => asked.filter(({ method }) => method === "POST").map((a) => a.headers.get("x-autark-csrf"));
  expect(tokens()).toEqual(["old", "new"]);
  const other = me(["system"], { csrf: "other's" });
  answers["GET admin/v1/me"] = [200, { ...other, member: { ...other.member, id: "m2" } }];
  await expect(platform.admin.createWorkspace("w")).rejects.toMatchObject({ code: "csrf" });
  expect(tokens()).toEqual(["old", "new", "new"]);
});

test("an answer that is none of this server's is a failure in words", async () => {
  for (const garbage of [{}, [], "text", { data: 1 }, null]) {
    answers["GET admin/v1/keys"] = [200, garbage];
    await expect(platform.admin.keys()).rejects.toMatchObject({ code: "broken" });
    answers["GET admin/v1/usage?limit=10&after=0"] = [200, garbage];
    await expect(platform.admin.usage(new URLSearchParams(), 10)).rejects.toMatchObject({ code: "broken" });
  }
});

test("developers change the keys that they made, and nobody rotates a key with rights of others", () => {
  const key = (member: string | null, role = "developer") => ({ member, role }) as Key;
  const [developer, system] = [me(["developer"]), me(["system"])];
  expect([key("m1"), key("m2"), key(null)].map((k) => mayChange(developer, k))).toEqual([true, false, false]);
  expect([key("m1"), key("m2"), key(null)].map((k) => mayRotate(system, k))).toEqual([true, true, true]);
  const administrative = [key(null, "system"), key("m1", "system"), key("m2", "system"), key(null, "audit")];
  expect(administrative.map((k) => mayChange(system, k))).toEqual([true, true, true, true]);
  expect(administrative.map((k) => mayRotate(system, k))).toEqual([true, true, false, false]);
});

test.each([
  [["system"], false, "newcomer"],
  [["audit"], false, "newcomer"],
  [["developer"], false, "somebody"],
  [["system", "developer"], true, "somebody"],
] as [Role[], boolean, string][])("%s with a second factor %s is a %s", async (roles, set, as) => {
  answers["GET admin/v1/me"] = [200, me(roles, { totp_set: set })];
  await platform.look();
  expect(platform.signed.as).toBe(as);
});

test("a key is sent instead of a cookie's token, is kept in this tab only, and not if the server refuses it", async () => {
  answers["GET admin/v1/me"] = [403, refusal("forbidden")];
  await expect(platform.useKey("sk-weak")).rejects.toBeInstanceOf(AdminError);
  expect(shelf.adminKey()).toBe("");
  answers["GET admin/v1/me"] = [200, me(["system"], { member: null, key: { id: "k1", name: "init" } })];
  await platform.useKey(" sk-strong ");
  expect(asked.at(-1)!.headers.get("authorization")).toBe("Bearer sk-strong");
  expect(platform.signed.as).toBe("somebody");
  expect(JSON.stringify({ ...localStorage })).not.toContain("sk-strong");
  await platform.signOut();
  expect(platform.signed).toEqual({ as: "nobody" });
  expect(shelf.adminKey()).toBe("");
});

test("a server that does not answer leaves the question open", async () => {
  answers["GET admin/v1/me"] = [0, null];
  await platform.look();
  expect(platform.signed).toMatchObject({ as: "unknown", failure: { code: "unreachable" } });
});

test.each([
  [401, "nobody"],
  [200, "somebody"],
])("a server that stops to answer changes nothing: %i", async (status, as) => {
  answers["GET admin/v1/me"] = [status, status === 200 ? me(["audit"]) : refusal("unauthenticated")];
  await platform.look();
  for (const broken of [0, 500, 503]) {
    answers["GET admin/v1/me"] = [broken, refusal("internal")];
    await platform.look();
    expect(platform.signed.as).toBe(as);
  }
});

test("a list is read page by page", async () => {
  answers["GET admin/v1/keys?workspace=w"] = [200, { data: [1, 2], has_more: true }];
  answers["GET admin/v1/keys?workspace=w&after=2"] = [200, { data: [3], has_more: false }];
  expect(await platform.admin.keys({ workspace: "w" })).toEqual([1, 2, 3]);
});

test("usage is read part by part, up to the most that is wanted", async () => {
  const row = { requests: 1, input: 0, cached: 0, cache_write: 0, output: 0, reasoning: 0, cost: "0" };
  const part = (size: number, has_more: boolean) => [200, { data: Array(size).fill(row), has_more, currency: "CNY" }];
  answers["GET admin/v1/usage?by=day&limit=5000&after=0"] = part(5000, true) as [number, unknown];
  answers["GET admin/v1/usage?by=day&limit=500&after=5000"] = part(500, true) as [number, unknown];
  const usage = await platform.admin.usage(new URLSearchParams({ by: "day" }), 5500);
  expect(usage.data.length).toBe(5500);
  expect(usage.has_more).toBe(true);
});

test.each([
  [403, '{"error":{"message":"no","code":"csrf"}}', "csrf", "no"],
  [
    400,
    '{"error":{"message":"line 3: input","type":"invalid_request_error","code":null}}',
    "invalid_request_error",
    "line 3: input",
  ],
  [502, "<html>", "broken", ""],
  [404, "", "", ""],
])("HTTP %i %s", (status, body, code, detail) => {
  expect(errorOf(status, body)).toMatchObject({ status, code, detail });
});

// The table of /admin/v1.
test.each([
  [["system"], false, "keys workspaces limits prices members"],
  [["system"], true, "keys workspaces limits prices"],
  [["security"], true, "keys members"],
  [["audit"], false, ""],
  [["developer"], false, "keys"],
] as [Role[], boolean, string][])("%s, separated %s, may change: %s", (roles, separation, deeds) => {
  const caller = me(roles, { separation });
  const all = ["keys", "workspaces", "limits", "prices", "members"] as const;
  expect(all.filter((deed) => may(caller, deed)).join(" ")).toBe(deeds);
  expect(may(caller, "see members")).toBe(!roles.includes("developer"));
});

// The names of all texts, and how many parameters each takes.
function shapeOf(value: unknown): unknown {
  if (typeof value === "function") return value.length;
  if (typeof value === "object" && value !== null)
    return Object.fromEntries(Object.entries(value).map(([name, text]) => [name, shapeOf(text)]));
  return typeof value;
}

test("both languages have the same texts", () => {
  expect(shapeOf(chinese)).toEqual(shapeOf(english));
  const leaves = (value: unknown): string[] =>
    typeof value === "object" && value !== null ? Object.values(value).flatMap(leaves) : [String(value)];
  const untranslated = leaves(chinese).filter((text) => text.length > 6 && !/[\u4e00-\u9fff]|=>/.test(text));
  expect(untranslated).toEqual([]);
});
