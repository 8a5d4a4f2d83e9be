// One conversation model under every wire dialect. A dialect decodes its request into api::Request and
// encodes api::Event into its own stream or body (openai_chat, openai_completions, anthropic); what is served
// never sees a wire word, and a dialect never sees an engine.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>
#include "base/json.h"
#include "base/result.h"
#include "base/sampled.h"

namespace autark::api {

enum class Role : uint8_t { system, developer, user, assistant };

struct Text {
  std::string text;
};
struct Reasoning {  // of an assistant's turn, played back by the client
  std::string text;
};
struct ToolCall {  // of an assistant's turn
  std::string id, name;
  std::string arguments;  // JSON text, as the client sent it
};
struct ToolResult {  // in a user's turn: what came of a call
  std::string call;  // its id
  std::vector<Text> parts;
  bool error = false;
};
// Images: a further alternative, added with the models that take them.
using Part = std::variant<Text, Reasoning, ToolCall, ToolResult>;

struct Item {
  Role role = Role::user;
  std::vector<Part> parts;
  // What the model wrote in this turn of the assistant's, where the server knows; never a client's word.
  std::optional<Sampled> sampled = {};
};

struct Tool {
  std::string name;
  Json function;  // {"name", "description", "parameters", …} in the order in which the client wrote them
};

struct ToolChoice {
  enum class Mode : uint8_t { automatic, none, required, named } mode = Mode::automatic;
  std::string name;  // named: the tool
};

struct Sampling {  // empty: the model's or the engine's default
  std::optional<double> temperature, top_p, min_p, repetition_penalty, frequency_penalty, presence_penalty;
  std::optional<int64_t> top_k;
  std::optional<uint64_t> seed;
  std::map<int32_t, float> logit_bias;
};

struct Request {
  std::string model;
  // One of the two: a conversation, or prompts to be continued as they are (text or token ids).
  std::vector<Item> items;
  std::vector<std::variant<std::string, std::vector<int32_t>>> prompts;
  bool add_special = true;     // prompts of text: what the tokenizer's post-processor adds, such as <bos>
  bool parse_special = false;  // prompts of text: spelled special tokens become tokens
  Json template_kwargs = Json::object();  // chat_template_kwargs, continue_final_message …
  std::vector<Tool> tools;
  ToolChoice tool_choice;
  bool parallel_calls = true;              // false: an answer ends with its first call
  std::optional<bool> thinking;            // empty: the server's or the template's default
  std::optional<int64_t> thinking_budget;  // tokens; read, not enforced
  std::string effort;                      // "low", "high" …; empty: the server's or the template's default
  Sampling sampling;
  std::optional<int64_t> max_tokens;
  int64_t min_tokens = 0;
  int n = 1;  // choices for each prompt
  std::vector<std::string> stop;
  std::vector<int32_t> stop_tokens;
  bool include_stop = false, ignore_end = false, skip_special = true;
  bool echo = false;  // completions: the prompt comes back in front
  int logprobs = -1;  // −1: none; n: the chosen token's and the n best
  bool stream = false, include_usage = false;
  std::string user;                  // isolation label
  std::vector<std::string> ignored;  // request fields nobody here knows; counted, logged once
};

enum class Finish : uint8_t { stop, stop_sequence, tool_calls, length, context, cancelled };

struct Alternative {
  std::string token;  // its text, possibly with U+FFFD
  std::string bytes;  // its own bytes
  double logprob = 0;
};
struct TokenLogprob : Alternative {
  std::vector<Alternative> top;
  bool scored = true;  // false: the first token of a prompt, of which no probability is known
  size_t text_at = 0;  // where in its Delta's text it begins, in bytes
};

struct Usage {
  int64_t prompt_tokens = 0, cached_tokens = 0, completion_tokens = 0;
  int64_t reasoning_tokens = 0;  // of the completion's: up to the last that gave reasoning
};

struct Fault {  // what a request died of; each dialect has its own body and status for it
  enum class Kind : uint8_t {
    invalid,         // 400
    unsupported,     // 400: known field, not built
    context_length,  // 400
    authentication,  // 401
    not_found,       // 404
    method,          // 405
    too_large,       // 413
    overloaded,      // 429 (OpenAI), 529 (Anthropic)
    internal,        // 500
    unavailable,     // 503
    slow_client,     // 408: the request did not arrive in time
    timeout          // 504
  } kind = Kind::invalid;
  std::string message;
  std::string param;              // the field at fault, "messages[2].content"; may be empty
  std::string code;               // "model_not_found" …; empty: what the dialect says for this kind
  int64_t tokens = 0, limit = 0;  // context_length: of the prompt, and what the model takes
};

template <class T>
using Outcome = std::variant<T, Fault>;

// What a backend says of one choice, in order: started; deltas, reasoning and calls as the model writes them;
// finished. Calls are numbered from 0 and never overlap; one without its end was cut. A fault ends the whole
// request.
struct Event {
  int choice = 0;
  struct Started {
    int64_t prompt_tokens = 0;
  };
  struct Delta {
    std::string text;                    // content
    std::vector<TokenLogprob> logprobs;  // of the tokens this text, or what follows it, came from
    bool prompt = false;                 // echoed prompt, not an answer
  };
  struct Reasoned {
    std::string text;
  };
  struct CallBegun {
    int call = 0;
    std::string id, name;  // id: letters and digits; a dialect puts its prefix before them
  };
  struct CallArguments {
    int call = 0;
    std::string text;  // joined: a JSON object, or what the model wrote where that is none
  };
  struct CallEnded {
    int call = 0;
  };
  struct Finished {
    Finish why = Finish::stop;
    std::string stop_sequence;
  };
  using What = std::variant<Started, Delta, Reasoned, CallBegun, CallArguments, CallEnded, Finished, Fault>;
  What what;
  Usage usage;  // of this choice so far
};

}  // namespace autark::api
