// What goes over the wire: the part of the OpenAI chat-completions dialect that this page speaks.

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

// The last message is an answer to go on with; vLLM's names.
export interface ContinueFields {
  continue_final_message?: true;
  add_generation_prompt?: false;
}

export interface ChatRequest extends SamplingFields, ContinueFields {
  model: string;
  messages: WireMessage[];
  stream: true;
  stream_options: { include_usage: true };
}

export interface Usage {
  prompt_tokens: number;
  completion_tokens: number;
  prompt_tokens_details?: { cached_tokens?: number } | null;
}

export interface ErrorBody {
  message?: string;
  type?: string | null;
  code?: string | number | null;
}

// The first piece of a call has its name, the others more of its arguments.
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
