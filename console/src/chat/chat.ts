// A chat is a list of messages. Everything here is a pure function from one chat to the next.
import type { ChatEvent, Failure } from "../server/server";
import type { WireMessage } from "../server/wire";

export interface Stats {
  promptTokens: number;
  cachedTokens: number;
  answerTokens: number;
  waitSeconds: number; // from sending to the first text
  writeSeconds: number; // from the first text to the last
}

export interface Call {
  name: string;
  arguments: string; // JSON text, as far as it came
}

// What a model has said so far.
export interface Said {
  text: string;
  reasoning?: string;
  calls?: Call[];
}

export type Ending = "done" | "length" | "stopped" | "failed" | "edited";

export interface Message extends Said {
  id: string;
  role: "user" | "assistant";
  // Of answers only. No ending: it is still being written.
  model?: string;
  ending?: Ending;
  stats?: Stats;
  failure?: Failure;
}

export interface Chat {
  id: string;
  title: string;
  changed: number; // milliseconds since 1970
  messages: Message[];
}

// crypto.randomUUID is absent on plain http from another machine; this is not.
export function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
}

export function titleOf(text: string): string {
  const line = text.trim().split("\n", 1)[0]!.trim().replace(/\s+/g, " ");
  const characters = Array.from(line);
  return characters.length > 48 ? characters.slice(0, 47).join("").trimEnd() + "…" : line;
}

export function append(chat: Chat, ...messages: Message[]): Chat {
  return { ...chat, messages: [...chat.messages, ...messages] };
}

export function change(chat: Chat, id: string, patch: Partial<Message>): Chat {
  return { ...chat, messages: chat.messages.map((m) => (m.id === id ? { ...m, ...patch } : m)) };
}

// Everything in front of message `id`; the whole chat when it is not there.
export function before(chat: Chat, id: string): Chat {
  const at = chat.messages.findIndex((m) => m.id === id);
  return at < 0 ? chat : { ...chat, messages: chat.messages.slice(0, at) };
}

// What the model is given. Answers without text are left out, and what then stands side by side with the same
// role is joined, because many chat templates insist that the roles alternate.
export function toWire(messages: Message[], system: string): WireMessage[] {
  const wire: WireMessage[] = [];
  if (system.trim()) wire.push({ role: "system", content: system });
  for (const { role, text } of messages) {
    if (!text) continue;
    const last = wire[wire.length - 1];
    if (last?.role === role) last.content += `\n\n${text}`;
    else wire.push({ role, content: text });
  }
  return wire;
}

// With the next piece of it. Nothing else of an answer changes what was said.
export function listen(said: Said, event: ChatEvent): Said {
  if ("text" in event) return { ...said, text: said.text + event.text };
  if ("reasoning" in event) return { ...said, reasoning: (said.reasoning ?? "") + event.reasoning };
  if (!("call" in event)) return said;
  const { index, function: piece } = event.call;
  const calls = [...(said.calls ?? [])];
  const call = calls[index] ?? { name: "", arguments: "" };
  calls[index] = { name: call.name + (piece?.name ?? ""), arguments: call.arguments + (piece?.arguments ?? "") };
  return { ...said, calls };
}

// An answer that the model may have more to say to.
export function canContinue(message: Message): boolean {
  return (
    message.role === "assistant" && message.text !== "" && message.ending !== undefined && message.ending !== "done"
  );
}

// Tokens per second while writing. The first token marks the start, so it does not count.
export function tokensPerSecond(stats: Stats): number | null {
  return stats.answerTokens > 1 && stats.writeSeconds > 0 ? (stats.answerTokens - 1) / stats.writeSeconds : null;
}
