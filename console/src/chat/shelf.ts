// Storage in the browser. Chats and settings are in localStorage, each chat in its own entry, so two tabs do not
// overwrite each other's chats. API keys are kept until their tab is closed (sessionStorage).
// If storage is full, forbidden or has invalid contents, reading returns the default and writing returns false.
import { languageOf, type Language } from "../language";
import { type Call, type Chat, type Message } from "./chat";
import { kDefaultSampling, readSampling, type Sampling } from "./sampling";

export type Theme = "auto" | "light" | "dark";

const kChat = "autark.chat.";
const kSampling = "autark.sampling";
const kTheme = "autark.theme";
const kLanguage = "autark.language";
const kKey = "autark.key";
const kAdminKey = "autark.admin_key";

export class Shelf {
  constructor(
    private readonly local: Storage | null,
    private readonly session: Storage | null,
  ) {}

  static ofBrowser(): Shelf {
    return new Shelf(
      attempt(() => window.localStorage, null),
      attempt(() => window.sessionStorage, null),
    );
  }

  // The most recently changed chat first.
  chats(): Chat[] {
    const chats = this.names()
      .map((name) => readChat(this.read(name)))
      .filter((chat) => chat !== null);
    return chats.sort((a, b) => b.changed - a.changed);
  }

  saveChat(chat: Chat): boolean {
    return this.write(kChat + chat.id, chat);
  }

  deleteChat(id: string): void {
    attempt(() => this.local?.removeItem(kChat + id), undefined);
  }

  sampling(): Sampling {
    const stored = this.read(kSampling);
    return stored === null ? { ...kDefaultSampling } : readSampling(stored);
  }

  saveSampling(sampling: Sampling): void {
    this.write(kSampling, sampling);
  }

  theme(): Theme {
    const theme = this.read(kTheme);
    return theme === "light" || theme === "dark" ? theme : "auto";
  }

  saveTheme(theme: Theme): void {
    this.write(kTheme, theme);
  }

  // The language that was chosen here, or the browser's.
  language(): Language {
    return languageOf(this.read(kLanguage), navigator.languages);
  }

  saveLanguage(language: Language): void {
    this.write(kLanguage, language);
  }

  key(): string {
    return attempt(() => this.session?.getItem(kKey) ?? "", "");
  }

  saveKey(key: string): void {
    attempt(() => this.session?.setItem(kKey, key), undefined);
  }

  // A key with an administrative role; empty: the platform's pages use a session's cookie.
  adminKey(): string {
    return attempt(() => this.session?.getItem(kAdminKey) ?? "", "");
  }

  saveAdminKey(key: string): void {
    attempt(() => this.session?.setItem(kAdminKey, key), undefined);
  }

  // Whether a storage event of another tab means that the list of chats has changed.
  static isChat(name: string | null): boolean {
    return name === null || name.startsWith(kChat);
  }

  private names(): string[] {
    const local = this.local;
    if (!local) return [];
    return attempt(() => Object.keys(local).filter((name) => name.startsWith(kChat)), []);
  }

  private read(name: string): unknown {
    return attempt(() => JSON.parse(this.local?.getItem(name) ?? "null") as unknown, null);
  }

  private write(name: string, value: unknown): boolean {
    return attempt(() => {
      this.local?.setItem(name, JSON.stringify(value));
      return this.local !== null;
    }, false);
  }
}

function attempt<T>(f: () => T, otherwise: T): T {
  try {
    return f();
  } catch {
    return otherwise;
  }
}

function readChat(value: unknown): Chat | null {
  const chat = value as Partial<Chat> | null;
  if (typeof chat?.id !== "string" || typeof chat.title !== "string" || !Array.isArray(chat.messages)) return null;
  const messages = chat.messages.filter(isMessage).map(whole);
  return { id: chat.id, title: chat.title, changed: Number(chat.changed) || 0, messages };
}

function isMessage(m: unknown): m is Message {
  const message = m as Partial<Message> | null;
  return (
    typeof message?.id === "string" &&
    typeof message.text === "string" &&
    (message.role === "user" || message.role === "assistant") &&
    (message.reasoning === undefined || typeof message.reasoning === "string") &&
    (message.calls === undefined || (Array.isArray(message.calls) && message.calls.every(isCall)))
  );
}

function isCall(c: unknown): c is Call {
  const call = c as Partial<Call> | null;
  return typeof call?.name === "string" && typeof call.arguments === "string";
}

// An answer that was being written when the page was closed counts as ended.
function whole(message: Message): Message {
  return message.role === "assistant" && !message.ending ? { ...message, ending: "stopped" } : message;
}
