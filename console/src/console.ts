// The page's state and all actions of the user. The views only show `state` and call these methods. A state is
// immutable: actions replace it. In each chat at most one answer is written at a time.
import {
  append,
  before,
  canContinue,
  change,
  listen,
  newId,
  titleOf,
  toWire,
  type Chat,
  type Ending,
  type Message,
  type Said,
  type Stats,
} from "./chat/chat";
import { samplingFields, type Sampling } from "./chat/sampling";
import type { Shelf, Theme } from "./chat/shelf";
import type { Language } from "./language";
import { ServerError, type Failure, type Server } from "./server/server";
import type { ChatRequest, ContinueFields, EngineState, Usage } from "./server/wire";
import { speak } from "./strings";

export type Connection = "connecting" | "loading" | "ready" | "down" | "locked";

// An answer that is being written. Times are milliseconds of the page's clock.
export interface Writing {
  messageId: string;
  sentAt: number;
  firstAt: number | null;
  lastAt: number;
  pieces: number; // received so far; about one per token
}

export interface State {
  connection: Connection;
  keyRefused: boolean;
  platform: boolean; // the server has accounts and keys
  models: string[];
  model: string;
  chats: Chat[]; // the most recently changed first
  currentId: string | null; // null: a new chat, which is stored with its first message
  writing: Record<string, Writing>; // by the chat's id
  deleted: Chat[]; // restored by Undo
  sampling: Sampling;
  theme: Theme;
  language: Language;
  storageFailed: boolean;
  engine: EngineState | null; // of the last answer while it is watched; null: none
}

const kShowEveryMs = 33;
const kSaveEveryMs = 2000;
const kWatchEveryMs = 1000;
const kRetryMs = { loading: 500, down: 3000 };

export class Console {
  private current: State;
  private readonly listeners = new Set<() => void>();
  private readonly aborts = new Map<string, AbortController>();
  private retry: ReturnType<typeof setTimeout> | undefined;
  private seeking: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly server: Server,
    private readonly shelf: Shelf,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.current = {
      connection: "connecting",
      keyRefused: false,
      platform: false,
      models: [],
      model: "",
      chats: shelf.chats(),
      currentId: null,
      writing: {},
      deleted: [],
      sampling: shelf.sampling(),
      theme: shelf.theme(),
      language: shelf.language(),
      storageFailed: false,
      engine: null,
    };
  }

  get state(): State {
    return this.current;
  }

  get chat(): Chat | undefined {
    return this.find(this.current.currentId);
  }

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  // Asks for the models. Repeats this while the server cannot be reached or is still loading.
  async connect(): Promise<void> {
    clearTimeout(this.retry);
    await this.seekPlatform();
    try {
      const models = await this.server.models();
      const model = models.includes(this.current.model) ? this.current.model : (models[0] ?? "");
      this.set({ connection: "ready", keyRefused: false, models, model });
    } catch (e) {
      const { kind } = failureIn(e);
      if (kind === "key") {
        this.set({ connection: "locked", keyRefused: this.shelf.key() !== "" });
        return;
      }
      const connection = kind === "busy" ? "loading" : "down";
      this.set({ connection });
      this.retry = setTimeout(() => void this.connect(), kRetryMs[connection]);
    }
  }

  // Sets the key. Answers that a 401 stopped are requested again.
  async useKey(key: string): Promise<void> {
    this.shelf.saveKey(key.trim());
    await this.connect();
    const chat = this.chat;
    const last = chat?.messages[chat.messages.length - 1];
    if (this.current.connection === "ready" && last?.failure?.kind === "key") this.regenerate(last.id);
  }

  // Asks for the engine's state again and again, until the returned function is called.
  watchEngine(): () => void {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let over = false;
    const look = async () => {
      const engine = await this.server.engine().catch(() => null);
      if (over) return;
      this.set({ engine });
      timer = setTimeout(() => void look(), kWatchEveryMs);
    };
    void look();
    return () => {
      over = true;
      clearTimeout(timer);
      this.set({ engine: null });
    };
  }

  // Ends a request of any client of the server.
  async endRequest(id: string): Promise<void> {
    await this.server.endRequest(id).catch(() => undefined);
    const engine = await this.server.engine().catch(() => null);
    if (engine && this.current.engine) this.set({ engine });
  }

  pickModel(model: string): void {
    this.set({ model });
  }

  setSampling(patch: Partial<Sampling>): void {
    const sampling = { ...this.current.sampling, ...patch };
    this.shelf.saveSampling(sampling);
    this.set({ sampling });
  }

  setTheme(theme: Theme): void {
    this.shelf.saveTheme(theme);
    this.set({ theme });
  }

  // The texts change once they are loaded.
  async setLanguage(language: Language): Promise<void> {
    if (!(await speak(language))) return;
    this.shelf.saveLanguage(language);
    this.set({ language });
  }

  newChat(): void {
    this.set({ currentId: null });
  }

  openChat(id: string): void {
    this.set({ currentId: id });
  }

  deleteChat(id: string): void {
    const chat = this.find(id);
    if (chat) this.discard([chat]);
  }

  deleteAll(): void {
    this.discard(this.current.chats);
  }

  undoDelete(): void {
    const chats = [...this.current.deleted, ...this.current.chats].sort((a, b) => b.changed - a.changed);
    for (const chat of this.current.deleted) this.save(chat);
    this.set({ chats, deleted: [] });
  }

  forgetDeleted(): void {
    this.set({ deleted: [] });
  }

  // Another tab has changed the storage. Chats with an answer being written here keep the state of this tab.
  reload(): void {
    const stored = this.shelf
      .chats()
      .map((chat) => (this.current.writing[chat.id] ? (this.find(chat.id) ?? chat) : chat));
    this.set({ chats: stored });
  }

  send(text: string): void {
    const id = this.current.currentId;
    if (!text.trim() || (id !== null && this.current.writing[id])) return;
    const chat = this.find(id) ?? { id: newId(), title: titleOf(text), changed: 0, messages: [] };
    this.answer(append(chat, { id: newId(), role: "user", text }));
  }

  // Replaces answer `id` by a new one and removes the messages after it.
  regenerate(id: string): void {
    const chat = this.chat;
    if (chat && !this.current.writing[chat.id]) this.answer(before(chat, id));
  }

  // Changes the text of a message and removes the messages after it. A message of the user is then answered anew.
  edit(id: string, text: string): void {
    const chat = this.chat;
    const message = chat?.messages.find((m) => m.id === id);
    if (!chat || !message || this.current.writing[chat.id]) return;
    const edited = append(before(chat, id), { ...message, text });
    if (message.role === "user") this.answer(edited);
    else this.keep(change(edited, id, { ending: "edited" }));
  }

  // The model continues the last answer after it was stopped, cut or edited.
  continue(id: string): void {
    const chat = this.chat;
    const last = chat?.messages[chat.messages.length - 1];
    if (!chat || !last || last.id !== id || !canContinue(last) || this.current.writing[chat.id]) return;
    const { ending: _, failure: __, stats: ___, ...open } = last;
    this.begin(append(before(chat, id), open), open, { continue_final_message: true, add_generation_prompt: false });
  }

  stop(): void {
    if (this.current.currentId !== null) this.aborts.get(this.current.currentId)?.abort();
  }

  // Called when the page is closed: stores the text that has arrived.
  saveWriting(): void {
    for (const id of Object.keys(this.current.writing)) {
      const chat = this.find(id);
      if (chat) this.save(chat);
    }
  }

  // A server that was restarted may have got a platform meanwhile, or lost it. Without an answer it is asked again.
  private async seekPlatform(): Promise<void> {
    clearTimeout(this.seeking);
    const platform = await this.server.hasPlatform();
    if (platform === null) this.seeking = setTimeout(() => void this.seekPlatform(), kRetryMs.down);
    else if (platform !== this.current.platform) this.set({ platform });
  }

  private answer(asked: Chat): void {
    const message: Message = { id: newId(), role: "assistant", text: "", model: this.current.model };
    const title = titleOf(asked.messages[0]?.text ?? "") || asked.title;
    this.begin(append({ ...asked, title }, message), message, {});
  }

  // Requests the last message of the chat, continuing the text that it has.
  private begin(chat: Chat, message: Message, how: ContinueFields): void {
    const { model, sampling } = this.current;
    const writing: Writing = { messageId: message.id, sentAt: this.now(), firstAt: null, lastAt: 0, pieces: 0 };
    this.set({ currentId: chat.id, writing: { ...this.current.writing, [chat.id]: writing } });
    this.keep(chat);
    const request: ChatRequest = {
      model,
      messages: toWire(chat.messages, sampling.system),
      stream: true,
      stream_options: { include_usage: true },
      cache_diagnostics: true,
      ...samplingFields(sampling),
      ...how,
    };
    const { text, reasoning, calls } = message;
    const said = { text, ...(reasoning && { reasoning }), ...(calls && { calls }) };
    void this.write(chat.id, writing, said, request);
  }

  private async write(chatId: string, writing: Writing, said: Said, request: ChatRequest): Promise<void> {
    const abort = new AbortController();
    this.aborts.set(chatId, abort);
    let ending: Ending = "done";
    let stats: Stats | undefined;
    let failure: Failure | undefined;
    let shown: ReturnType<typeof setTimeout> | undefined;
    let savedAt = this.now();
    const show = () => {
      shown = undefined;
      this.show(chatId, writing, said);
    };
    try {
      for await (const event of this.server.chat(request, abort.signal)) {
        if ("usage" in event) stats = statsOf(event.usage, writing);
        if ("finish" in event && event.finish === "length") ending = "length";
        const more = listen(said, event);
        if (more === said) continue;
        said = more;
        const now = this.now();
        writing = { ...writing, firstAt: writing.firstAt ?? now, lastAt: now, pieces: writing.pieces + 1 };
        if (writing.pieces === 1) show();
        else shown ??= setTimeout(show, kShowEveryMs);
        if (now - savedAt >= kSaveEveryMs) {
          savedAt = now;
          this.saveWriting();
        }
      }
    } catch (e) {
      ending = abort.signal.aborted ? "stopped" : "failed";
      if (ending === "failed") failure = failureIn(e);
    }
    clearTimeout(shown);
    this.aborts.delete(chatId);
    this.close(chatId, writing, { ...said, ending, ...(stats && { stats }), ...(failure && { failure }) });
  }

  private show(chatId: string, writing: Writing, said: Said): void {
    const chats = this.current.chats.map((c) => (c.id === chatId ? change(c, writing.messageId, said) : c));
    this.set({ chats, writing: { ...this.current.writing, [chatId]: writing } });
  }

  private close(chatId: string, writing: Writing, patch: Partial<Message>): void {
    const { [chatId]: _, ...others } = this.current.writing;
    this.set({ writing: others });
    const chat = this.find(chatId);
    if (chat) this.keep(change(chat, writing.messageId, patch));
    if (patch.failure?.kind === "unreachable" || patch.failure?.kind === "key") void this.connect();
  }

  // Moves the changed chat to the front and saves it.
  private keep(chat: Chat): void {
    const kept = { ...chat, changed: Date.now() };
    this.set({ chats: [kept, ...this.current.chats.filter((c) => c.id !== chat.id)] });
    this.save(kept);
  }

  private save(chat: Chat): void {
    const storageFailed = !this.shelf.saveChat(chat);
    if (storageFailed !== this.current.storageFailed) this.set({ storageFailed });
  }

  private discard(chats: Chat[]): void {
    const ids = new Set(chats.map((chat) => chat.id));
    for (const id of ids) {
      this.aborts.get(id)?.abort();
      this.shelf.deleteChat(id);
    }
    const { currentId } = this.current;
    this.set({
      chats: this.current.chats.filter((chat) => !ids.has(chat.id)),
      deleted: chats.map(ended),
      currentId: currentId !== null && ids.has(currentId) ? null : currentId,
    });
  }

  private find(id: string | null): Chat | undefined {
    return this.current.chats.find((chat) => chat.id === id);
  }

  private set(patch: Partial<State>): void {
    this.current = { ...this.current, ...patch };
    for (const listener of this.listeners) listener();
  }
}

function failureIn(e: unknown): Failure {
  return e instanceof ServerError ? e.failure : { kind: "broken", detail: String(e) };
}

function statsOf(usage: Usage, writing: Writing): Stats {
  const first = writing.firstAt ?? writing.sentAt;
  return {
    promptTokens: usage.prompt_tokens,
    cachedTokens: usage.prompt_tokens_details?.cached_tokens ?? 0,
    ...(usage.prompt_cache && { cache: usage.prompt_cache }),
    answerTokens: usage.completion_tokens,
    waitSeconds: (first - writing.sentAt) / 1000,
    writeSeconds: Math.max(0, writing.lastAt - first) / 1000,
  };
}

function ended(chat: Chat): Chat {
  return {
    ...chat,
    messages: chat.messages.map((m) => (m.role === "assistant" && !m.ending ? { ...m, ending: "stopped" } : m)),
  };
}
