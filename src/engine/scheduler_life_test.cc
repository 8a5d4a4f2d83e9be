// Goal: every step keeps the limits, no request starves, cancelling works at any time, and pages of a shared prefix
// count once. Method: thousands of seeded random steps are compared with a plain model of rows, pages and prefixes.
// `autark_sim` (tests/sim) has longer lives, with time and a ledger of pages.
#include <gtest/gtest.h>
#include <algorithm>
#include <map>
#include <random>
#include <set>
#include "engine/scheduler_testing.h"

namespace autark::engine {
namespace {

// What the test knows of a request.
struct Life {
  uint64_t arrival = 0;
  int64_t computed = 0, to_generate = 0;
  bool running = false;
  int preemptions = 0;
  std::string domain = {};
  std::pair<int, uint64_t> rank() const { return {preemptions < Scheduler::kPreemptionsMax, arrival}; }
  std::set<std::vector<int32_t>> shared;  // the prefixes whose pages belong to the tree
};

class Simulation {
 public:
  explicit Simulation(uint32_t seed)
      : gen_(seed),
        block_(pick(1, 8)),
        limits_{.rows_max = pick(4, 40),
                .mixed_rows_max = pick(1, 20),
                .running_max = pick(1, 4),
                .waiting_max = pick(1, 12),
                .pages_total = pick(3, 30)},
        queue_(limits_, block_,
               {.anywhere = pick(0, 1) == 0, .copies_max = pick(1, 20), .keeps_idle = pick(0, 4) > 0}) {}

  void step() {
    for (int n = pick(0, 2) ? 1 : pick(2, 5), same = pick(0, 3); n > 0; --n) submit(same);
    if (pick(0, 9) == 0) cancel_any();
    now_ += 1;
    const Plan p = queue_.next(now_);
    take(p);
    check_slices(p);
    check_pages();
    for (const Slice& s : p.slices) done(s);
    check_budgets();
  }
  void drain() {  // without new requests, all must end
    for (int i = 0; !lives_.empty(); ++i) {
      ASSERT_LT(i, 100000) << "starved";
      const Plan p = queue_.next(now_);
      ASSERT_FALSE(p.slices.empty()) << "stuck with " << lives_.size() << " requests";
      take(p);
      check_pages();
      for (const Slice& s : p.slices) done(s);
    }
    EXPECT_EQ(queue_.pages_used(), 0);
    EXPECT_EQ(queue_.running() + queue_.waiting(), 0);
  }
  int finished = 0, cancelled = 0, preemptions = 0, adopted = 0, fallbacks = 0, taken_over = 0;

 private:
  void take(const Plan& p) {
    for (uint64_t id : p.preempted) preempted(id);
    for (const auto& a : p.admitted) admitted(a);
  }
  int pick(int from, int to) { return std::uniform_int_distribution(from, to)(gen_); }
  int64_t pages(int64_t tokens) const { return (tokens + block_ - 1) / block_; }
  int64_t known(uint64_t id) const { return std::ssize(queue_.tokens(id)); }

  // `same`: 0: shares nothing, else the number of the domain in which it shares some tokens.
  void submit(int same) {
    const int64_t room = limits_.pages_total * block_;
    const int64_t prompt = pick(1, int(std::min<int64_t>(room, 60)));
    const bool room_to_wait = queue_.waiting() < limits_.waiting_max;
    const bool taken = queue_.submit({.id = ++last_id_,
                                      .tokens = prompt,
                                      .rows_max = pick(0, 3) ? 0 : 5,
                                      .shared = same ? pick(0, int(prompt)) : 0,
                                      .domain = std::to_string(same),
                                      .reads = pick(0, 9) > 0},
                                     now_);
    EXPECT_EQ(taken, room_to_wait);
    if (!taken) return;
    lives_[last_id_] = {.arrival = last_id_, .to_generate = std::min<int64_t>(room - prompt, pick(0, 40))};
    lives_[last_id_].domain = std::to_string(same);
  }
  void cancel_any() {
    if (lives_.empty()) return queue_.remove(999999);
    const auto it = std::next(lives_.begin(), pick(0, int(lives_.size()) - 1));
    queue_.remove(it->first);
    lives_.erase(it);
    ++cancelled;
  }
  void preempted(uint64_t id) {
    ++preemptions;
    Life& l = lives_.at(id);
    EXPECT_TRUE(l.running);
    for (const auto& [other, life] : lives_)
      EXPECT_FALSE(life.running && life.domain == l.domain && life.rank() > l.rank() &&
                   life.preemptions < Scheduler::kPreemptionsMax)
          << "not the last in rank";
    l.running = false;
    ++l.preemptions;
    l.computed = 0;
    l.shared.clear();
    preempted_.insert(id);
  }
  void admitted(const Plan::Admitted& a) {
    Life& l = lives_.at(a.id);
    EXPECT_FALSE(l.running);
    EXPECT_LT(a.reuse.read, known(a.id));
    EXPECT_EQ(a.reuse.read % block_, 0);
    l.running = true;
    l.computed = a.reuse.read;
    share(a.id, a.reuse.read / block_);
    if (a.reuse.read > 0) ++(preempted_.contains(a.id) ? fallbacks : adopted);
  }
  void share(uint64_t id, int64_t blocks) {  // its first pages belong to the tree
    const auto tokens = queue_.tokens(id);
    std::vector<int32_t> path;
    for (char c : queue_.hints(id).domain) path.push_back(c);
    for (int64_t i = 0; i < blocks * block_; ++i) {
      path.push_back(tokens[i]);
      if ((i + 1) % block_ == 0) lives_.at(id).shared.insert(path);
    }
  }
  void check_slices(const Plan& p) {
    int rows = 0;
    std::set<uint64_t> once;
    for (const Slice& s : p.slices) {
      const Life& l = lives_.at(s.id);
      EXPECT_TRUE(l.running);
      EXPECT_TRUE(once.insert(s.id).second);
      EXPECT_EQ(s.first, l.computed);
      EXPECT_GT(s.count, 0);
      EXPECT_LE(s.first + s.count, known(s.id));
      EXPECT_EQ(s.last, s.first + s.count == known(s.id));
      rows += s.count;
    }
    EXPECT_LE(rows, limits_.rows_max);
    for (const auto& [id, l] : lives_) {
      const bool generates = l.running && l.computed > 0 && known(id) - l.computed == 1 &&
                             std::ranges::count(p.admitted, id, &Plan::Admitted::id) == 0;
      EXPECT_TRUE(!generates || once.contains(id)) << id << " is left out of the step";
    }
    EXPECT_EQ(p.slices.empty(), lives_.empty());
  }
  void done(const Slice& s) {
    Life& l = lives_.at(s.id);
    l.computed += s.count;
    const bool ends = s.last && l.to_generate-- == 0;
    if (s.last && !ends) queue_.append(s.id);
    const Stored stored = queue_.store(s.id);
    if (!stored.added.empty()) {
      EXPECT_EQ(stored.first, std::ssize(l.shared));
      for (const auto& a : stored.added) taken_over += !a.fresh;
      share(s.id, stored.first + std::ssize(stored.added));
    }
    if (!ends) return;
    queue_.remove(s.id);
    lives_.erase(s.id);
    ++finished;
  }
  // Right after a plan: every running job has the pages of its known tokens, shared ones counted once.
  void check_pages() {
    std::set<std::vector<int32_t>> shared;
    int64_t all = 0;
    for (const auto& [id, l] : lives_) {
      if (!l.running) continue;
      all += pages(known(id)) - std::ssize(l.shared);
      shared.insert(l.shared.begin(), l.shared.end());
    }
    EXPECT_EQ(queue_.pages_used(), all + std::ssize(shared));
    EXPECT_EQ(queue_.pages_taken() - queue_.pages_used(), queue_.tree().idle());
    EXPECT_LE(queue_.pages_taken(), limits_.pages_total);
  }
  void check_budgets() {
    int running = 0, waiting = 0;
    for (const auto& [id, l] : lives_) ++(l.running ? running : waiting);
    EXPECT_EQ(queue_.running(), running);
    EXPECT_EQ(queue_.waiting(), waiting);
    EXPECT_LE(running, limits_.running_max);
  }

  std::mt19937 gen_;
  int block_;
  Limits limits_;
  Queue queue_;
  std::map<uint64_t, Life> lives_;
  std::set<uint64_t> preempted_;
  uint64_t last_id_ = 0;
  double now_ = 0;
};

TEST(SchedulerLifeTest, RandomLivesKeepTheInvariants) {
  int finished = 0, cancelled = 0, preemptions = 0, adopted = 0, fallbacks = 0, taken_over = 0;
  for (uint32_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Simulation s(seed);
    for (int i = 0; i < 400 && !testing::Test::HasFailure(); ++i) s.step();
    if (!testing::Test::HasFailure()) s.drain();
    ASSERT_FALSE(testing::Test::HasFailure());
    finished += s.finished, cancelled += s.cancelled, preemptions += s.preemptions;
    adopted += s.adopted, fallbacks += s.fallbacks, taken_over += s.taken_over;
  }
  EXPECT_GT(finished, 1000);  // the simulation reaches every case
  EXPECT_GT(cancelled, 500);
  EXPECT_GT(preemptions, 100);
  EXPECT_GT(adopted, 500);
  EXPECT_GT(fallbacks, 20);
  EXPECT_GT(taken_over, 20);
}

}  // namespace
}  // namespace autark::engine
