// Backend: the interface of what answers an api::Request. serve/ implements it with an engine in this
// process, tests with a script. Another implementation could forward requests to a server over HTTP.
// All functions may be called from any thread.
#pragma once
#include <concepts>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>
#include "api/item.h"

namespace autark::api {

// One line of GET /v1/models.
struct ModelEntry {
  std::string id, display_name;
  int64_t created = 0;        // seconds since 1970
  int64_t context = 0;        // tokens of prompt and answer together
  bool chat = true;           // false: the model has no chat template and takes completions only
  bool thinks = false;        // its template can turn thinking on and off
  std::string alias_of = {};  // another name of the model with this id; empty: its own entry
};

// The sizes of a request that are known before it is computed.
struct Extent {
  int64_t prompt_tokens = 0;  // of all prompts, each counted once
  int64_t answer_max = 0;     // tokens of all choices together, by max_tokens and by the context
};

// Where a request stands that waits for the model.
struct QueuePlace {
  int position = 1;     // 1: the next to start
  int64_t wait_ms = 0;  // that it is expected to wait
};

class Backend {
 public:
  // Called on the backend's thread, for one request never twice at the same time; must not block.
  using Sink = std::function<void(Event)>;
  // What can be done with a submitted request. Both may be empty, and may be called on any thread, any number of times.
  struct Handle {
    Handle() = default;
    template <std::invocable F>
    Handle(F f) : cancel(std::move(f)) {}
    std::function<void()> cancel;
    std::function<std::optional<QueuePlace>()> place;  // unset once the request runs
  };

  virtual ~Backend() = default;
  // The models that requests may name.
  virtual std::vector<ModelEntry> models() const = 0;
  // A text that changes whenever answers may change: with the program, the model, the chip or the rounding.
  // Empty if it is not known.
  virtual std::string fingerprint() const;
  // Set once the backend can no longer answer any request and the process must be restarted.
  virtual std::optional<ApiError> fault() const;
  // Checks, renders and tokenises a request on the calling thread; submit() does not do it again. Sets
  // Request::prepared, and may change what a rendering leaves out. The fault is the one that submit() would tell.
  virtual ApiResult<Extent> prepare(Request& request) const;
  // Renders and tokenises on the calling thread, then returns without waiting for the answer. Never throws.
  // If the request is refused, the sink receives an ApiError, possibly before this function returns.
  //
  // A request with P prompts and n choices each has P·n choices; choice p·n + j is the j-th one of prompt p.
  // Every choice sends Started before any choice sends a delta.
  //
  // The sink is not called again once all choices are finished, after a fault, or after the cancellation that
  // it receives as Finish::cancelled.
  virtual Handle submit(Request request, Sink sink) = 0;
  // Frees what is kept of earlier requests' computation, and waits until that is done. Answers do not change, only
  // their speed.
  virtual void clear_cache();
  // What GET /v1/engine shows of the backend (docs/engine-state.md).
  virtual Json state() const;
  // The number of tokens of the rendered conversation, computed on the calling thread.
  virtual ApiResult<int64_t> count_tokens(const Request& request) const = 0;
  // The tokens of the conversation, or of the prompts, one after the other.
  virtual ApiResult<std::vector<int32_t>> tokenize(const Request&) const;
  // The text of tokens, special ones included.
  virtual ApiResult<std::string> detokenize(std::span<const int32_t>) const;
  // Special tokens by name ("eos_token"), "chat_template" and other facts of the tokenizer.
  virtual ApiResult<Json> tokenizer_info() const;
  // What is served and by what, for people: names and values.
  virtual Json about() const;
};

}  // namespace autark::api
