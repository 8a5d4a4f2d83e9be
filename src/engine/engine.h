// Requests to tokens. An Engine is one loaded model on one chip, its state pages and one thread that runs
//
//   step:  schedule → forward → sample → publish          (step.cc)
//
// over the rows of many requests: prompt chunks and decodes mixed, continuous batching. submit() and
// cancel() are safe from any thread and never wait for a step; sinks are called on the engine thread and
// must not block. A failing request fails alone, with a reason.
//
// A request always brings its whole token prefix; what of it need not be computed again is the engine's
// business. Its tokens do not depend on who else is in the batch, on chunking or on the number of threads.
#pragma once
#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>
#include "base/json.h"
#include "base/result.h"
#include "tensor/rounding.h"
#include "text/chat.h"
#include "text/tokenizer.h"

namespace autark::engine {

struct Options {
  std::string chip = "cpu";
  std::optional<Rounding>
      rounding;                 // empty: the table's row for this architecture and format (rounding_table.h)
  int threads = 0;              // 0: one per physical core
  int64_t context_max = 0;      // tokens of one request, prompt and answer; 0: what the model allows
  int64_t state_bytes_max = 0;  // of all requests' state; 0: half of the memory that is free at start
  int batch_rows_max = 512;     // rows of one step: the size of a prompt chunk
  int running_max = 32;         // requests in a step; more wait
  int waiting_max = 256;        // requests in the queue; more are refused with Code::exhausted
  int drafts = 0;               // tokens that the checkpoint's draft head guesses ahead; 0: it is not loaded
  std::function<void(double done)> progress;  // 0…1 while loading; called on the opening thread
};

struct Sampling {
  float temperature = 1;  // 0: the most likely token
  int top_k = 0;          // 0: off
  float top_p = 1, min_p = 0;
  float repetition_penalty = 1, frequency_penalty = 0, presence_penalty = 0;
  std::map<int32_t, float> logit_bias;
  uint64_t seed = 0;  // same seed, same request: same tokens
};

enum class Finish : uint8_t { stop, stop_string, length, context, cancelled, failed };

struct TokenLogprob {
  int32_t id = 0;
  float logprob = 0;
};
struct Logprobs {  // of one position; log-softmax of the model's own logits, before any sampling setting
  TokenLogprob chosen;
  std::vector<TokenLogprob> top;  // falling
};

struct Request {
  std::vector<int32_t> prompt;  // at least one token
  int64_t max_tokens = -1;      // −1: as many as the context holds; 0: prompt log-probabilities only
  Sampling sampling;
  std::vector<std::string> stop;  // never emitted, also across token borders
  bool include_stop = false;      // … unless asked for
  std::vector<int32_t> stop_tokens;
  bool ignore_end = false;       // end tokens are ordinary (load generators)
  int64_t min_tokens = 0;        // end tokens cannot be chosen before
  int logprobs = -1;             // −1: none; n: the chosen token's and the n best
  bool prompt_logprobs = false;  // of every prompt token after the first, in Event::prompt
  bool skip_special = true;      // special tokens are left out of `text`
};

struct Usage {
  int64_t prompt_tokens = 0, cached_tokens = 0, completion_tokens = 0;
  double queue_seconds = 0, prefill_seconds = 0, decode_seconds = 0;
};

// What a request's sink receives, in order: once `prompt` (if asked for), then tokens, then `finish` last.
struct Event {
  struct Token {
    int32_t id = 0;
    std::string text;  // what may be shown now; empty while a character or a stop string is incomplete
    std::optional<Logprobs> logprobs;
  };
  std::vector<Token> tokens;
  std::vector<Logprobs> prompt;  // entry i: of prompt token i + 1
  std::optional<Finish> finish;  // after it nothing comes
  std::string text_at_end;       // with finish: text that was held back and may be shown after all
  std::string stop_string;       // with Finish::stop_string
  std::optional<Error> error;    // with Finish::failed
  Usage usage;                   // so far
  int64_t prompt_done = 0;       // prompt tokens read so far, for progress
};
using Sink = std::function<void(Event)>;
using RequestId = uint64_t;

struct Stats {  // a snapshot; counters only grow
  int running = 0, waiting = 0;
  int64_t pages_used = 0, pages_total = 0;
  uint64_t steps = 0, prompt_tokens = 0, generation_tokens = 0, rejected = 0;
  uint64_t drafted = 0, drafts_held = 0;     // guesses that were verified, and those that were right
  std::map<std::string, uint64_t> finished;  // by reason
};

struct ModelCard {                                // what was loaded and what serves it
  std::string name, path, architecture, weights;  // weights: "Q4_K 62 %, Q6_K 38 %" …
  int64_t parameters = 0, bytes = 0, context = 0, vocabulary = 0;
  std::string chip, rounding;
  std::vector<std::pair<std::string, std::string>> kernels;
  double load_seconds = 0;
};

class Engine {
 public:
  static Result<std::unique_ptr<Engine>> open(const std::filesystem::path& model,
                                              const Options& options = {});
  virtual ~Engine() = default;  // finishes every request with Finish::cancelled, then stops the thread

  virtual const ModelCard& card() const = 0;
  virtual const text::Tokenizer& tokenizer() const = 0;
  virtual const text::ChatTemplate* chat() const = 0;  // empty: the model has no template
  virtual std::string chat_fault() const = 0;          // why chat() is empty

  // Why it answers nobody any more (Code::io): a file of the model was truncated or rewritten. Those who ran
  // or waited got it as their error, submit() refuses with it, and only opening the model again helps.
  virtual std::optional<Error> fault() const { return {}; }

  // Refused at once: an empty prompt, ids outside the vocabulary, a prompt that leaves no room for one token
  // (Code::invalid), a full queue (Code::exhausted). Otherwise the sink's last event has `finish`.
  virtual Result<RequestId> submit(Request request, Sink sink) = 0;
  // Frees the request's place within one step; its sink then gets Finish::cancelled. Unknown ids: nothing.
  virtual void cancel(RequestId id) = 0;
  virtual Stats stats() const = 0;
};

}  // namespace autark::engine
