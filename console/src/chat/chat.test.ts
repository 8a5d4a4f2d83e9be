// Goal: chats change as the user intends, and the model gets a conversation that its template accepts.
// Method: examples of each function; a property over random chats for toWire (seed printed on failure).
import { expect, test } from "vitest";
import { append, before, change, listen, titleOf, tokensPerSecond, toWire, type Chat, type Message } from "./chat";

const message = (id: string, role: Message["role"], text: string): Message => ({ id, role, text });
const chat: Chat = {
  id: "c",
  title: "t",
  changed: 1,
  messages: [message("1", "user", "q1"), message("2", "assistant", "a1"), message("3", "user", "q2")],
};

test("append, change and before leave the chat they are given alone", () => {
  const copy = structuredClone(chat);
  expect(append(chat, message("4", "assistant", "a2")).messages.map((m) => m.id)).toEqual(["1", "2", "3", "4"]);
  expect(change(chat, "2", { text: "new" }).messages[1]).toEqual(message("2", "assistant", "new"));
  expect(before(chat, "3").messages.map((m) => m.id)).toEqual(["1", "2"]);
  expect(before(chat, "1").messages).toEqual([]);
  expect(before(chat, "none")).toEqual(chat);
  expect(chat).toEqual(copy);
});

test("an answer's pieces add up", () => {
  const said = [
    { reasoning: "H" },
    { reasoning: "m" },
    { text: "Look" },
    { text: ":" },
    { call: { index: 0, function: { name: "f", arguments: "" } } },
    { call: { index: 0, function: { arguments: '{"a"' } } },
    { call: { index: 0, function: { arguments: ":1}" } } },
    { call: { index: 1, function: { name: "g", arguments: "{}" } } },
  ].reduce(listen, { text: "" });
  expect(said).toEqual({
    text: "Look:",
    reasoning: "Hm",
    calls: [
      { name: "f", arguments: '{"a":1}' },
      { name: "g", arguments: "{}" },
    ],
  });
  expect(listen(said, { finish: "stop" })).toBe(said);
});

test("a system prompt comes first, a blank one not at all", () => {
  expect(toWire(chat.messages, "Be brief.")[0]).toEqual({ role: "system", content: "Be brief." });
  expect(toWire(chat.messages, " \n")[0]).toEqual({ role: "user", content: "q1" });
});

test("whatever failed in between, the roles alternate and no text is lost", () => {
  const seed = Date.now();
  let state = seed;
  const random = (n: number) => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return Math.floor((state / 2147483648) * n);
  };
  for (let round = 0; round < 200; ++round) {
    const messages = Array.from({ length: random(9) }, (_, i) =>
      message(`${i}`, random(2) ? "user" : "assistant", random(3) ? `text ${i}` : ""),
    );
    const wire = toWire(messages, "");
    wire.forEach((m, i) => expect(m.role, `seed ${seed}`).not.toBe(wire[i - 1]?.role));
    const texts = messages.map((m) => m.text).filter((text) => text !== "");
    expect(wire.map((m) => m.content).join("\n\n"), `seed ${seed}`).toBe(texts.join("\n\n"));
  }
});

test("titles are one short line and never half a character", () => {
  expect(titleOf("  Hello \t world\nsecond line")).toBe("Hello world");
  expect(titleOf("😀".repeat(60))).toBe("😀".repeat(47) + "…");
});

test("the first token does not count towards the rate", () => {
  const stats = { promptTokens: 9, cachedTokens: 0, answerTokens: 21, waitSeconds: 1, writeSeconds: 2 };
  expect(tokensPerSecond(stats)).toBe(10);
  expect(tokensPerSecond({ ...stats, answerTokens: 1 })).toBeNull();
  expect(tokensPerSecond({ ...stats, writeSeconds: 0 })).toBeNull();
});
