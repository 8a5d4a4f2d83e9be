// The wire format: the parts of OpenAI's Chat Completions and of GET /v1/engine (docs/engine-state.md) that this page uses.

export interface WireMessage {
  role: "system" | "user" | "assistant";
  content: string;
}

export interface SamplingFields {
  temperature?: number;
  top_p?: number;
  top_k?: number;
  min_p?: number;
  max_tokens?: number;
  seed?: number;
}

// These make the server continue the last message instead of starting a new one. The names are vLLM's.
export interface ContinueFields {
  continue_final_message?: true;
  add_generation_prompt?: false;
}

export interface ChatRequest extends SamplingFields, ContinueFields {
  model: string;
  messages: WireMessage[];
  stream: true;
  stream_options: { include_usage: true };
  cache_diagnostics: true; // the usage says where the prompt leaves the nearest one
}

// How much of the prompt was reused, and why not more (`usage.prompt_cache`).
export interface PromptCache {
  read: number;
  possible: number;
  tier: string;
  why: string;
  at?: number; // the first token that differs
  part?: string;
  diagnostics?: { prompt: string; entry: string }; // what the prompt and the nearest entry have from there on
}

export interface Usage {
  prompt_tokens: number;
  completion_tokens: number;
  prompt_tokens_details?: { cached_tokens?: number } | null;
  prompt_cache?: PromptCache | null;
}

export interface ErrorBody {
  message?: string;
  type?: string | null;
  code?: string | number | null;
}

// The first piece of a call has its name; the others have further parts of its arguments.
export interface CallPiece {
  index: number;
  function?: { name?: string; arguments?: string };
}

export interface Delta {
  content?: string | null;
  reasoning_content?: string | null;
  tool_calls?: CallPiece[];
}

export interface ChatChunk {
  model?: string;
  choices?: { delta?: Delta; finish_reason?: string | null }[];
  usage?: Usage | null;
  error?: ErrorBody | string;
}

export interface ModelList {
  data: { id: string }[];
}

export type RequestStage = "preparing" | "submitted" | "queued" | "reading" | "writing";

export interface RunningRequest {
  id: string;
  route: string;
  state: RequestStage;
  ms: number;
  prompt_tokens: number;
  cached_tokens: number;
  completion_tokens: number;
  queue?: { position: number; wait_ms: number };
}

export interface EngineState {
  queue: { waiting: number; waited_ms_max: number; rejected: number };
  batch: { running: number; preemptions: number };
  pages: {
    memory: { running: number; kept: number; free: number; total: number };
    ring_copies: { kept: number; total: number };
    disk: { entries: number; bytes: number; bytes_max: number };
  };
  cache: { hit_ratio: number; tokens: Record<string, Record<string, number>> };
  speculation: {
    drafted: number;
    acceptance: number;
    drafters: Record<string, { drafted: number; acceptance: number }>;
  };
  tokens: { prompt: number; generated: number };
  steps: { count: number; last_ms: number; seconds: { bounds: number[]; counts: number[] } };
  requests: RunningRequest[];
}
