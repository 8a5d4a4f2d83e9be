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
#pragma once
#include <cstdint>
#include <deque>
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
  int64_t tokens = 0;  // known so far: the prompt, later also what was generated
  int rows_max = 0;    // of one slice; 0: no limit of its own
};

struct Slice {  // rows [first, first + count) of one request's tokens
  uint64_t id = 0;
  int64_t first = 0;
  int count = 0;
  bool last = false;  // up to the end of what is known: the next token comes from its last row
  int drafts = 0;     // rows of guessed tokens behind them, to be verified
};

struct Plan {
  struct Admitted {
    uint64_t id = 0;
    double waited = 0;  // seconds
  };
  std::vector<Admitted> admitted;   // get state
  std::vector<uint64_t> preempted;  // lose theirs
  std::vector<Slice> slices;        // to be computed; empty: nothing to do
};

class Scheduler {
 public:
  explicit Scheduler(const Limits& limits);

  // False: waiting_max wait already. Ids are never used again.
  bool submit(const Job& job, double now);
  void remove(uint64_t id);  // finished or cancelled, wherever it is; unknown ids: nothing
  void append(uint64_t id,
              int tokens = 1);          // so many more are known, and the state of all but the last is there
  void guess(uint64_t id, int drafts);  // so many guesses may follow them in the next step
  Plan next(double now);                // what it plans is taken as done

  int running() const { return int(running_.size()); }
  int waiting() const { return int(waiting_.size()); }
  int64_t pages_used() const { return pages_used_; }

 private:
  struct Entry {
    Job job;
    double since = 0;      // when it began to wait
    int64_t computed = 0;  // tokens whose state is there
    int64_t pages = 0;     // lent to it
    int drafts = 0;        // that wait to be verified
    bool generating() const { return computed > 0 && job.tokens - computed == 1; }
  };
  int64_t pages_for(int64_t tokens) const { return (tokens + limits_.page_tokens - 1) / limits_.page_tokens; }
  bool lend(Entry& e, int64_t tokens);
  void preempt_youngest(Plan* plan, double now);
  int plan_generating(Plan* plan, double now);
  int plan_drafts(Plan* plan, int rows);
  int plan_prompts(Plan* plan, int rows, std::span<Entry> entries);
  void admit(Plan* plan, double now);
  static void add_slice(Plan* plan, Entry& e, int count);

  Limits limits_;
  std::deque<Entry> waiting_;   // by arrival
  std::vector<Entry> running_;  // by arrival
  int64_t pages_used_ = 0;
};

}  // namespace autark::engine
