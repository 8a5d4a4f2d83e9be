// Goal: every step keeps the budgets, nobody starves, first come is first served, cancelling works at any
// time. Method: a seeded random life of thousands of steps against a plain model of who has what, plus
// examples for the rules one by one.
#include "engine/scheduler.h"
#include <gtest/gtest.h>
#include <map>
#include <optional>
#include <random>
#include <set>

namespace autark::engine {
namespace {

std::vector<uint64_t> ids_of(const std::vector<Slice>& slices) {
  std::vector<uint64_t> ids;
  for (const Slice& s : slices) ids.push_back(s.id);
  return ids;
}

TEST(SchedulerTest, PromptIsCutIntoChunksThenOneRowAStep) {
  Scheduler s({.rows_max = 10, .mixed_rows_max = 4, .running_max = 2, .pages_total = 10, .page_tokens = 8});
  ASSERT_TRUE(s.submit({.id = 7, .tokens = 23}, 1));
  Plan p = s.next(3.5);
  ASSERT_EQ(p.admitted.size(), 1u);
  EXPECT_DOUBLE_EQ(p.admitted[0].waited, 2.5);
  for (auto [first, count, last] : {std::tuple{0, 10, false}, {10, 10, false}, {20, 3, true}}) {
    ASSERT_EQ(p.slices.size(), 1u);
    EXPECT_EQ(p.slices[0].first, first);
    EXPECT_EQ(p.slices[0].count, count);
    EXPECT_EQ(p.slices[0].last, last);
    p = s.next(4);
  }
  EXPECT_TRUE(p.slices.empty());  // nothing is known beyond the prompt yet
  s.append(7);
  p = s.next(5);
  ASSERT_EQ(p.slices.size(), 1u);
  EXPECT_EQ(p.slices[0].first, 23);
  EXPECT_EQ(p.slices[0].count, 1);
}

TEST(SchedulerTest, PromptsLeaveRoomForWhoGenerates) {
  Scheduler s({.rows_max = 10, .mixed_rows_max = 4, .running_max = 3, .pages_total = 20, .page_tokens = 8});
  s.submit({.id = 1, .tokens = 2}, 0);
  s.next(0);
  s.append(1);
  s.submit({.id = 2, .tokens = 30}, 0);
  const Plan p = s.next(0);
  ASSERT_EQ(ids_of(p.slices), (std::vector<uint64_t>{1, 2}));
  EXPECT_EQ(p.slices[1].count, 4);
}

TEST(SchedulerTest, ChunkLimitOfARequestIsKept) {
  Scheduler s({.rows_max = 10, .running_max = 3, .pages_total = 20, .page_tokens = 8});
  s.submit({.id = 1, .tokens = 30, .rows_max = 3}, 0);
  s.submit({.id = 2, .tokens = 30}, 0);
  const Plan p = s.next(0);
  ASSERT_EQ(ids_of(p.slices), (std::vector<uint64_t>{1, 2}));
  EXPECT_EQ(p.slices[0].count, 3);
  EXPECT_EQ(p.slices[1].count, 7);
}

TEST(SchedulerTest, FullQueueRefuses) {
  Scheduler s({.running_max = 1, .waiting_max = 2, .pages_total = 4});
  EXPECT_TRUE(s.submit({.id = 1, .tokens = 2}, 0));
  EXPECT_TRUE(s.submit({.id = 2, .tokens = 2}, 0));
  EXPECT_FALSE(s.submit({.id = 3, .tokens = 2}, 0));
  s.next(0);  // 1 runs
  EXPECT_TRUE(s.submit({.id = 4, .tokens = 2}, 0));
}

TEST(SchedulerTest, DraftsAreVerifiedOnceAndCountOnlyWhatHeld) {
  Scheduler s({.rows_max = 10, .running_max = 2, .pages_total = 10, .page_tokens = 8});
  s.submit({.id = 7, .tokens = 5}, 0);
  s.next(0);
  s.append(7), s.guess(7, 3);
  Plan p = s.next(1);
  ASSERT_EQ(p.slices.size(), 1u);
  EXPECT_EQ(p.slices[0].first, 5);
  EXPECT_EQ(p.slices[0].count, 1);
  EXPECT_EQ(p.slices[0].drafts, 3);
  EXPECT_TRUE(p.slices[0].last);
  EXPECT_EQ(s.pages_used(), 2);  // tokens 6 … 9 need room
  s.append(7, 3);                // two held
  p = s.next(2);                 // and nothing new was guessed
  ASSERT_EQ(p.slices.size(), 1u);
  EXPECT_EQ(p.slices[0].first, 8);
  EXPECT_EQ(p.slices[0].count, 1);
  EXPECT_EQ(p.slices[0].drafts, 0);
}

TEST(SchedulerTest, DraftsTakeOnlyRowsAndPagesThatAreLeft) {
  Scheduler s({.rows_max = 8, .mixed_rows_max = 4, .running_max = 3, .pages_total = 5, .page_tokens = 4});
  s.submit({.id = 1, .tokens = 7}, 0);
  s.submit({.id = 2, .tokens = 3}, 0);
  s.next(0), s.next(0);
  s.append(1), s.append(2);
  s.guess(1, 4), s.guess(2, 4);
  const Plan p = s.next(1);  // 5 rows to spare, 2 pages
  EXPECT_TRUE(p.preempted.empty());
  ASSERT_EQ(ids_of(p.slices), (std::vector<uint64_t>{1, 2}));
  EXPECT_EQ(p.slices[0].drafts, 4);  // a page of its own
  EXPECT_EQ(p.slices[1].drafts, 1);  // the last row
  EXPECT_LE(s.pages_used(), 5);
}

TEST(SchedulerTest, WithoutPagesTheYoungestComputesAgainLater) {
  Scheduler s({.rows_max = 64, .running_max = 4, .pages_total = 5, .page_tokens = 4});
  s.submit({.id = 1, .tokens = 8}, 0);
  s.submit({.id = 2, .tokens = 8}, 0);
  EXPECT_EQ(s.next(0).admitted.size(), 2u);  // two pages each, one spare
  s.append(1), s.append(2);
  Plan p = s.next(1);
  EXPECT_EQ(p.preempted, std::vector<uint64_t>{2});
  EXPECT_EQ(ids_of(p.slices), std::vector<uint64_t>{1});
  s.remove(1);
  p = s.next(4);
  ASSERT_EQ(p.admitted.size(), 1u);
  EXPECT_DOUBLE_EQ(p.admitted[0].waited, 3);
  ASSERT_EQ(p.slices.size(), 1u);
  EXPECT_EQ(p.slices[0].first, 0);
  EXPECT_EQ(p.slices[0].count, 9);  // the token it had generated too
  EXPECT_TRUE(p.slices[0].last);
}

// What the test knows of a request.
struct Life {
  uint64_t arrival = 0;
  int64_t tokens = 0, computed = 0, to_generate = 0;
  bool running = false;
};

class Simulation {
 public:
  explicit Simulation(uint32_t seed) : gen_(seed) {
    limits_ = {.rows_max = pick(4, 40),
               .mixed_rows_max = pick(1, 20),
               .running_max = pick(1, 4),
               .waiting_max = pick(1, 12),
               .pages_total = pick(3, 30),
               .page_tokens = pick(1, 8)};
    scheduler_.emplace(limits_);
  }

  void step() {
    for (int n = pick(0, 2); n > 0; --n) submit();
    if (pick(0, 9) == 0) cancel_any();
    now_ += 1;
    const Plan p = scheduler_->next(now_);
    for (uint64_t id : p.preempted) preempted(id);
    for (const auto& a : p.admitted) admitted(a.id);
    check_slices(p);
    for (const Slice& s : p.slices) done(s);
    check_budgets();
  }
  void drain() {  // nobody new comes: all must end
    for (int i = 0; !lives_.empty(); ++i) {
      ASSERT_LT(i, 100000) << "starved";
      const Plan p = scheduler_->next(now_);
      ASSERT_FALSE(p.slices.empty()) << "stuck with " << lives_.size() << " requests";
      for (uint64_t id : p.preempted) preempted(id);
      for (const auto& a : p.admitted) admitted(a.id);
      for (const Slice& s : p.slices) done(s);
    }
    EXPECT_EQ(scheduler_->pages_used(), 0);
    EXPECT_EQ(scheduler_->running() + scheduler_->waiting(), 0);
  }
  int finished = 0, cancelled = 0, preemptions = 0;

 private:
  int pick(int from, int to) { return std::uniform_int_distribution(from, to)(gen_); }
  int64_t pages(int64_t tokens) const { return (tokens + limits_.page_tokens - 1) / limits_.page_tokens; }

  void submit() {
    const int64_t room = limits_.pages_total * limits_.page_tokens;
    const int64_t prompt = pick(1, int(std::min<int64_t>(room, 60)));
    const Life life{.arrival = ++last_id_,
                    .tokens = prompt,
                    .to_generate = std::min<int64_t>(room - prompt, pick(0, 40))};
    const bool room_to_wait = scheduler_->waiting() < limits_.waiting_max;
    const bool taken =
        scheduler_->submit({.id = last_id_, .tokens = prompt, .rows_max = pick(0, 1) * 5}, now_);
    EXPECT_EQ(taken, room_to_wait);
    if (taken) lives_[last_id_] = life;
  }
  void cancel_any() {
    if (lives_.empty()) return scheduler_->remove(999999);
    auto it = std::next(lives_.begin(), pick(0, int(lives_.size()) - 1));
    scheduler_->remove(it->first);
    lives_.erase(it);
    ++cancelled;
  }
  void preempted(uint64_t id) {
    ++preemptions;
    Life& l = lives_.at(id);
    EXPECT_TRUE(l.running);
    for (const auto& [other, life] : lives_) EXPECT_FALSE(life.running && other > id) << "not the youngest";
    l.running = false;
    l.computed = 0;
  }
  void admitted(uint64_t id) {
    Life& l = lives_.at(id);
    EXPECT_FALSE(l.running);
    for (const auto& [other, life] : lives_) EXPECT_FALSE(!life.running && other < id) << "overtaken";
    l.running = true;
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
      EXPECT_LE(s.first + s.count, l.tokens);
      EXPECT_EQ(s.last, s.first + s.count == l.tokens);
      rows += s.count;
    }
    EXPECT_LE(rows, limits_.rows_max);
    for (const auto& [id, l] : lives_) {
      const bool generates = l.running && l.computed > 0 && l.tokens - l.computed == 1;
      EXPECT_TRUE(!generates || once.contains(id)) << id << " is left out of the step";
    }
    EXPECT_EQ(p.slices.empty(), lives_.empty());
  }
  void done(const Slice& s) {
    Life& l = lives_.at(s.id);
    l.computed += s.count;
    if (!s.last) return;
    if (l.to_generate-- == 0) {
      scheduler_->remove(s.id);
      lives_.erase(s.id);
      ++finished;
    } else {
      scheduler_->append(s.id);
      ++l.tokens;
    }
  }
  void check_budgets() {
    int running = 0, waiting = 0;
    int64_t least = 0;
    for (const auto& [id, l] : lives_) {
      ++(l.running ? running : waiting);
      if (l.running) least += pages(l.computed);
    }
    EXPECT_EQ(scheduler_->running(), running);
    EXPECT_EQ(scheduler_->waiting(), waiting);
    EXPECT_LE(running, limits_.running_max);
    EXPECT_LE(scheduler_->pages_used(), limits_.pages_total);
    EXPECT_GE(scheduler_->pages_used(), least);
  }

  std::mt19937 gen_;
  Limits limits_;
  std::optional<Scheduler> scheduler_;
  std::map<uint64_t, Life> lives_;
  uint64_t last_id_ = 0;
  double now_ = 0;
};

TEST(SchedulerTest, RandomLivesKeepTheInvariants) {
  int finished = 0, cancelled = 0, preemptions = 0;
  for (uint32_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Simulation s(seed);
    for (int i = 0; i < 400 && !testing::Test::HasFailure(); ++i) s.step();
    if (!testing::Test::HasFailure()) s.drain();
    ASSERT_FALSE(testing::Test::HasFailure());
    finished += s.finished, cancelled += s.cancelled, preemptions += s.preemptions;
  }
  EXPECT_GT(finished, 1000);  // the simulation reaches all of it
  EXPECT_GT(cancelled, 500);
  EXPECT_GT(preemptions, 100);
}

}  // namespace
}  // namespace autark::engine
