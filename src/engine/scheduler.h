// Chooses the rows of the next step. A pure function of the queue, the limits and the times it is given: it
// has no thread and no clock, and it knows numbers of tokens and pages, not the tokens.
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
// Pages: a request is admitted when there are pages for its whole prompt and one more for each running
// request. When a running request needs a page and none is free, the youngest loses its pages, waits, and
// computes its tokens again later, to the same bits. REQUIRES: pages_total hold the longest request alone;
// then the oldest can always continue.
//
// Prefixes: jobs that begin with the same tokens name the same prefix. The first that is admitted
// computes it, the others wait. Its slice ends where the prefix ends (Slice::snapshot). If the
// caller then keeps the state and calls keep(), the full pages of the prefix count once, the others
// start after it, and a job that loses its pages restarts from the prefix, not from the first
// token. A prefix lasts until its last job is removed, or until pages are needed and none of its
// jobs runs (Plan::dropped); in that case it is computed again.
#pragma once
#include <cstdint>
#include <deque>
#include <map>
#include <span>
#include <vector>

namespace autark::engine {

struct Limits {
  int rows_max = 512;                       // of one step; at least running_max
  int mixed_rows_max = 128;                 // prompt rows of a step that also has decodes
  int running_max = 32, waiting_max = 256;  // requests
  int64_t pages_total = 0;
  int page_tokens = 128;  // tokens of a page
};

// A request as the scheduler sees it.
struct Job {
  uint64_t id = 0;
  int64_t tokens = 0;   // known so far: the prompt and what was sampled
  int rows_max = 0;     // of one slice; 0: only the limits of the step
  uint64_t prefix = 0;  // identifies the tokens that it shares with other jobs; 0: none
  // The length of the prefix. REQUIRES: less than `tokens`, and the same in all jobs of the prefix.
  int64_t prefix_tokens = 0;
};

// Rows [first, first + count) of one request's tokens.
struct Slice {
  uint64_t id = 0;
  int64_t first = 0;
  int count = 0;
  bool last = false;      // ends with the last known token: the next token is sampled from its last row
  int drafts = 0;         // rows of drafted tokens that follow, to be verified
  bool snapshot = false;  // ends with a prefix that other jobs wait for: save the state
};

// What the caller has to do, in the order of the fields.
struct Plan {
  struct Admitted {
    uint64_t id = 0;
    double waited = 0;   // seconds
    int64_t cached = 0;  // leading tokens whose state comes from its prefix
  };
  std::vector<uint64_t> dropped;    // prefixes: free their state
  std::vector<uint64_t> preempted;  // jobs: free their state
  std::vector<Admitted> admitted;   // jobs: give them state
  std::vector<Slice> slices;        // compute these; empty: there is nothing to do
};

class Scheduler {
 public:
  explicit Scheduler(const Limits& limits);

  // Queues a job. False: waiting_max jobs wait already. REQUIRES: a new id; tokens that fit in all pages.
  bool submit(const Job& job, double now);
  // Removes a job that finished or was cancelled, waiting or running. Unknown ids are ignored.
  void remove(uint64_t id);
  // `tokens` new tokens of a running job were sampled. The cache already holds all of them but the last.
  void append(uint64_t id, int tokens = 1);
  // Up to `drafts` drafted tokens may follow the job's tokens in the next step.
  void set_drafts(uint64_t id, int drafts);
  // The caller has saved the state of the job's prefix. REQUIRES: `snapshot` in the job's last slice.
  void keep(uint64_t id);
  // Plans the next step. The scheduler assumes that the caller carries out the whole plan.
  Plan next(double now);

  int running() const { return int(running_.size()); }
  int waiting() const { return int(waiting_.size()); }
  int64_t pages_used() const { return pages_used_; }  // the pages of a prefix count once
  bool kept(uint64_t prefix) const;                   // true while the state of this prefix is saved

 private:
  struct Prefix {
    int64_t tokens = 0, pages = 0;  // pages: the full ones, which its jobs share
    int jobs = 0, holders = 0;      // jobs that name it; of these, running jobs that use its pages
    bool kept = false;
    bool unused() const { return kept && holders == 0 && pages > 0; }  // its pages could be freed
  };
  struct Entry {
    Job job;
    double since = 0;      // when it began to wait
    int64_t computed = 0;  // leading tokens whose state is stored
    int64_t pages = 0;     // its own, without those of the prefix
    int drafts = 0;        // to be verified in the next step
    Prefix* prefix = nullptr;
    bool holds = false;  // it is a holder of its prefix
    bool generating() const { return computed > 0 && job.tokens - computed == 1; }
  };
  int64_t pages_for(int64_t tokens) const { return (tokens + limits_.page_tokens - 1) / limits_.page_tokens; }
  int64_t pages_of(const Entry& e) const;
  bool allocate(Entry& e, int64_t tokens);
  void give_back(Entry& e);
  void leave(Entry& e);
  int64_t unused_pages(const Prefix* but) const;
  bool drop_unused(Plan* plan, const Prefix* but);
  void preempt_youngest(Plan* plan, double now);
  int plan_generating(Plan* plan, double now);
  int plan_drafts(Plan* plan, int rows);
  int plan_prompts(Plan* plan, int rows, std::span<Entry> entries);
  bool waits_for_prefix(const Entry& e) const;
  void admit(Plan* plan, double now);
  static void add_slice(Plan* plan, Entry& e, int count);
  static int64_t border(const Entry& e);

  Limits limits_;
  std::map<uint64_t, Prefix> prefixes_;  // those that jobs name
  std::deque<Entry> waiting_;            // in order of arrival
  std::vector<Entry> running_;           // in order of arrival
  int64_t pages_used_ = 0;
};

}  // namespace autark::engine
