// The step: schedule → forward → sample → publish, over all requests of the engine. Not thread-safe and
// without a clock of its own; engine.cc provides the thread and the clock.
//
// Every rank of a tensor-parallel group runs its own Batch on the same requests; the ranks do not exchange
// plans. So ranks that get the same calls (add, end, schedule, run) in the same order must plan the same
// steps and sample the same tokens. A rank with another plan would call other collectives, and the group
// would stop. Therefore these rules hold in Batch and in everything it uses:
//
//   - No decision depends on the clock of one rank. Times that decide something (deadlines, how long a step took)
//     are agreed: all ranks use the least.
//   - Nothing depends on std::hash, on the order of an unordered container, or on addresses.
//   - What only one rank can find out (free memory, a damaged file) is agreed with all ranks before it has
//     an effect. `damage` must give the same answer on every rank. An exception that only one rank throws is
//     not agreed on, and the group stops.
//
// All ranks have the same logits (Chip::all_sum, Chip::all_gather), so they sample the same tokens.
#pragma once
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include "engine/forward.h"
#include "engine/prefix_loader.h"
#include "engine/prefix_store.h"
#include "engine/scheduler.h"
#include "engine/session.h"
#include "engine/speculative.h"

namespace autark::engine {

class Batch {
 public:
  using Clock = std::function<double()>;  // seconds, never falling
  // Called after every forward pass, before anything is sampled. An error means that the results cannot be
  // trusted, for example because a model file changed: all requests end with it.
  using Damage = std::function<std::optional<Error>()>;
  // References must outlive the Batch. `prefixes`: how much state is kept for later requests; block and anywhere are
  // set by the Batch.
  Batch(const Model& m, Chip& on, Cache& cache, const Limits& limits, const PrefixTree::Options& prefixes,
        Clock clock, Damage damage, Drafters drafters = {});

  // From now on state is also kept on this disk, which must outlive the Batch. Not with several ranks: what is on
  // a disk, and when it is read, is not agreed on. Call schedule() again when the tier wakes.
  void use(DiskTier& disk);

  // Queues a request. If the queue is full, the request fails with Code::exhausted. A request whose prefix is on
  // the disk is held in the queue until that is read, one after the other in the order of turns; others go before
  // it meanwhile.
  void add(std::unique_ptr<Session> s);
  // Ends a request now and frees its state. Unknown ids are ignored.
  void end(RequestId id, Finish why);
  void end_all(Finish why, const std::optional<Error>& error = {});  // the same for all requests
  // Ends the requests whose deadline has passed, plans a step and gives the admitted requests their state. Returns
  // false if there is nothing to compute.
  bool schedule();
  void run();  // computes the planned step and samples its tokens
  // Calls the sinks with all events since the last call. The counters include these events already.
  void publish();

  int running() const { return scheduler_.running(); }
  int waiting() const { return scheduler_.waiting(); }
  int64_t pages_used() const { return scheduler_.pages_used(); }
  std::vector<Scheduler::Queued> queue() const { return scheduler_.queue(); }
  const PrefixTree& prefixes() const { return tree_; }
  void clear_prefixes();  // frees all state that no running request uses, also on the disk

  struct Counters {
    uint64_t steps = 0, generation_tokens = 0, drafted = 0, drafts_accepted = 0;
    uint64_t prompt_tokens = 0, rows = 0;  // computed; rows: of prompts, answers and drafts
    uint64_t preemptions = 0;
    DraftTally drafts = {};
    double step_seconds = 0;  // of the last step
    PrefixTokens prefix_tokens;
    std::map<std::string, uint64_t> finished;  // by name_of(Finish)
    // As in Stats.
    Durations step, queue, prefill, decode, inference, per_token;
    TokenCounts step_tokens;
    uint64_t corrupted = 0;
  };
  const Counters& counters() const { return counters_; }

 private:
  int64_t agreed_micros(double seconds) const;
  void read_prefixes();
  void allocate_state();
  Logits compute();
  std::span<const int32_t> tokens_of(const Slice& slice, const Session& s);
  void sample(Logits logits);
  void draft();
  void learn();
  void store_prefixes();
  void fail_step(const std::string& why);
  void finish(RequestId id, Event e);
  void count_times(const Usage& u);

  // An event that publish() will deliver.
  struct Outgoing {
    Session* to;
    Event event;
    std::unique_ptr<Session> last;  // owns the session if this is its last event
  };

  Comm* comm_;  // null: there is one rank
  Cache& cache_;
  Forward forward_;
  std::optional<Speculation> speculation_;
  PrefixTree tree_;
  PrefixStore store_;
  Scheduler scheduler_;
  DiskTier* disk_ = nullptr;
  std::optional<PrefixLoader> loader_;
  std::optional<RequestId> reading_;  // the request whose prefix is being read
  Clock clock_;
  Damage damage_;
  std::map<RequestId, std::unique_ptr<Session>> sessions_;
  Plan plan_;
  std::vector<Chunk> chunks_;
  // Token lists of chunks with drafts; chunks_ points into them
  std::deque<std::vector<int32_t>> with_drafts_;
  std::vector<Proposer::Reading> readings_;  // of this step
  std::vector<Outgoing> outbox_;
  Sampler::Scratch scratch_;
  Counters counters_;
  // Of the last step, and of its forward pass with sampling; 0: it failed, or there was none since the last plan.
  double step_seconds_ = 0, target_seconds_ = 0;
};

const char* name_of(Finish f);  // "stop", "stop_string" …, as in metrics

}  // namespace autark::engine
