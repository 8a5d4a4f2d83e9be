// The server that this page came from: the list of models, streamed chat and what the server does now. Every failure becomes a ServerError of
// one kind, with the server's own message if it sent one.
import { SseParser } from "./sse";
import type { CallPiece, ChatChunk, ChatRequest, EngineState, ErrorBody, ModelList, Usage } from "./wire";

export type FailureKind =
  | "unreachable" // no answer at all
  | "cut" // the stream ended early
  | "key" // 401, 403
  | "context" // the chat is longer than the model's context
  | "template" // the model cannot chat
  | "busy" // 429, 503
  | "refused" // any other 4xx
  | "broken"; // 5xx, or an answer that cannot be parsed

export interface Failure {
  kind: FailureKind;
  detail: string; // the server's own message; may be empty
}

export class ServerError extends Error {
  constructor(readonly failure: Failure) {
    super(failure.detail || failure.kind);
  }
}

export type ChatEvent =
  | { text: string }
  | { reasoning: string }
  | { call: CallPiece }
  | { finish: string }
  | { usage: Usage };

export interface Server {
  models(): Promise<string[]>;
  // Ends after the last event; throws ServerError, or AbortError once `signal` is aborted.
  chat(request: ChatRequest, signal: AbortSignal): AsyncGenerator<ChatEvent>;
  engine(): Promise<EngineState>;
  // Whether the server has accounts and keys, and so the routes of /admin; null: it does not answer.
  hasPlatform(): Promise<boolean | null>;
  // Ends a request of any client. A request that is over already is no failure.
  endRequest(id: string): Promise<void>;
}

export class HttpServer implements Server {
  constructor(private readonly key: () => string) {}

  async models(): Promise<string[]> {
    const list = await this.json<ModelList>("v1/models");
    if (!Array.isArray(list.data)) throw new ServerError({ kind: "broken", detail: "" });
    return list.data.map((model) => model.id);
  }

  engine(): Promise<EngineState> {
    return this.json<EngineState>("v1/engine");
  }

  async hasPlatform(): Promise<boolean | null> {
    const response = await fetch("admin/v1/me", { cache: "no-store" }).catch(() => null);
    return response && response.status < 500 ? response.ok || response.status === 401 || response.status === 403 : null;
  }

  async endRequest(id: string): Promise<void> {
    try {
      await this.fetch(`v1/engine/requests/${encodeURIComponent(id)}/cancel`, { method: "POST" });
    } catch (e) {
      if (!(e instanceof ServerError && e.failure.kind === "refused")) throw e;
    }
  }

  private async json<T>(path: string): Promise<T> {
    const response = await this.fetch(path, {});
    try {
      return (await response.json()) as T;
    } catch {
      throw new ServerError({ kind: "broken", detail: "" });
    }
  }

  async *chat(request: ChatRequest, signal: AbortSignal): AsyncGenerator<ChatEvent> {
    const response = await this.fetch("v1/chat/completions", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(request),
      signal,
    });
    if (!response.body) throw new ServerError({ kind: "broken", detail: "" });
    yield* chatEvents(response.body, signal);
  }

  private async fetch(path: string, init: RequestInit): Promise<Response> {
    const headers = new Headers(init.headers);
    if (this.key()) headers.set("authorization", `Bearer ${this.key()}`);
    let response: Response;
    try {
      response = await fetch(path, { ...init, headers, cache: "no-store" });
    } catch (e) {
      if (init.signal?.aborted) throw e;
      throw new ServerError({ kind: "unreachable", detail: "" });
    }
    if (!response.ok) throw new ServerError(failureOf(response.status, await response.text().catch(() => "")));
    return response;
  }
}

// An answer is complete once it has a finish reason. A body that stops before that was cut.
export async function* chatEvents(body: ReadableStream<Uint8Array>, signal: AbortSignal): AsyncGenerator<ChatEvent> {
  const reader = body.getReader();
  const parser = new SseParser();
  let finished = false;
  try {
    for (;;) {
      const { done, value } = await reader.read().catch((e: unknown) => {
        if (signal.aborted) throw e;
        throw new ServerError({ kind: "cut", detail: "" });
      });
      if (done) break;
      for (const { data } of parser.push(value)) {
        if (data === "[DONE]") return;
        for (const event of eventsOf(data)) {
          if ("finish" in event) finished = true;
          yield event;
        }
      }
    }
  } finally {
    reader.cancel().catch(() => undefined);
  }
  if (!finished) throw new ServerError({ kind: "cut", detail: "" });
}

function eventsOf(data: string): ChatEvent[] {
  let chunk: ChatChunk;
  try {
    chunk = JSON.parse(data) as ChatChunk;
  } catch {
    throw new ServerError({ kind: "broken", detail: data.slice(0, 200) });
  }
  if (chunk.error) throw new ServerError(failureOf(500, data));
  const events: ChatEvent[] = [];
  const choice = chunk.choices?.[0];
  if (choice?.delta?.reasoning_content) events.push({ reasoning: choice.delta.reasoning_content });
  if (choice?.delta?.content) events.push({ text: choice.delta.content });
  for (const call of choice?.delta?.tool_calls ?? []) events.push({ call });
  if (choice?.finish_reason) events.push({ finish: choice.finish_reason });
  if (chunk.usage) events.push({ usage: chunk.usage });
  return events;
}

export function failureOf(status: number, body: string): Failure {
  const error = errorOf(body);
  const detail = error.message ?? "";
  const code = String(error.code ?? "");
  if (status === 401 || status === 403) return { kind: "key", detail };
  if (code === "context_length_exceeded") return { kind: "context", detail };
  if (status === 400 && /chat template/i.test(detail)) return { kind: "template", detail };
  if (status === 429 || status === 503) return { kind: "busy", detail };
  if (status >= 400 && status < 500) return { kind: "refused", detail: detail || `HTTP ${status}` };
  return { kind: "broken", detail: detail || `HTTP ${status}` };
}

function errorOf(body: string): ErrorBody {
  try {
    const error = (JSON.parse(body) as { error?: ErrorBody | string }).error;
    return typeof error === "string" ? { message: error } : (error ?? {});
  } catch {
    return { message: body.startsWith("<") ? "" : body.slice(0, 300) };
  }
}
