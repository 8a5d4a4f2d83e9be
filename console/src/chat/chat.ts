// A chat is a list of messages. All functions here are pure: they return a new chat.
import type { ChatEvent, Failure } from "../server/server";
import type { PromptCache, WireMessage } from "../server/wire";

export interface Stats {
  promptTokens: number;
  cachedTokens: number;
  cache?: PromptCache; // where the server says it
  answerTokens: number;
  waitSeconds: number; // from sending to the first text
  writeSeconds: number; // from the first text to the last
}

export interface Call {
  name: string;
  arguments: string; // JSON text, as far as it has arrived
}

// The answer of a model so far.
export interface Said {
  text: string;
  reasoning?: string;
  calls?: Call[];
}

export type Ending = "done" | "length" | "stopped" | "failed" | "edited";

export interface Message extends Said {
  id: string;
  role: "user" | "assistant";
  // For answers only. Without an ending the answer is still being written.
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

// crypto.randomUUID is missing on plain http from another machine, getRandomValues is not.
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

// The messages before message `id`; the whole chat if there is no such message.
export function before(chat: Chat, id: string): Chat {
  const at = chat.messages.findIndex((m) => m.id === id);
  return at < 0 ? chat : { ...chat, messages: chat.messages.slice(0, at) };
}

// The messages that are sent to the model. Answers without text are left out, and neighbours of the same role are
// joined, because many chat templates require roles to alternate.
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

// The answer with its next piece added. No other event changes the text.
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

// Whether the model can continue the answer.
export function canContinue(message: Message): boolean {
  return (
    message.role === "assistant" && message.text !== "" && message.ending !== undefined && message.ending !== "done"
  );
}

// Tokens per second while writing. The first token marks the start and is not counted.
export function tokensPerSecond(stats: Stats): number | null {
  return stats.answerTokens > 1 && stats.writeSeconds > 0 ? (stats.answerTokens - 1) / stats.writeSeconds : null;
}
