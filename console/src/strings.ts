// All texts that the chat and the frame of the page show. Another language is another object of this shape, loaded when
// it is chosen; the platform's pages have their own (platform/texts.ts).
import type { Language } from "./language";
import type { FailureKind } from "./server/server";
import type { SamplingNumber } from "./chat/sampling";

const count = new Intl.NumberFormat("en");
const oneDigit = new Intl.NumberFormat("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 });

// The words of `x-autark-cache`.
const tiers: Record<string, string> = { none: "computed", memory: "from memory", disk: "from disk" };
const reasons: Record<string, string> = {
  complete: "all that could be reused",
  differs: "the text differs from there on",
  expired: "expired",
  evicted: "made room for others",
  never_stored: "nothing was stored",
  other_model: "stored by another model",
};

const english = {
  product: "autark",
  newChat: "New chat",
  chats: "Chats",
  noChats: "Nothing here yet. Chats are kept in this browser only.",
  deleteChat: (title: string) => `Delete “${title}”`,
  deleteAll: "Delete all chats",
  chatDeleted: "Chat deleted.",
  allDeleted: "All chats deleted.",
  undo: "Undo",
  openMenu: "Show chats",
  closeMenu: "Hide chats",
  openSettings: "Settings",
  closeSettings: "Close settings",
  openServer: "Server",
  closeServer: "Close server",
  server: "Server",
  serverUnknown: "The server has not said what it does.",
  serverNumbers: {
    running: "Running",
    waiting: "Waiting",
    longest: "Longest wait",
    rejected: "Refused, queue full",
    preemptions: "Had to wait again",
    memory: "Memory for state",
    reused: "Prompt tokens reused",
    step: "Last step",
    steps: "Nine of ten steps",
    tokens: "Tokens read and written",
  },
  percent: (ratio: number) => `${count.format(Math.round(ratio * 100))} %`,
  seconds: (ms: number) => `${oneDigit.format(ms / 1000)} s`,
  milliseconds: (ms: number) => `${oneDigit.format(ms)} ms`,
  atMost: (ms: number) => `at most ${count.format(ms)} ms`,
  number: (n: number) => count.format(n),
  gigabytes: (a: number, b: number) => `${oneDigit.format(a / 1e9)} of ${oneDigit.format(b / 1e9)} GB`,
  pages: "Pages of state",
  pageNames: {
    running: "In use",
    kept: "Kept for later",
    free: "Free",
    copies: "Copies of windows, and the most",
    entries: "Files on the disk",
    disk: "Disk used",
  },
  twoCounts: (a: number, b: number) => `${count.format(a)} / ${count.format(b)}`,
  reuse: "Prompt tokens: where from, and why not more",
  tierAndWhy: (tier: string, why: string) => `${tiers[tier] ?? tier}: ${reasons[why] ?? why}`,
  tokenCount: (n: number) => count.format(n),
  drafters: "Drafts accepted",
  acceptedOf: (ratio: number, drafted: number) =>
    `${count.format(Math.round(ratio * 100))} % of ${count.format(drafted)}`,
  requests: "Requests",
  noRequests: "No request is running.",
  stages: {
    preparing: "is prepared",
    submitted: "is prepared",
    queued: "waits",
    reading: "reads its prompt",
    writing: "writes",
  },
  place: (position: number, waitMs: number) =>
    `place ${count.format(position)}, about ${oneDigit.format(waitMs / 1000)} s`,
  endRequest: (id: string) => `End request ${id}`,
  skipToInput: "Skip to the message box",
  theme: { auto: "Theme: as the system", light: "Theme: light", dark: "Theme: dark" },
  otherLanguage: "中文",
  platform: "Usage and keys",
  loadingPages: "Loading the page…",
  pagesFailed: "The page could not be loaded. Is “autark serve” running?",

  model: "Model",
  connecting: "Connecting…",
  down: "The server does not answer. Is “autark serve” running? Trying again on its own.",
  loading: "The model is being loaded. This page goes on as soon as it is ready.",
  retryNow: "Try now",
  noModel: "The server lists no model.",

  keyTitle: "This server asks for an API key",
  keyHint: "It is the key given to “autark serve --api-key”. It is kept until this tab is closed.",
  platformKeyHint: "It is a key of your workspace. It is kept until this tab is closed.",
  getKey: "Sign in to create one",
  keyWrong: "The server did not accept this key.",
  keyLabel: "API key",
  keySubmit: "Use this key",

  emptyTitle: "What shall we work on?",
  emptyHint: (model: string) => `${model} answers from this server. Nothing you write is sent anywhere else.`,
  suggestions: [
    {
      title: "Write a function",
      prompt: "Write a Python function that merges two sorted lists, with a short explanation.",
    },
    { title: "Explain a concept", prompt: "Explain the difference between a process and a thread in a few sentences." },
    {
      title: "Draft a message",
      prompt: "Draft a short, friendly e-mail that moves a meeting from Tuesday to Thursday.",
    },
  ],

  inputLabel: "Message",
  inputHint: "Write a message",
  send: "Send",
  stop: "Stop",
  aiNotice: "Answers are AI-generated and can be wrong.",
  conversation: "Conversation",
  toLatest: "To the latest message",

  you: "You",
  ai: "AI-generated",
  copiedAnswer: (text: string, model: string) => `${text}\n\n(AI-generated by ${model})`,
  copy: "Copy",
  copied: "Copied",
  copyFailed: "Copying failed",
  edit: "Edit",
  editLabel: "Edit message",
  editLosesLater: "What comes after this message will be removed.",
  save: "Save",
  saveAndSend: "Send",
  cancel: "Cancel",
  regenerate: "Regenerate",
  continue: "Continue writing",
  plainCode: "text",

  reasoning: "Reasoning",
  reasons: "Thinking…",
  calls: (name: string) => `Calls ${name}`,
  waiting: (seconds: number) =>
    seconds < 2 ? "Reading the prompt…" : `Reading the prompt… ${count.format(seconds)} s`,
  answering: "The answer is being written.",
  answered: "The answer is complete.",
  answerFailed: "The answer failed.",
  rate: (tokensPerSecond: number) => `${oneDigit.format(tokensPerSecond)} tokens/s`,
  liveRate: (tokensPerSecond: number) => `≈ ${oneDigit.format(tokensPerSecond)} tokens/s`,
  answerTokens: (n: number) => (n === 1 ? "1 token" : `${count.format(n)} tokens`),
  promptTokens: (n: number, cached: number) =>
    cached > 0
      ? `${count.format(n)} in the prompt (${count.format(cached)} cached)`
      : `${count.format(n)} in the prompt`,
  firstAfter: (seconds: number) => `first after ${oneDigit.format(seconds)} s`,
  reusedOf: (read: number, possible: number, why: string) =>
    `${count.format(read)} of ${count.format(possible)} prompt tokens reused: ${reasons[why] ?? why}`,
  leavesAt: (token: number, part: string) => `From token ${count.format(token)} on${part && ` (${part})`}`,
  thisPrompt: "This prompt",
  nearestPrompt: "The nearest earlier one",
  empty: "The model ended its answer without writing anything.",
  stopped: "Stopped.",
  length:
    "Cut here: the limit of tokens was reached. Raise “Max tokens” in the settings, or start a new chat when the context is full.",
  storageFull:
    "This browser’s storage is full or blocked: the chat will be lost when the page closes. Delete old chats to make room.",

  failures: {
    unreachable: "The server does not answer. Is “autark serve” running?",
    cut: "The connection broke before the answer was complete. What arrived is kept.",
    key: "The server asks for an API key.",
    context: "This chat no longer fits into the model’s context. Start a new chat, or edit an earlier message.",
    template:
      "This model has no chat template, so it cannot chat. Serve an instruction-tuned model, or use /v1/completions.",
    busy: "The server is busy. Try again in a moment.",
    refused: "The server refused the request.",
    broken: "The server failed.",
  } satisfies Record<FailureKind, string>,

  settings: "Settings",
  settingsHint: "Empty fields leave the choice to the model.",
  systemPrompt: "System prompt",
  systemHint: "How the model should behave, for every chat",
  unset: "default",
  sampling: {
    temperature: { label: "Temperature", hint: "0 always takes the likeliest token; higher is more varied." },
    top_p: { label: "Top p", hint: "Only the likeliest tokens that together reach this probability." },
    top_k: { label: "Top k", hint: "Only this many of the likeliest tokens." },
    min_p: { label: "Min p", hint: "Only tokens at least this fraction as likely as the best." },
    max_tokens: { label: "Max tokens", hint: "The longest answer." },
    seed: { label: "Seed", hint: "The same seed and settings give the same answer." },
  } satisfies Record<SamplingNumber, { label: string; hint: string }>,
  invalid: (least: number, most: number, whole: boolean) =>
    `${whole ? "A whole number" : "A number"} from ${count.format(least)} to ${count.format(most)}.`,
  reset: "Reset to defaults",
  keyboard: "Keyboard",
  shortcuts: [
    ["Enter", "send"],
    ["Shift + Enter", "new line"],
    ["Esc", "stop, or close a panel"],
    ["↑ in an empty box", "edit the last message"],
    ["Alt + N", "new chat"],
    ["/", "go to the message box"],
  ],
};

export type Strings = typeof english;

// Those of the language that speak() chose last.
export let strings: Strings = english;

// Changes `strings`; the caller draws the page anew. If the texts cannot be loaded, the language stays as it is.
export async function speak(language: Language): Promise<boolean> {
  try {
    strings = language === "zh" ? (await import("./strings_zh")).chinese : english;
  } catch {
    return false;
  }
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  return true;
}
