// Goal: actions of the user have their effect on the page's state, on storage and on requests to the server.
// Method: the real Console with a server that is scripted event by event, and storage in memory.
// @vitest-environment jsdom
import { beforeEach, expect, test, vi } from "vitest";
import { Shelf } from "./chat/shelf";
import { Console } from "./console";
import { ServerError, type ChatEvent, type FailureKind, type Server } from "./server/server";
import type { ChatRequest, EngineState, RunningRequest } from "./server/wire";

class ScriptedServer implements Server {
  requests: ChatRequest[] = [];
  modelNames = ["m1", "m2"];
  failing: FailureKind | null = null;
  platform: boolean | null = false;
  running: RunningRequest[] = [];
  private steps: (ChatEvent | FailureKind)[] = [];
  private wake: () => void = () => undefined;

  async models(): Promise<string[]> {
    if (this.failing) throw new ServerError({ kind: this.failing, detail: "" });
    return this.modelNames;
  }

  async engine(): Promise<EngineState> {
    if (this.failing) throw new ServerError({ kind: this.failing, detail: "" });
    return {
      queue: { waiting: 0, waited_ms_max: 0, rejected: 0 },
      batch: { running: this.running.length, preemptions: 0 },
      pages: {
        memory: { running: 0, kept: 0, free: 1, total: 1 },
        ring_copies: { kept: 0, total: 0 },
        disk: { entries: 0, bytes: 0, bytes_max: 0 },
      },
      cache: { hit_ratio: 0, tokens: {} },
      speculation: { drafted: 0, acceptance: 0, drafters: {} },
      tokens: { prompt: 0, generated: 0 },
      steps: { count: 0, last_ms: 0, seconds: { bounds: [], counts: [0] } },
      requests: this.running,
    };
  }

  async hasPlatform(): Promise<boolean | null> {
    return this.platform;
  }

  async endRequest(id: string): Promise<void> {
    this.running = this.running.filter((r) => r.id !== id);
  }

  async *chat(request: ChatRequest, signal: AbortSignal): AsyncGenerator<ChatEvent> {
    this.requests.push(request);
    signal.addEventListener("abort", () => this.wake());
    for (;;) {
      const step = this.steps.shift();
      if (signal.aborted) throw new DOMException("aborted", "AbortError");
      if (step === undefined) await new Promise<void>((wake) => (this.wake = wake));
      else if (typeof step === "string") throw new ServerError({ kind: step, detail: "why" });
      else yield step;
      if (typeof step === "object" && "usage" in step) return;
    }
  }

  // Continues the answer with these events; resolves when the page has processed them.
  async say(...steps: (ChatEvent | FailureKind)[]): Promise<void> {
    this.steps.push(...steps);
    this.wake();
    await settled();
  }
}

const settled = () => new Promise((done) => setTimeout(done, 0));
const end: ChatEvent[] = [{ finish: "stop" }, { usage: { prompt_tokens: 4, completion_tokens: 3 } }];

let server: ScriptedServer;
let page: Console;
let clock: number;

beforeEach(async () => {
  localStorage.clear();
  sessionStorage.clear();
  server = new ScriptedServer();
  clock = 1000;
  page = new Console(server, Shelf.ofBrowser(), () => clock);
  await page.connect();
});

const texts = () => page.chat!.messages.map((m) => m.text);
const last = () => page.chat!.messages.at(-1)!;
const asked = () => server.requests.at(-1)!.messages.map((m) => m.content);

async function exchange(question: string, answer: string): Promise<void> {
  page.send(question);
  await server.say({ text: answer }, ...end);
}

test("an answer grows, is measured and kept", async () => {
  page.send("hello");
  await server.say();
  clock = 1500;
  await server.say({ text: "a" });
  expect(texts()).toEqual(["hello", "a"]);
  expect(last().ending).toBeUndefined();
  clock = 2500;
  await server.say({ text: "b" }, ...end);
  expect(texts()).toEqual(["hello", "ab"]);
  expect(last()).toMatchObject({ ending: "done", model: "m1" });
  expect(last().stats).toEqual({
    promptTokens: 4,
    cachedTokens: 0,
    answerTokens: 3,
    waitSeconds: 0.5,
    writeSeconds: 1,
  });
  expect(Shelf.ofBrowser().chats()).toEqual(page.state.chats);
  expect(server.requests[0]).toMatchObject({ model: "m1", stream: true, stream_options: { include_usage: true } });
});

test("an answer keeps why not more of its prompt was reused", async () => {
  const cache = { read: 128, possible: 256, tier: "memory", why: "differs", at: 130, part: "messages[2]" };
  const told = { ...cache, diagnostics: { prompt: "now", entry: "then" } };
  page.send("hello");
  await server.say(
    { text: "a" },
    { finish: "stop" },
    { usage: { prompt_tokens: 300, completion_tokens: 1, prompt_cache: told } },
  );
  expect(last().stats?.cache).toEqual(told);
  expect(Shelf.ofBrowser().chats()[0]!.messages.at(-1)!.stats?.cache).toEqual(told);
  expect(server.requests[0]).toMatchObject({ cache_diagnostics: true });
});

test("stop keeps what arrived, ends the request and frees the chat", async () => {
  page.send("hello");
  await server.say({ text: "half" });
  page.stop();
  await settled();
  expect(last()).toMatchObject({ text: "half", ending: "stopped" });
  expect(page.state.writing).toEqual({});
});

test("while an answer is written the chat takes no other question", async () => {
  page.send("one");
  page.send("two");
  page.regenerate(last().id);
  page.edit(page.chat!.messages[0]!.id, "three");
  await server.say({ text: "a" }, ...end);
  expect(texts()).toEqual(["one", "a"]);
  expect(server.requests.length).toBe(1);
});

test("another chat can be used meanwhile, and the answer goes to its own", async () => {
  page.send("one");
  const first = page.state.currentId!;
  await server.say({ text: "a" });
  page.newChat();
  expect(page.chat).toBeUndefined();
  await server.say({ text: "b" }, ...end);
  page.openChat(first);
  expect(texts()).toEqual(["one", "ab"]);
});

test("regenerate asks the same again and replaces the answer and what follows", async () => {
  await exchange("q1", "a1");
  await exchange("q2", "a2");
  page.regenerate(page.chat!.messages[1]!.id);
  expect(asked()).toEqual(["q1"]);
  await server.say({ text: "b1" }, ...end);
  expect(texts()).toEqual(["q1", "b1"]);
});

test("the model goes on with an answer that was stopped or edited, not with one that is done", async () => {
  page.send("q");
  await server.say({ text: "once" });
  page.stop();
  await settled();
  page.continue(last().id);
  expect(server.requests.at(-1)).toMatchObject({ continue_final_message: true, add_generation_prompt: false });
  expect(asked()).toEqual(["q", "once"]);
  await server.say({ text: " upon" }, ...end);
  expect(texts()).toEqual(["q", "once upon"]);
  expect(last().ending).toBe("done");
  page.continue(last().id);
  expect(server.requests.length).toBe(2);
  page.edit(last().id, "twice");
  page.continue(last().id);
  await server.say({ text: " more" }, ...end);
  expect(texts()).toEqual(["q", "twice more"]);
  expect(server.requests[0]).not.toHaveProperty("continue_final_message");
});

test("an edited question is asked in its place; an edited answer stays and is the model's past", async () => {
  await exchange("q1", "a1");
  await exchange("q2", "a2");
  page.edit(page.chat!.messages[1]!.id, "better a1");
  expect(texts()).toEqual(["q1", "better a1"]);
  await exchange("q3", "a3");
  expect(asked()).toEqual(["q1", "better a1", "q3"]);
  page.edit(page.chat!.messages[0]!.id, "new q1");
  await server.say({ text: "x" }, ...end);
  expect(texts()).toEqual(["new q1", "x"]);
  expect(page.chat!.title).toBe("new q1");
});

test.each(["unreachable", "cut", "context", "template", "busy", "refused", "broken"] as FailureKind[])(
  "%s: what arrived is kept, the failure is said, the next question goes on",
  async (kind) => {
    page.send("q1");
    await server.say({ text: "part" }, kind);
    expect(last()).toMatchObject({ text: "part", ending: "failed", failure: { kind, detail: "why" } });
    await exchange("q2", "a2");
    expect(asked()).toEqual(["q1", "part", "q2"]);
  },
);

test("a finish for length is told from a finish", async () => {
  page.send("q");
  await server.say({ text: "a" }, { finish: "length" }, end[1]!);
  expect(last().ending).toBe("length");
});

test("a key is asked for, and then the question is asked again", async () => {
  page.send("q");
  server.failing = "key";
  await server.say("key");
  expect(page.state.connection).toBe("locked");
  await page.useKey(" wrong ");
  expect(page.state).toMatchObject({ connection: "locked", keyRefused: true });
  server.failing = null;
  await page.useKey("right");
  await server.say({ text: "a" }, ...end);
  expect(page.state.connection).toBe("ready");
  expect(texts()).toEqual(["q", "a"]);
  expect(sessionStorage.getItem("autark.key")).toBe("right");
});

test("settings and the system prompt are sent and survive a reload", async () => {
  page.setSampling({ temperature: 0.5, max_tokens: 10, system: "Be brief." });
  page.pickModel("m2");
  await exchange("q", "a");
  expect(server.requests[0]).toMatchObject({ model: "m2", temperature: 0.5, max_tokens: 10 });
  expect(server.requests[0]).not.toHaveProperty("top_p");
  expect(asked()).toEqual(["Be brief.", "q"]);
  expect(new Console(server, Shelf.ofBrowser()).state.sampling).toEqual(page.state.sampling);
});

test("deleted chats come back with Undo and are gone without", async () => {
  await exchange("one", "a");
  page.newChat();
  await exchange("two", "b");
  const kept = page.state.chats;
  page.deleteAll();
  expect([page.state.chats, Shelf.ofBrowser().chats()]).toEqual([[], []]);
  page.undoDelete();
  expect([page.state.chats, Shelf.ofBrowser().chats()]).toEqual([kept, kept]);
  page.deleteChat(kept[0]!.id);
  page.forgetDeleted();
  page.undoDelete();
  expect(Shelf.ofBrowser().chats()).toEqual([kept[1]]);
});

test("deleting a chat ends the answer it was waiting for", async () => {
  page.send("one");
  await server.say({ text: "a" });
  page.deleteChat(page.state.currentId!);
  await settled();
  expect(page.state.writing).toEqual({});
  expect(Shelf.ofBrowser().chats()).toEqual([]);
});

test("a reload in the midst of an answer keeps what arrived", async () => {
  page.send("one");
  await server.say({ text: "half" });
  page.saveWriting();
  const again = new Console(server, Shelf.ofBrowser());
  expect(again.state.chats[0]!.messages[1]).toMatchObject({ text: "half", ending: "stopped" });
});

test("what another tab wrote appears, what is being written here stays", async () => {
  page.send("one");
  await server.say({ text: "half" });
  Shelf.ofBrowser().saveChat({ id: "other", title: "from there", changed: Date.now() + 1, messages: [] });
  page.reload();
  expect(page.state.chats.map((chat) => chat.title)).toEqual(["from there", "one"]);
  expect(texts()).toEqual(["one", "half"]);
});

test("the server is watched until nobody looks, and its requests can be ended", async () => {
  const counts = { prompt_tokens: 1, cached_tokens: 0, completion_tokens: 0 };
  server.running = ["a", "b"].map((id) => ({ id, route: "/v1/messages", state: "writing", ms: 5, ...counts }));
  const unwatch = page.watchEngine();
  await settled();
  expect(page.state.engine?.requests.map((r) => r.id)).toEqual(["a", "b"]);
  await page.endRequest("a");
  expect(page.state.engine?.requests.map((r) => r.id)).toEqual(["b"]);
  server.failing = "unreachable";
  await page.endRequest("b");
  expect(page.state.engine).not.toBeNull();
  unwatch();
  expect(page.state.engine).toBeNull();
  await settled();
  expect(page.state.engine).toBeNull();
});

test("a platform is found when the page connects, kept while the server does not say, and asked for again", async () => {
  expect(page.state.platform).toBe(false);
  server.platform = true;
  await page.connect();
  expect(page.state.platform).toBe(true);
  vi.useFakeTimers();
  server.platform = null;
  await page.connect();
  expect(page.state.platform).toBe(true);
  server.platform = false;
  await vi.runOnlyPendingTimersAsync();
  expect(page.state.platform).toBe(false);
  vi.useRealTimers();
});
