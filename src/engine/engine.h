// Engine: token ids in, token ids and log-probabilities out. It handles no text. An Engine owns one loaded
// model, its chip, the state pages of its requests, and one thread that repeats
//
//   step:  schedule → forward → sample → publish          (batch.cc)
//
// over the rows of many requests. Prompt chunks and decodes share a step (continuous batching). submit(),
// finish() and cancel() may be called from any thread and never wait for a step. Sinks run on the engine
// thread and must not block. A request that fails does not affect the others.
//
// A request always brings all of its prompt; the engine decides which tokens need no computing. The tokens of
// an answer do not depend on other requests in the batch, on chunking or on the number of threads.
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
#include "engine/constraint.h"
#include "engine/disk_options.h"
#include "engine/draft_options.h"
#include "engine/durations.h"
#include "engine/prefix_reuse.h"
#include "engine/service.h"
#include "engine/weight_cache_place.h"
#include "tensor/rounding.h"

namespace autark::engine {

struct Options {
  std::string chip = "cpu";          // a name of chips/registry.h
  std::optional<Rounding> rounding;  // empty: the default of the architecture (models/architecture.h)
  int threads = 0;                   // 0: one per physical core that the process may use
  int64_t context_max = 0;           // tokens of one request, prompt and answer; 0: what the model allows
  int64_t state_bytes_max = 0;       // for the state of all requests; 0: half of what is free after loading
  // For state that later requests with the same beginning may use, in addition. 0: none is kept; −1: a quarter
  // of what is free after loading. Running requests may take this memory, too.
  int64_t cache_bytes_max = -1;
  DiskOptions disk;                 // such state on the disk, too; not used by ranks of a group
  int batch_rows_max = 512;         // rows of one step; also the largest chunk of a prompt
  int running_max = 32;             // requests that have state at the same time; more wait
  int waiting_max = 256;            // requests in the queue; more are refused with Code::exhausted
  int drafts = 0;                   // drafted tokens of a request in a step, at most; 0: no drafter is loaded
  DraftOptions drafting;            // which drafters there are
  std::vector<int32_t> end_tokens;  // that end an answer, in addition to those in the checkpoint
  std::function<void(double done)> progress;  // called with 0…1 while loading, on the opening thread
  WeightCachePlace weight_cache;
  std::function<void(const std::string&)>
      say;  // called with sentences about the weight cache, on that thread
};

// Settings of one request. With the defaults, filters, penalties and biases are off. sampler.h has the order.
struct Sampling {
  float temperature = 1;  // 0: the most likely token
  int top_k = 0;          // 0: off
  float top_p = 1, min_p = 0;
  float repetition_penalty = 1, frequency_penalty = 0, presence_penalty = 0;
  std::map<int32_t, float> logit_bias;
  uint64_t seed = 0;  // the same request with the same seed gets the same tokens
};

// Why an answer ended.
enum class Finish : uint8_t {
  stop,         // an end or stop token was sampled, or the reader of the answer needs no more
  stop_string,  // the reader of the answer found a stop string and called Engine::finish
  length,       // max_tokens were sampled
  context,      // the context is full
  cancelled,    // Engine::cancel, or the engine was destroyed
  failed,       // see Event::error
  deadline      // Service::seconds_max have passed
};

struct TokenLogprob {
  int32_t id = 0;
  float logprob = 0;  // natural logarithm
};
// Of one position: log-softmax of the model's own logits, before any sampling setting.
struct Logprobs {
  TokenLogprob chosen;
  std::vector<TokenLogprob> top;  // the most likely tokens, falling
};

struct Request {
  std::vector<int32_t> prompt;  // at least one token
  int64_t max_tokens = -1;      // −1: as many as the context holds; 0: prompt log-probabilities only
  Sampling sampling;
  std::vector<int32_t> stop_tokens;  // end this answer as end tokens do
  bool ignore_end = false;           // end tokens do not end the answer (for load generators)
  int64_t min_tokens = 0;            // end and stop tokens are masked until this many were sampled
  int logprobs = -1;                 // −1: none; n: of the chosen token and of the n most likely
  // Of every prompt token after the first, in Event::prompt. Such a request computes its whole prompt.
  bool prompt_logprobs = false;
  PrefixHints prefix;  // with whom state is shared, and what of the prompt is likely to come again
  Service service;     // its place in the queue, and how long it may take
  // Which tokens may follow; null: all. One object per request. Log-probabilities do not show it.
  std::shared_ptr<Constraint> constraint = {};
  std::vector<int32_t> prediction = {};  // a text that the answer may repeat; it changes the speed only
};

// Tokens and times of one request so far.
struct Usage {
  int64_t prompt_tokens = 0, completion_tokens = 0;
  PrefixReuse prefix;  // of the prompt; known from the first event on
  // Sums over preemptions.
  double queue_seconds = 0, prefill_seconds = 0, decode_seconds = 0;
};

// Unique within an engine, never reused, rising within a group.
using RequestId = uint64_t;

// What a request's sink receives: an event without tokens when it gets state, `prompt` once (if asked for),
// then tokens; `finish` is in the last event.
struct Event {
  struct Token {
    int32_t id = 0;
    std::optional<Logprobs> logprobs;
  };
  RequestId id = 0;  // of the request; may arrive before submit() returns
  std::vector<Token> tokens;
  std::vector<Logprobs> prompt;  // entry i: of prompt token i + 1
  std::optional<Finish> finish;  // set in the last event only
  std::optional<Error> error;    // the reason, with Finish::failed
  Usage usage;                   // up to this event
  int64_t prompt_done = 0;       // prompt tokens whose state is there, for progress
};
using Sink = std::function<void(Event)>;
using GroupSink = std::function<void(int request, Event)>;  // request: its index in the group

// A snapshot: the fields up to `step_seconds` are gauges, the others are counters, which only grow.
struct Stats {
  int running = 0, waiting = 0;  // requests
  // Pages of running requests; pages that are only kept for later ones; all.
  int64_t pages_used = 0, pages_kept = 0, pages_total = 0;
  // Tokens of a page; pages that may be only kept, and the bytes of these and of all copies.
  int64_t page_tokens = 0, kept_max = 0, kept_bytes_max = 0;
  int64_t copies = 0,
          copies_total = 0;   // of the rings of sequences, for later requests; the most there can be
  int64_t waited_ms_max = 0;  // of the requests that wait now
  double step_seconds = 0;    // how long the last step took
  uint64_t steps = 0, generation_tokens = 0, rejected = 0;  // rejected: requests, by a full queue
  uint64_t prompt_tokens = 0;                               // prompt tokens that were computed
  PrefixTokens prefix_tokens;                               // prompt tokens by what became of them
  uint64_t rows_computed = 0, nodes_visited = 0;            // rows of all steps; nodes of the prefix tree
  uint64_t drafted = 0, drafts_accepted = 0;  // drafts that were verified, and those that were accepted
  DraftTally drafts = {};                     // the same by drafter
  uint64_t preemptions = 0;                   // how often a request lost its state to another one
  std::map<std::string, uint64_t> finished;   // requests by name_of(Finish)
  Durations step;                             // how long steps took
  TokenCounts step_tokens;                    // prompt and answer tokens of a step
  Durations queue, prefill, decode;           // of requests that have ended and had state
  Durations inference, per_token;             // prefill and decode; decode by tokens after the first
  uint64_t corrupted = 0;                     // requests whose logits were not finite
  DiskStats disk;                             // zeros without a disk tier
};

// What was loaded, and which chip and kernels compute it.
struct ModelCard {
  std::string name, path, architecture, weights;                   // weights: "Q4_K 62 %, Q6_K 38 %" …
  int64_t parameters = 0, bytes = 0, context = 0, vocabulary = 0;  // bytes: of the weights
  std::string chip, rounding;                                      // rounding: the mode and why it was chosen
  std::string weight_cache;                                        // WeightCache::line()
  std::vector<std::pair<std::string, std::string>> kernels;        // verb group and what serves it
  double load_seconds = 0;
};

class Engine {
 public:
  // Loads a model and starts the engine thread. `model`: a folder or a GGUF file.
  static Result<std::unique_ptr<Engine>> open(const std::filesystem::path& model,
                                              const Options& options = {});
  // Ends every request with Finish::cancelled, then stops the thread.
  virtual ~Engine() = default;

  virtual const ModelCard& card() const = 0;

  // Set (Code::io) once a file of the model was truncated or rewritten. All requests then end with this error
  // and submit() returns it; the model must be opened again.
  virtual std::optional<Error> fault() const { return {}; }

  // Accepts all requests of a group or none. Errors: Code::invalid for an empty prompt, for ids outside the
  // vocabulary and for a prompt that leaves no room for one token; Code::exhausted if the queue has no room
  // for the whole group. Each accepted request gets exactly one event with `finish`. Events may arrive before
  // submit() returns.
  //
  // A request starts behind the longest beginning of its prompt whose state is there: of an earlier request of
  // its domain (PrefixHints), or of one that computes it now, for which it waits. State is kept in blocks of a
  // page, and at least the last prompt token is computed. Every request gets the tokens it would get alone.
  virtual Result<std::vector<RequestId>> submit(std::vector<Request> group, GroupSink sink) = 0;
  // Submits a group of one.
  Result<RequestId> submit(Request request, Sink sink);
  // Ends a request for a reason outside the engine, such as a stop string. The request is removed before the
  // next step, and `why` is in its last event. If a sink finishes its own request, no further token is
  // computed for it. Ids that are unknown or have finished are ignored.
  virtual void finish(RequestId id, Finish why) = 0;
  void cancel(RequestId id) { finish(id, Finish::cancelled); }  // for a client that went away
  // Frees all state that is kept for later requests, before the next step, and on the disk. Returns when it is done,
  // so a sink must not call it.
  virtual void clear_prefixes() {}
  // The place of a request in the queue; unset if it runs, has ended or is unknown. It is as of the last step, and
  // changes with the requests of others.
  virtual std::optional<QueuePlace> queued(RequestId) const { return {}; }
  // Updated before the events of a step go out, so a client that has its answer finds it counted.
  virtual Stats stats() const = 0;
};

}  // namespace autark::engine
