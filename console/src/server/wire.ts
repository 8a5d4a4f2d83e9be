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

export interface ChatChunk {
  model?: string;
  choices?: { delta?: { content?: string | null }; finish_reason?: string | null }[];
  usage?: Usage | null;
  error?: ErrorBody | string;
}

export interface ModelList {
  data: { id: string }[];
}
