// Token ids in, token ids and log-probabilities out: an Engine knows no text. It is one loaded model on one
// chip, its state pages and one thread that runs
//
//   step:  schedule → forward → sample → publish          (step.cc)
//
// over the rows of many requests: prompt chunks and decodes mixed, continuous batching. submit(), finish()
// and cancel() are safe from any thread and never wait for a step; sinks are called on the engine thread and
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
#include "base/result.h"
#include "tensor/rounding.h"

namespace autark::engine {

struct Options {
  std::string chip = "cpu";
  std::optional<Rounding>
      rounding;             // empty: the table's row for this architecture and format (models/architecture.h)
  int threads = 0;          // 0: one per physical core
  int64_t context_max = 0;  // tokens of one request, prompt and answer; 0: what the model allows
  int64_t state_bytes_max = 0;  // of all requests' state; 0: half of the memory that is free at start
  int batch_rows_max = 512;     // rows of one step: the size of a prompt chunk
  int running_max = 32;         // requests in a step; more wait
  int waiting_max = 256;        // requests in the queue; more are refused with Code::exhausted
  int drafts = 0;               // tokens that the checkpoint's draft head guesses ahead; 0: it is not loaded
  std::vector<int32_t> end_tokens;  // end an answer, beside those that the checkpoint's configuration names
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

enum class Finish : uint8_t {
  stop,         // an end token or a stop token was drawn, or the reader of the answer had enough
  stop_string,  // the reader of the answer met a stop string and called Engine::finish
  length,       // max_tokens were drawn
  context,      // the context is full
  cancelled,    // Engine::cancel, or the engine was destroyed
  failed        // see Event::error
};

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
  std::vector<int32_t> stop_tokens;  // end this answer as end tokens do
  bool ignore_end = false;           // end tokens are ordinary (load generators)
  int64_t min_tokens = 0;            // end tokens cannot be chosen before
  int logprobs = -1;                 // −1: none; n: the chosen token's and the n best
  bool prompt_logprobs = false;      // of every prompt token after the first, in Event::prompt
};

struct Usage {  // cached: prompt tokens whose state was there when the request began
  int64_t prompt_tokens = 0, cached_tokens = 0, completion_tokens = 0;
  double queue_seconds = 0, prefill_seconds = 0, decode_seconds = 0;
};

using RequestId = uint64_t;

// What a request's sink receives, in order: once `prompt` (if asked for), then tokens, then `finish` last.
struct Event {
  struct Token {
    int32_t id = 0;
    std::optional<Logprobs> logprobs;
  };
  RequestId id = 0;  // whose; known before submit() returns
  std::vector<Token> tokens;
  std::vector<Logprobs> prompt;  // entry i: of prompt token i + 1
  std::optional<Finish> finish;  // after it nothing comes
  std::optional<Error> error;    // with Finish::failed
  Usage usage;                   // so far
  int64_t prompt_done = 0;       // prompt tokens read so far, for progress
};
using Sink = std::function<void(Event)>;
using GroupSink = std::function<void(int request, Event)>;  // request: its place in the group

struct Stats {  // a snapshot; counters only grow
  int running = 0, waiting = 0;
  int64_t pages_used = 0, pages_total = 0;
  uint64_t steps = 0, generation_tokens = 0, rejected = 0;
  uint64_t prompt_tokens = 0;             // computed
  uint64_t cached_tokens = 0;             // of prompts, whose state another request of the group had computed
  uint64_t drafted = 0, drafts_held = 0;  // guesses that were verified, and those that were right
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

  // Why it answers nobody any more (Code::io): a file of the model was truncated or rewritten. Those who ran
  // or waited got it as their error, submit() refuses with it, and only opening the model again helps.
  virtual std::optional<Error> fault() const { return {}; }

  // Takes all requests of a group or none. Refused at once: an empty prompt, ids outside the vocabulary, a
  // prompt that leaves no room for one token (Code::invalid), a queue without room for all (Code::exhausted).
  // Otherwise the last event of each has `finish`. Events may come before this returns.
  //
  // Requests of a group with the same prompt compute it once, but for its last token: the first one does, the
  // others wait for it and go on from its state (Usage::cached_tokens). Their tokens are the same as if each
  // had come alone. Requests with prompt_logprobs compute it themselves.
  virtual Result<std::vector<RequestId>> submit(std::vector<Request> group, GroupSink sink) = 0;
  // A group of one.
  Result<RequestId> submit(Request request, Sink sink);
  // Ends a request for a reason that the engine does not see, such as a stop string: its place is free before
  // the next step, its sink's last event has `why`. From the request's own sink no token more is computed.
  // Unknown ids, and those that have finished: nothing.
  virtual void finish(RequestId id, Finish why) = 0;
  void cancel(RequestId id) { finish(id, Finish::cancelled); }  // nobody wants the answer any more
  virtual Stats stats() const = 0;
};

}  // namespace autark::engine
