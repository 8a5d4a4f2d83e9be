// Chooses the rows of the next step. A pure function of the queue, the limits, the prefix tree and the times it
// is given: it has no thread, no clock and no state of the model. Ranks that are given equal times plan alike.
//
//   waiting ──admit──► prefill ──► one token a step ──► removed
//      ▲                                  │
//      └───── no free page or place ──────┘
//
// Rows: every decoding request gets one token in every step. Drafts use rows and pages that are left after that;
// running_max rows are always kept free of them. Prompts get the rest. While anything is decoding, a step with
// prompt rows may take `pace` times as long as it would without (step_cost.h), so that a long prompt does not
// delay the next token of the others; prompts always get mixed_rows_min rows.
//
// Turns: prompts, running or waiting, get rows in this order:
//   1. the flow (domain and class) that has computed least for its share (shares.h)
//   2. of a flow: who was overtaken kPassesMax times, then the smallest Service::priority, then the smallest
//      ticket. A request gets a ticket when it arrives and a new one after kTurnRows rows of its prompt, so a
//      short prompt waits for one turn of a long one, and not for its end.
//
// Pages: running requests and the prefix tree share one pool. A request is admitted when there are pages for
// its whole prompt and one more for each running request. Who does not fit is overtaken by who does, kPassesMax
// times; then nobody is admitted in its place. Idle nodes of the tree are evicted when their pages are needed.
// When a running request needs a page and there is no idle one, the last in rank loses its pages, waits, and
// computes its tokens again later, to the same bits. Rank: class, then arrival; who lost its pages
// kPreemptionsMax times counts as of the first class. REQUIRES: pages_total hold the longest request alone; then
// the first in rank can always continue.
//
// Places: when running_max requests run, and the domain of the next waiting one has none of them, the domain with
// most of them gives one up: its last in rank waits again, and continues behind what the tree has of it. A request
// loses its place so at most kPreemptionsMax times.
//
// Nobody starves. (1) While a flow wants rows, another one gets prompt rows only if it has computed no more for
// its share, so at most one slice more than that. (2) In its flow a request is overtaken by at most kPassesMax
// later ones a turn, and a turn has kTurnRows rows. (3) For want of pages it is overtaken by at most kPassesMax
// others; then those that run come to an end. (4) It loses its pages to later requests of other classes at most
// kPreemptionsMax times. (5) It waits for at most kWaitsMax prefixes, each while they are computed.
//
// Prefixes: an admitted request starts behind the longest prefix in the tree. If a running request computes
// more of its prompt now, it waits for that first, and is overtaken meanwhile, as is a job that hold() names.
// After each step the caller asks
// store() which blocks the tree gets. For a model with rings, slices end where a copy of the rings is wanted:
//   - at the last border of a prompt, and the one before if only a few tokens follow, because a chat template
//     often ends with tokens that the next turn does not repeat
//   - where the request's marks are, and where it leaves the texts in the tree, for the next one to do so
//   - at every kCopyStride-th border, and at every border of an answer; of these the last one is kept
#pragma once
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string_view>
#include <vector>
#include "engine/prefix_tree.h"
#include "engine/service.h"
#include "engine/shares.h"
#include "engine/step_cost.h"

namespace autark::engine {

struct Limits {
  int rows_max = 512;  // of one step; at least running_max
  // Prompt rows of a step that also has decodes: the most while no time was measured, and the fewest.
  int mixed_rows_max = 128, mixed_rows_min = 16;
  double pace = 2.5;  // how much longer a step may take for its prompt rows; 1: not at all
  int running_max = 32, waiting_max = 256;  // requests
  int64_t pages_total = 0;  // for the requests and the prefix tree; a page has the tokens of a block
};

inline constexpr int64_t kCopyStride = 4;  // blocks
inline const PrefixHints kNoHints;

// Microseconds of a clock of the caller, the same on every rank. A clock that falls counts as standing still.
struct Times {
  int64_t now = 0;
  int64_t step = 0;  // how long the last planned step took; 0: unknown
};

// A request as the scheduler sees it.
struct Job {
  uint64_t id = 0;
  std::span<const int32_t> tokens = {};  // known so far: the prompt and what was sampled
  int rows_max = 0;                      // of one slice; 0: only the limits of the step
  bool reads = true;                     // false: it computes all its tokens
  const PrefixHints* hints = &kNoHints;  // REQUIRES: they outlive the job
  int64_t prompt = std::ssize(tokens);   // tokens of the prompt
  Service service = {};
};

// Rows [first, first + count) of one request's tokens.
struct Slice {
  uint64_t id = 0;
  int64_t first = 0;
  int count = 0;
  bool last = false;  // ends with the last known token: the next token is sampled from its last row
  int drafts = 0;     // rows of drafted tokens that follow, to be verified
};

// What the caller has to do, in the order of the fields. Before that, it frees what PrefixTree::take_losses()
// names.
struct Plan {
  struct Admitted {
    uint64_t id = 0;
    double waited = 0;                   // seconds
    PrefixTree::Node* prefix = nullptr;  // restore the state behind it; null: there is none
    PrefixReuse reuse;
  };
  std::vector<uint64_t> preempted;  // jobs: free their state
  std::vector<Admitted> admitted;   // jobs: give them state
  std::vector<Slice> slices;        // compute these; empty: there is nothing to do
};

// The blocks of a job's state that the tree got.
struct Stored {
  int64_t first = 0;                     // number of the first block
  std::vector<PrefixTree::Added> added;  // keep the pages of the fresh ones, use those of the others
  PrefixTree::Node* copy = nullptr;      // copy the rings behind this one, if set, and mark() it
  float weight = 1;                      // for mark()
  bool lasting = false;                  // for mark()
  // demote() this one when the new copy is there, if set: the job's last copy of its answer.
  PrefixTree::Node* replaces = nullptr;
  bool keeps_replaced = false;  // for demote()
};

class Scheduler {
 public:
  // The tree must outlive the scheduler.
  Scheduler(const Limits& limits, PrefixTree& tree);

  static constexpr int kPassesMax = 16, kPreemptionsMax = 3, kWaitsMax = 4;
  static constexpr int64_t kTurnRows = 1024;

  // Queues a job. False: waiting_max jobs wait already. REQUIRES: a new id; tokens that fit in all pages, and
  // stay in place until the next append() or remove(). `now`: as in Times.
  bool submit(const Job& job, int64_t now);
  // Removes a job that finished or was cancelled, waiting or running. Unknown ids are ignored. `tokens`: all that
  // are known, to tell later requests where they differ; may be empty.
  void remove(uint64_t id, std::span<const int32_t> tokens = {});
  // A held job waits and is not admitted, until release(): its prefix is read from the disk. Jobs that do not wait
  // are ignored.
  void hold(uint64_t id) { set_held(id, true); }
  void release(uint64_t id) { set_held(id, false); }
  std::optional<uint64_t> first_held() const;  // in the order of turns
  // New tokens of a running job were sampled: `tokens` are all known ones now. The cache already holds all of
  // the new ones but the last.
  void append(uint64_t id, std::span<const int32_t> tokens);
  // Up to `drafts` drafted tokens may follow the job's tokens in the next step.
  void set_drafts(uint64_t id, int drafts);
  // Puts the blocks that a running job has computed into the tree. Call after a step, for its jobs.
  Stored store(uint64_t id);
  // Plans the next step. The scheduler assumes that the caller carries out the whole plan.
  Plan next(const Times& times);
  // Evicts idle nodes until a page is free for the tree itself, and one more for each running job. False: there
  // are too few.
  bool make_room();

  // The jobs that wait, in the order in which they would start if all cost as much as their prompts.
  struct Queued {
    uint64_t id = 0;
    QueuePlace place;
  };
  std::vector<Queued> queue() const;
  // The jobs, waiting or running, whose Service::seconds_max have passed at `now`, in no special order. The
  // caller removes them.
  std::vector<uint64_t> late(int64_t now);
  const StepLoad& load() const { return load_; }  // of the last planned step
  int running() const { return int(running_.size()); }
  int waiting() const { return int(waiting_.size()); }
  int64_t flows() const { return shares_.flows(); }  // with jobs, or remembered
  // Pages that running jobs use; shared ones count once.
  int64_t pages_used() const { return pages_taken() - tree_.idle(); }
  int64_t pages_taken() const { return own_ + tree_.pages(); }  // the same, and those of idle nodes

 private:
  struct Entry {
    Job job;
    Shares::Flow* flow = nullptr;
    uint64_t arrival = 0, ticket = 0;  // numbers of one counter
    int64_t since = 0;                 // when it began to wait
    int64_t deadline = 0;              // when it ends; INT64_MAX: never
    int64_t turn_rows = 0;             // of its prompt, with this ticket
    int passed = 0;                    // later jobs that were admitted first, with this ticket
    int preemptions = 0, waits = 0;
    bool admitted = false, held_back = false;  // held_back: by hold()
    uint64_t seen = 0, unfit = 0;         // the last step that dealt with it; that had too few pages for it
    uint64_t sliced = 0;                  // the last step of which it has a slice
    int64_t slice_first = 0;              // of the last slice
    uint64_t awaited = 0;                 // the job that computes more of its prompt
    int64_t awaited_tokens = 0;           // how many it waits for
    int64_t computed = 0;                 // leading tokens whose state is stored
    int64_t pages = 0;                    // of its state
    int drafts = 0;                       // to be verified in the next step
    PrefixTree::Node* held = nullptr;     // the pages up to this node belong to the tree
    PrefixTree::Node* rolling = nullptr;  // the last copy of the answer
    std::set<int64_t> borders;            // tokens behind which a copy is wanted, in addition to the stride
    int64_t known() const { return std::ssize(job.tokens); }
    bool generating() const { return computed > 0 && known() - computed == 1; }
    bool due() const { return passed >= kPassesMax; }
    int64_t shared() const { return held ? held->depth : 0; }  // pages
    PrefixTree::Text text() const { return {*job.hints, job.tokens}; }
    std::pair<int, uint64_t> rank() const {
      return {preemptions >= kPreemptionsMax ? 0 : int(job.service.tier), arrival};
    }
  };
  // What a step has left for prompts.
  struct Room {
    int64_t rows = 0;
    int64_t least = 0;   // of these, the rows that need not keep the time
    double micros = 0;   // the time that the step may take; 0: any
    bool admits = true;  // false: no more jobs are admitted
    int unfit = 0;       // jobs that were tried and had too few pages
  };
  int64_t block() const { return tree_.options().block; }
  int64_t pages_for(int64_t tokens) const { return (tokens + block() - 1) / block(); }
  int64_t pages_free() const { return limits_.pages_total - pages_taken(); }
  Entry* running(uint64_t id);
  bool allocate(Entry& e, int64_t tokens, bool evict);
  void give_back(Entry& e);
  void preempt(std::vector<Entry>::iterator at, Plan* plan);
  void free_place(Plan* plan);
  std::vector<Entry>::iterator last_of_most(const std::map<std::string_view, int>& jobs);
  void plan_generating(Plan* plan);
  void plan_drafts(Plan* plan, int rows);
  int drafts_to_border(const Entry& e) const;
  Room room_beside(const Plan& plan) const;
  bool has_room(const Room& room) const;
  void want_shares();
  void plan_prompts(Plan* plan, Room room);
  static bool before(const Entry& a, const Entry& b);
  Entry* next_in_turn(bool admits);
  int64_t rows_for(const Entry& e, const Room& room) const;
  void take_turn(Entry& e, int64_t rows);
  int64_t computed_before_step(const Entry& e) const;
  void set_held(uint64_t id, bool held);
  bool still_waits(const Entry& e);
  bool waits_for_prefix(Entry& e, int64_t read);
  int64_t shared_blocks(const Entry& a, const Entry& b) const;
  Entry* admit(Plan* plan, Entry& e, Room* room);
  void count_passes(const Entry& by);
  void note_start(const Entry& e);
  QueuePlace place_of(const Entry& e, int position) const;
  Entry& start(Plan* plan, Entry&& e, const PrefixTree::Match& m);
  void set_borders(Entry& e, const PrefixTree::Match& m) const;
  int64_t next_border(const Entry& e) const;
  bool copy_wanted(const Entry& e) const;
  void describe_copy(Entry& e, Stored* s);
  void add_slice(Plan* plan, Entry& e, int count);

  Limits limits_;
  PrefixTree& tree_;
  StepCost cost_;
  Shares shares_;
  StepLoad load_;  // of the step that is planned
  std::deque<Entry> waiting_;
  std::vector<Entry> running_;  // by rank
  int64_t own_ = 0;             // pages of running jobs that do not belong to the tree
  int64_t now_ = 0;
  int64_t started_ = 0;   // when a job that had waited started last
  int64_t interval_ = 0;  // mean microseconds between such starts; 0: there was none
  uint64_t last_ticket_ = 0, step_ = 0;
};

}  // namespace autark::engine
