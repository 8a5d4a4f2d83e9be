// Which rows of which requests make the next step. A pure function of the queue, the budgets and the time it
// is told: no threads, no clock of its own, no tokens, only their numbers.
//
//   waiting ──admit──► reading the prompt ──► one row a step ──► removed
//      ▲                                           │
//      └────── pages ran out: the youngest ────────┘
//
// Fair by arrival: first come, first admitted, and prompts are read in that order. Every request that
// generates has its row in every step; prompts share the rest, and less of it while somebody generates, so
// that one long prompt does not hold up everybody's next token. Drafts get rows and pages that nobody else
// needs: there are always rows left for running_max requests. A request is admitted when there are pages
// for its whole prompt and one page for each that runs already. When a running request then needs a page and
// none is free, the youngest gives up its pages and computes its tokens again later: its numbers do not
// change. REQUIRES: pages_total hold the longest request alone; so the oldest always gets on.
//
// Prefixes. Jobs that begin with the same tokens name the same prefix. The first that is admitted computes
// it, the others wait for it. Its slice ends where the prefix ends (Slice::snapshot); when the caller then
// keeps the state and says so (keep), the full pages of the prefix count once, the others start behind it,
// and whoever of them loses its pages falls back to it instead of to the beginning. A prefix lasts until its
// last job is removed, or until pages are needed and none of its jobs runs (Plan::dropped); then it is
// computed again.
#pragma once
#include <cstdint>
#include <deque>
#include <map>
#include <span>
#include <vector>

namespace autark::engine {

struct Limits {
  int rows_max = 512;        // of one step; at least running_max
  int mixed_rows_max = 128;  // prompt rows of a step in which somebody generates
  int running_max = 32, waiting_max = 256;
  int64_t pages_total = 0;
  int page_tokens = 128;
};

struct Job {
  uint64_t id = 0;
  int64_t tokens = 0;         // known so far: the prompt, later also what was generated
  int rows_max = 0;           // of one slice; 0: no limit of its own
  uint64_t prefix = 0;        // names the tokens that it begins with; 0: it shares none
  int64_t prefix_tokens = 0;  // how many these are. REQUIRES: < tokens, the same in all jobs of the prefix
};

struct Slice {  // rows [first, first + count) of one request's tokens
  uint64_t id = 0;
  int64_t first = 0;
  int count = 0;
  bool last = false;      // up to the end of what is known: the next token comes from its last row
  int drafts = 0;         // rows of guessed tokens behind them, to be verified
  bool snapshot = false;  // a prefix that others wait for ends here: keep its state
};

struct Plan {
  struct Admitted {
    uint64_t id = 0;
    double waited = 0;   // seconds
    int64_t cached = 0;  // tokens whose state it takes from its prefix
  };
  std::vector<uint64_t> dropped;    // prefixes whose state goes, before anything else
  std::vector<uint64_t> preempted;  // lose their state
  std::vector<Admitted> admitted;   // get state
  std::vector<Slice> slices;        // to be computed; empty: nothing to do
};

class Scheduler {
 public:
  explicit Scheduler(const Limits& limits);

  // False: waiting_max wait already. Ids are never used again.
  bool submit(const Job& job, double now);
  // A job that finished or was cancelled, wherever it is; unknown ids: nothing.
  void remove(uint64_t id);
  // `tokens` more are known of a running job, and the state of all but the last is there.
  void append(uint64_t id, int tokens = 1);
  // `drafts` guesses may follow its tokens in the next step.
  void guess(uint64_t id, int drafts);
  // The state of its prefix is kept from now on. REQUIRES: its slice of the last plan has `snapshot`.
  void keep(uint64_t id);
  // The next step. What it plans is taken as done.
  Plan next(double now);

  int running() const { return int(running_.size()); }
  int waiting() const { return int(waiting_.size()); }
  int64_t pages_used() const { return pages_used_; }  // those of a prefix count once
  bool kept(uint64_t prefix) const;                   // its state is there

 private:
  struct Prefix {
    int64_t tokens = 0, pages = 0;  // pages: full ones, which its jobs share
    int jobs = 0, holders = 0;      // holders: that run on its pages
    bool kept = false;
    bool unused() const { return kept && holders == 0 && pages > 0; }  // takes pages, and nobody runs on it
  };
  struct Entry {
    Job job;
    double since = 0;      // when it began to wait
    int64_t computed = 0;  // tokens whose state is there
    int64_t pages = 0;     // of its own
    int drafts = 0;        // that wait to be verified
    Prefix* prefix = nullptr;
    bool holds = false;  // the pages of its prefix, too
    bool generating() const { return computed > 0 && job.tokens - computed == 1; }
  };
  int64_t pages_for(int64_t tokens) const { return (tokens + limits_.page_tokens - 1) / limits_.page_tokens; }
  int64_t pages_of(const Entry& e) const;
  bool lend(Entry& e, int64_t tokens);
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
  std::map<uint64_t, Prefix> prefixes_;  // that jobs name
  std::deque<Entry> waiting_;            // by arrival
  std::vector<Entry> running_;           // by arrival
  int64_t pages_used_ = 0;
};

}  // namespace autark::engine
