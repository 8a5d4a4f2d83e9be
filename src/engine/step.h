// The step: schedule → forward → sample → publish, over all requests of the engine. Runs on one thread and
// has no clock of its own; engine.cc gives it both.
//
// Every rank of a tensor-parallel group runs a Batch of its own on the same requests, and no rank tells
// another what it planned. So ranks that get the same calls (add, end, schedule, run) in the same order
// must plan the same steps and draw the same tokens; a rank that plans another step calls other collectives,
// and the group stops. Inside Batch and everything it uses, therefore:
//
//   - No decision depends on a clock. Times only fill in Usage. A measured time that decides something must
//     come in as an argument, with the value of rank 0.
//   - Nothing depends on std::hash, on the order of an unordered container, or on addresses.
//   - What one rank alone can find out (free memory, a damaged file) is agreed with all ranks before it has
//     an effect. `damage` must give the same answer on every rank. An exception that only one rank throws is
//     not agreed: the group stops then.
//
// All ranks hold the same logits bit for bit (Chip::all_sum, Chip::all_gather), so samplers need no more than
// that.
#pragma once
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include "engine/forward.h"
#include "engine/scheduler.h"
#include "engine/session.h"
#include "engine/speculative.h"

namespace autark::engine {

class Batch {
 public:
  using Clock = std::function<double()>;  // seconds, rising
  // Why what was computed cannot be believed, and nothing can be any more; asked after every forward pass.
  using Damage = std::function<std::optional<Error>()>;
  // `drafter` may be null; else it guesses up to `drafts` tokens ahead.
  Batch(const Model& m, Chip& on, Cache& cache, const Limits& limits, Clock clock, Damage damage,
        const Drafter* drafter = nullptr, int drafts = 0);

  void add(std::unique_ptr<Session> s);
  void end(RequestId id, Finish why);  // at once; unknown ids: nothing
  void end_all(Finish why, const std::optional<Error>& error = {});
  bool schedule();  // plans a step; false: there is nothing to do
  void run();       // computes what was planned and draws the tokens
  void publish();   // tells the sinks; until then what they will hear is only in the counters

  int running() const { return scheduler_.running(); }
  int waiting() const { return scheduler_.waiting(); }
  int64_t pages_used() const { return scheduler_.pages_used(); }

  struct Counters {
    uint64_t steps = 0, generation_tokens = 0, drafted = 0, drafts_held = 0;
    uint64_t prompt_tokens = 0, cached_tokens = 0;  // computed; taken from the state of a prefix
    std::map<std::string, uint64_t> finished;       // by reason
  };
  const Counters& counters() const { return counters_; }

 private:
  void lend_state();
  Logits compute();
  std::span<const int32_t> tokens_of(const Slice& slice, const Session& s);
  void sample(Logits logits);
  void draft();
  void keep_prefixes();
  void fail_step(const std::string& why);
  void finish(RequestId id, Event e);

  struct Letter {
    Session* to;
    Event event;
    std::unique_ptr<Session> last;  // the session itself, when this is its last event
  };

  Cache& cache_;
  Forward forward_;
  std::optional<Speculation> speculation_;
  Scheduler scheduler_;
  Clock clock_;
  Damage damage_;
  std::map<RequestId, std::unique_ptr<Session>> sessions_;
  std::map<uint64_t, Snapshot> prefixes_;  // those that the scheduler knows as kept
  Plan plan_;
  std::vector<Chunk> chunks_;
  std::deque<std::vector<int32_t>> guessed_;    // tokens of chunks with drafts
  std::vector<Speculation::Reading> readings_;  // of this step
  std::vector<Letter> letters_;
  Sampler::Scratch scratch_;
  Counters counters_;
};

const char* name_of(Finish f);  // "stop", "stop_string" …

}  // namespace autark::engine
