// The conversation model that all wire dialects share. A dialect (openai_chat, openai_responses, anthropic …)
// decodes its request into api::Request and encodes api::Event into its own stream or body. A backend never
// sees wire names, and a dialect never sees an engine. All types here are plain values.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>
#include "api/prompt_cache.h"
#include "api/structure.h"
#include "base/json.h"
#include "base/result.h"
#include "base/sampled_turn.h"

namespace autark::api {

// Who wrote a turn. Tool results are parts of a user's turn.
enum class Role : uint8_t { system, developer, user, assistant };

struct Text {
  std::string text;  // UTF-8
};
// Reasoning of an earlier assistant turn that the client sends back.
struct Reasoning {
  std::string text;
};
// A tool call of an earlier assistant turn.
struct ToolCall {
  std::string id, name;
  std::string arguments;  // JSON text, as the client sent it
};
// The result of a call; it stands in a user's turn.
struct ToolResult {
  std::string call;  // the call's id
  std::vector<Text> parts;
  bool error = false;  // the client marked the result as an error
};
// The content of a turn. Images are to become a further alternative when a model takes them.
using Part = std::variant<Text, Reasoning, ToolCall, ToolResult>;

// One turn of the conversation.
struct Item {
  Role role = Role::user;
  std::vector<Part> parts;
  // The tokens that the model wrote in this assistant turn. Set by the server from its own records of past
  // answers, never taken from the request.
  std::optional<SampledTurn> sampled = {};
  std::string place = {};  // in the request: "system", "messages[3]"
  // The place of each part, where several places of the request make one turn; empty: all have `place`.
  std::vector<std::string> places = {};
};

// A tool that the model may call; the client runs it.
struct Tool {
  std::string name;
  Json function;  // {"name", "description", "parameters", …}, keys in the client's order
  // Responses only. `custom`: the input is text, which the model writes as {"input": "…"}. `space`: the
  // namespace; `name` is then "SPACE__NAME".
  bool custom = false;
  std::string space = {};
  bool strict = false;  // the arguments must fit "parameters"
};

// Which tools may or must be called.
struct ToolChoice {
  enum class Mode : uint8_t { automatic, none, required, named } mode = Mode::automatic;
  std::string name;  // the tool's, if `mode` is named
};

// Sampling settings. An empty field stands for the model's or the engine's default.
struct Sampling {
  std::optional<double> temperature, top_p, min_p, repetition_penalty, frequency_penalty, presence_penalty;
  std::optional<int64_t> top_k;
  std::optional<uint64_t> seed;
  std::map<int32_t, float> logit_bias;  // token id → value that is added to its logit
};

// What the client asks of the queue: `service_tier`.
enum class Tier : uint8_t { priority, standard, flex };

struct Caller;  // api/caller.h

// What is left of a limit: of `requests` or of `tokens`, for the headers of an answer.
struct Allowance {
  std::string of;
  int64_t limit = 0, remaining = 0;
  double reset_seconds = -1;  // until `remaining` is `limit` again; negative: not known
};

// What a backend computed of a request before it was submitted; see Backend::prepare().
struct Prepared {
  virtual ~Prepared() = default;
};

// A decoded request.
struct Request {
  std::string id, route;  // of the HTTP request: its id in headers and logs, without prefix; its path
  std::shared_ptr<const Caller> caller;  // null: the server has no accounts
  std::string model;                     // empty: the server chooses
  // Exactly one of the two is used: a conversation, or prompts to continue as they are (text or token ids).
  std::vector<Item> items;
  std::vector<std::variant<std::string, std::vector<int32_t>>> prompts;
  // Completions of one text prompt each: the text after the gap that the answer fills.
  std::optional<std::string> suffix;
  std::string prediction;      // what the answer probably repeats; changes its speed only
  bool add_special = true;     // text prompts: add what the tokenizer's post-processor adds, such as <bos>
  bool parse_special = false;  // text prompts: turn spelled-out special tokens into these tokens
  Json template_kwargs = empty_object();  // chat_template_kwargs, continue_final_message …
  std::vector<Tool> tools;
  ToolChoice tool_choice;
  bool parallel_calls = true;              // false: the answer ends after its first call
  std::optional<bool> thinking;            // empty: the server's or the template's default
  std::optional<int64_t> thinking_budget;  // tokens; read, not enforced
  std::string effort;                      // "low", "high" …; empty: the server's or the template's default
  std::optional<Structure> structure;      // the form of the content; empty: free text
  Sampling sampling;
  std::optional<int64_t> max_tokens;  // of one choice; empty: as many as fit into the context
  int64_t min_tokens = 0;             // no end token and no stop before so many tokens
  int n = 1;                          // choices for each prompt
  std::vector<std::string> stop;      // strings that end the answer
  std::vector<int32_t> stop_tokens;   // tokens that end the answer
  // Keep the stop string in the answer; do not stop at the model's end token; leave special tokens out of
  // the text.
  bool include_stop = false, ignore_end = false, skip_special = true;
  bool echo = false;                           // completions: the answer begins with the prompt
  int logprobs = -1;                           // −1: none; n: of the chosen token and of the n best
  bool stream = false, include_usage = false;  // send events as they come; OpenAI: and the usage at the end
  std::string user;          // the client's label for its user; separates replay records and cached state
  int64_t keep_seconds = 0;  // how long the client asks to keep the state of its prompt; 0: not said
  // Places behind which the client expects other texts next time, as Item::place; at most eight.
  std::vector<std::string> cache_marks;
  bool returns = false;            // the client expects to send the beginning of its prompt again
  bool cache_diagnostics = false;  // show where the prompt leaves the nearest entry of its domain
  // Responses: keep the answer; answer before it is computed; send the reasoning encrypted, too.
  bool store = false, background = false, seals_reasoning = false;
  Tier tier = Tier::standard;
  int priority = 0;                         // smaller numbers go first, among requests of one user and tier
  double seconds_max = 0;                   // after which the client no longer waits; 0: not said
  Json repeated;                            // what the dialect's answer needs of the request: fields by name
  std::vector<std::string> ignored;         // unknown fields of the request; counted, each logged once
  std::shared_ptr<Prepared> prepared = {};  // set by Backend::prepare(), for the submit() of the same backend
};

// Why a choice ended: the model's end token, a stop string or stop token, a finished round of calls,
// max_tokens, a full context, or cancellation.
enum class Finish : uint8_t { stop, stop_sequence, tool_calls, length, context, cancelled };

// A token and its log-probability.
struct Alternative {
  std::string token;  // its text; parts of a character are U+FFFD
  std::string bytes;  // its exact bytes
  double logprob = 0;
};
struct TokenLogprob : Alternative {
  std::vector<Alternative> top;  // the most likely tokens at this position, best first
  bool scored = true;            // false: the first token of a prompt, which has no probability
  size_t text_at = 0;            // byte offset of the token in the text of its Delta
};

// Tokens of a request's prediction: those that the answer has, in the same order, and the others. Reasoning does not count.
struct PredictionTokens {
  int64_t accepted = 0, rejected = 0;
};

// Token counts. `cached_tokens` is the part of the prompt that needed no computing.
struct Usage {
  int64_t prompt_tokens = 0, cached_tokens = 0, completion_tokens = 0;
  int64_t reasoning_tokens = 0;             // completion tokens up to the last one that belonged to reasoning
  std::optional<PromptCache> prompt_cache;  // once it is known
  std::optional<PredictionTokens> prediction = {};  // of an answer that ended, if its request had one
};

// Tokens of the prompt whose state is kept because the client asked for it: what could have been read and was not.
inline int64_t stored_tokens(const Usage& u) {
  return u.prompt_cache && u.prompt_cache->wished ? u.prompt_cache->possible - u.prompt_cache->read : 0;
}

// The reason for which a request failed; each dialect has its own status and body for it.
struct ApiError {
  enum class Kind : uint8_t {
    invalid,         // 400
    unsupported,     // 400: a known field or value that this server does not support
    context_length,  // 400
    authentication,  // 401
    forbidden,       // 403: the key may not do this
    not_found,       // 404
    method,          // 405
    conflict,        // 409: another request with this Idempotency-Key
    too_large,       // 413
    overloaded,      // 429 (OpenAI), 529 (Anthropic)
    rate_limited,    // 429: waiting helps
    quota,           // 429 (OpenAI), 402 (Anthropic): a budget or a balance is used up
    internal,        // 500
    unavailable,     // 503
    slow_client,     // 408: the request did not arrive in time
    timeout          // 504
  } kind = Kind::invalid;
  std::string message;            // for the user
  std::string param;              // the field at fault, "messages[2].content"; may be empty
  std::string code;               // "model_not_found" …; empty: the dialect's code for this kind
  int64_t tokens = 0, limit = 0;  // context_length only: tokens of the prompt, tokens the model takes
  double retry_seconds = 0;       // rate_limited only: when to try again; 0: not by waiting
  std::vector<Allowance> allowances = {};  // of the caller's limits
};

template <class T>
using ApiResult = std::variant<T, ApiError>;

// What a backend reports about one choice. The order is: Started; then Delta, Reasoned and the call events as
// the model writes them; then Finished. Calls are numbered from 0 and do not overlap; a call without
// CallEnded was cut. An ApiError ends the whole request.
struct Event {
  int choice = 0;
  // The prompt is tokenised and the choice is accepted.
  struct Started {
    int64_t prompt_tokens = 0;
    std::vector<Allowance> allowances = {};  // of the caller's limits, this request taken off
  };
  // A piece of the content.
  struct Delta {
    std::string text;
    std::vector<TokenLogprob> logprobs;  // of the tokens that gave this text, or begin text still to come
    bool prompt = false;                 // the text is the echoed prompt
  };
  // A piece of the reasoning.
  struct Reasoned {
    std::string text;
  };
  struct CallBegun {
    int call = 0;
    std::string id, name;  // the id has letters and digits; the dialect adds its prefix
  };
  // A piece of a call's arguments. The pieces join to a JSON object, or to the model's own text if it
  // wrote none.
  struct CallArguments {
    int call = 0;
    std::string text;
  };
  struct CallEnded {
    int call = 0;
  };
  struct Finished {
    Finish why = Finish::stop;
    std::string stop_sequence;  // the stop string that was found, if any
  };
  using Payload =
      std::variant<Started, Delta, Reasoned, CallBegun, CallArguments, CallEnded, Finished, ApiError>;
  Payload payload;
  Usage usage;  // of this choice so far
};

}  // namespace autark::api
