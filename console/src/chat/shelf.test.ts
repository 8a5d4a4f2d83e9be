// Goal: stored chats and settings are restored; storage that is full, forbidden or has invalid contents does no harm.
// Method: a Storage in memory with a switch for each way to fail.
// @vitest-environment jsdom
import { beforeEach, expect, test, vi } from "vitest";
import type { Chat } from "./chat";
import { Shelf } from "./shelf";

const chatOf = (id: string, changed: number): Chat => ({
  id,
  title: `title ${id}`,
  changed,
  messages: [{ id: "m", role: "user", text: "hello" }],
});

beforeEach(() => {
  localStorage.clear();
  sessionStorage.clear();
  vi.restoreAllMocks();
});

test("chats come back, the latest first; each is deleted alone", () => {
  const shelf = Shelf.ofBrowser();
  for (const chat of [chatOf("a", 1), chatOf("b", 3), chatOf("c", 2)]) expect(shelf.saveChat(chat)).toBe(true);
  expect(shelf.chats()).toEqual([chatOf("b", 3), chatOf("c", 2), chatOf("a", 1)]);
  shelf.deleteChat("b");
  expect(shelf.chats().map((chat) => chat.id)).toEqual(["c", "a"]);
});

test("the key never reaches localStorage", () => {
  const shelf = Shelf.ofBrowser();
  shelf.saveKey("secret");
  expect(shelf.key()).toBe("secret");
  expect(JSON.stringify({ ...localStorage })).not.toContain("secret");
});

test("an answer that was being written when the page closed is an ended one", () => {
  const shelf = Shelf.ofBrowser();
  const messages: Chat["messages"] = [{ id: "m", role: "assistant", text: "half" }];
  shelf.saveChat({ ...chatOf("a", 1), messages });
  expect(shelf.chats()[0]!.messages[0]!.ending).toBe("stopped");
});

test("nonsense is passed over", () => {
  localStorage.setItem("autark.chat.1", "{");
  localStorage.setItem("autark.chat.2", "null");
  localStorage.setItem("autark.chat.3", '{"id":3}');
  localStorage.setItem("autark.chat.4", '{"id":"4","title":"t","messages":[null,{"id":"m","role":"root","text":"x"}]}');
  localStorage.setItem("autark.theme", '"pink"');
  const shelf = Shelf.ofBrowser();
  expect(shelf.chats()).toEqual([{ id: "4", title: "t", changed: 0, messages: [] }]);
  expect(shelf.theme()).toBe("auto");
});

test("full or forbidden storage is reported, not thrown", () => {
  vi.spyOn(Storage.prototype, "setItem").mockImplementation(() => {
    throw new DOMException("full", "QuotaExceededError");
  });
  expect(Shelf.ofBrowser().saveChat(chatOf("a", 1))).toBe(false);
  const none = new Shelf(null, null);
  expect(none.saveChat(chatOf("a", 1))).toBe(false);
  expect([none.chats(), none.key(), none.theme()]).toEqual([[], "", "auto"]);
});
