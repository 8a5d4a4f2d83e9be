// Chooses the rows of the next step. A pure function of the queue, the limits, the prefix tree and the times it
// is given: it has no thread, no clock and no state of the model.
//
//   waiting ──admit──► prefill ──► one token a step ──► removed
//      ▲                                  │
//      └─── no free page: the youngest ───┘
//
// Order: requests are admitted and prefilled in the order they arrived. Every decoding request gets one token
// in every step. Prefill shares the remaining rows, fewer of them while anything is decoding, so that a long
// prompt does not delay the next token of the others. Drafts use rows and pages that are left after that;
// running_max rows are always kept free of them.
//
// Pages: running requests and the prefix tree share one pool. A request is admitted when there are pages for
// its whole prompt and one more for each running request. Idle nodes of the tree are evicted when their pages
// are needed. When a running request needs a page and there is no idle one, the youngest loses its pages,
// waits, and computes its tokens again later, to the same bits. REQUIRES: pages_total hold the longest request
// alone; then the oldest can always continue.
//
// Prefixes: an admitted request starts behind the longest prefix in the tree. If a running request computes
// more of its prompt now, it waits for that first. After each step the caller asks store() which blocks the
// tree gets. For a model with rings, slices end where a copy of the rings is wanted:
//   - at the last border of a prompt, and the one before if only a few tokens follow, because a chat template
//     often ends with tokens that the next turn does not repeat
//   - where the request's marks are, and where it leaves the texts in the tree, for the next one to do so
//   - at every kCopyStride-th border, and at every border of an answer; of these the last one is kept
#pragma once
#include <cstdint>
#include <deque>
#include <set>
#include <span>
#include <vector>
#include "engine/prefix_tree.h"

namespace autark::engine {

struct Limits {
  int rows_max = 512;                       // of one step; at least running_max
  int mixed_rows_max = 128;                 // prompt rows of a step that also has decodes
  int running_max = 32, waiting_max = 256;  // requests
  int64_t pages_total = 0;  // for the requests and the prefix tree; a page has the tokens of a block
};

inline constexpr int64_t kCopyStride = 4;  // blocks
inline const PrefixHints kNoHints;

// A request as the scheduler sees it.
struct Job {
  uint64_t id = 0;
  std::span<const int32_t> tokens = {};  // known so far: the prompt and what was sampled
  int rows_max = 0;                      // of one slice; 0: only the limits of the step
  bool reads = true;                     // false: it computes all its tokens
  const PrefixHints* hints = &kNoHints;  // REQUIRES: they outlive the job
  int64_t prompt = std::ssize(tokens);   // tokens of the prompt
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

  // Queues a job. False: waiting_max jobs wait already. REQUIRES: a new id; tokens that fit in all pages, and
  // stay in place until the next append() or remove().
  bool submit(const Job& job, double now);
  // Removes a job that finished or was cancelled, waiting or running. Unknown ids are ignored. `tokens`: all that
  // are known, to tell later requests where they differ; may be empty.
  void remove(uint64_t id, std::span<const int32_t> tokens = {});
  // New tokens of a running job were sampled: `tokens` are all known ones now. The cache already holds all of
  // the new ones but the last.
  void append(uint64_t id, std::span<const int32_t> tokens);
  // Up to `drafts` drafted tokens may follow the job's tokens in the next step.
  void set_drafts(uint64_t id, int drafts);
  // Puts the blocks that a running job has computed into the tree. Call after a step, for its jobs.
  Stored store(uint64_t id);
  // Plans the next step. The scheduler assumes that the caller carries out the whole plan.
  Plan next(double now);
  // Evicts idle nodes until a page is free for the tree itself, and one more for each running job. False: there
  // are too few.
  bool make_room();

  int running() const { return int(running_.size()); }
  int waiting() const { return int(waiting_.size()); }
  // Pages that running jobs use; shared ones count once.
  int64_t pages_used() const { return pages_taken() - tree_.idle(); }
  int64_t pages_taken() const { return own_ + tree_.pages(); }  // the same, and those of idle nodes

 private:
  struct Entry {
    Job job;
    double since = 0;                     // when it began to wait
    int64_t computed = 0;                 // leading tokens whose state is stored
    int64_t pages = 0;                    // of its state
    int drafts = 0;                       // to be verified in the next step
    PrefixTree::Node* held = nullptr;     // the pages up to this node belong to the tree
    PrefixTree::Node* rolling = nullptr;  // the last copy of the answer
    std::set<int64_t> borders;            // tokens behind which a copy is wanted, in addition to the stride
    int64_t known() const { return std::ssize(job.tokens); }
    bool generating() const { return computed > 0 && known() - computed == 1; }
    int64_t shared() const { return held ? held->depth : 0; }  // pages
    PrefixTree::Text text() const { return {*job.hints, job.tokens}; }
  };
  int64_t block() const { return tree_.options().block; }
  int64_t pages_for(int64_t tokens) const { return (tokens + block() - 1) / block(); }
  int64_t pages_free() const { return limits_.pages_total - pages_taken(); }
  Entry* running(uint64_t id);
  bool allocate(Entry& e, int64_t tokens, bool evict);
  void give_back(Entry& e);
  void preempt_youngest(Plan* plan, double now);
  int plan_generating(Plan* plan, double now);
  int plan_drafts(Plan* plan, int rows);
  int drafts_to_border(const Entry& e) const;
  int plan_prompts(Plan* plan, int rows, std::span<Entry> entries);
  bool waits_for_prefix(const Plan& plan, const Entry& e, int64_t read);
  int64_t shared_blocks(const Entry& a, const Entry& b) const;
  void admit(Plan* plan, double now);
  void start(Plan* plan, Entry& e, const PrefixTree::Match& m, double now);
  void set_borders(Entry& e, const PrefixTree::Match& m) const;
  int64_t next_border(const Entry& e) const;
  bool copy_wanted(const Entry& e) const;
  void describe_copy(Entry& e, Stored* s);
  static void add_slice(Plan* plan, Entry& e, int count);

  Limits limits_;
  PrefixTree& tree_;
  std::deque<Entry> waiting_;   // in order of arrival
  std::vector<Entry> running_;  // in order of arrival
  int64_t own_ = 0;             // pages of running jobs that do not belong to the tree
};

}  // namespace autark::engine
