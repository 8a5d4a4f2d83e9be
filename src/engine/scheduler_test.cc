// Goal: every step keeps the limits, no request starves, requests are served in order of arrival, cancelling
// works at any time; a prefix is computed once and its pages count once. Method: thousands of seeded random
// steps are compared with a plain model of rows and pages; plus examples for each rule.
#include "engine/scheduler.h"
#include <gtest/gtest.h>
#include <algorithm>
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
  s.append(7), s.set_drafts(7, 3);
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
  s.set_drafts(1, 4), s.set_drafts(2, 4);
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

Limits with_pages(int64_t pages) {
  return {.rows_max = 64, .mixed_rows_max = 64, .running_max = 4, .pages_total = pages, .page_tokens = 4};
}
Job sharing(uint64_t id, int64_t tokens = 13) {
  return {.id = id, .tokens = tokens, .prefix = 1, .prefix_tokens = tokens - 1};
}

TEST(SchedulerTest, OthersWaitForTheirPrefixAndStartBehindIt) {
  Scheduler s(with_pages(20));
  for (uint64_t id : {1, 2, 3}) s.submit(sharing(id), 0);
  s.submit({.id = 4, .tokens = 5}, 0);
  Plan p = s.next(0);
  ASSERT_EQ(ids_of(p.slices), std::vector<uint64_t>{1}) << "the others wait, and who comes after them";
  EXPECT_EQ(p.slices[0].count, 12);
  EXPECT_TRUE(p.slices[0].snapshot);
  EXPECT_FALSE(p.slices[0].last);
  EXPECT_EQ(s.pages_used(), 4);
  EXPECT_FALSE(s.kept(1));
  s.keep(1);
  EXPECT_TRUE(s.kept(1));
  EXPECT_EQ(s.pages_used(), 4);
  p = s.next(1);
  ASSERT_EQ(ids_of(p.slices), (std::vector<uint64_t>{1, 2, 3, 4}));
  for (int i : {0, 1, 2}) {
    EXPECT_EQ(p.slices[i].first, 12);
    EXPECT_EQ(p.slices[i].count, 1);
    EXPECT_TRUE(p.slices[i].last);
    EXPECT_FALSE(p.slices[i].snapshot);
  }
  ASSERT_EQ(p.admitted.size(), 3u);
  EXPECT_EQ(p.admitted[0].cached, 12);
  EXPECT_EQ(p.admitted[2].cached, 0);
  EXPECT_EQ(s.pages_used(), 3 + 3 * 1 + 2) << "full pages of the prefix count once";
  s.remove(1), s.remove(2);
  EXPECT_EQ(s.pages_used(), 3 + 1 + 2);
  s.remove(3);
  EXPECT_EQ(s.pages_used(), 2);
  EXPECT_FALSE(s.kept(1)) << "it was the last of its jobs";
}

TEST(SchedulerTest, APrefixThatNobodyElseWaitsForIsNoBorder) {
  Scheduler s(with_pages(20));
  s.submit(sharing(1), 0), s.submit(sharing(2), 0);
  s.remove(2);
  const Plan p = s.next(0);
  ASSERT_EQ(p.slices.size(), 1u);
  EXPECT_EQ(p.slices[0].count, 13);
  EXPECT_FALSE(p.slices[0].snapshot);
}

TEST(SchedulerTest, TheNextComputesThePrefixWhenTheFirstIsGoneOrItIsNotKept) {
  Scheduler s(with_pages(20));
  for (uint64_t id : {1, 2, 3, 4}) s.submit(sharing(id), 0);
  s.next(0);
  s.remove(1);
  Plan p = s.next(1);
  ASSERT_EQ(ids_of(p.slices), std::vector<uint64_t>{2});
  EXPECT_EQ(p.slices[0].first, 0);
  EXPECT_TRUE(p.slices[0].snapshot);  // and no keep()
  p = s.next(2);
  ASSERT_EQ(ids_of(p.slices), (std::vector<uint64_t>{2, 3}));
  EXPECT_TRUE(p.slices[0].last);
  EXPECT_EQ(p.slices[1].first, 0);
  EXPECT_EQ(p.slices[1].count, 12);
}

TEST(SchedulerTest, WithoutPagesAJobFallsBackToItsPrefix) {
  Scheduler s(with_pages(7));
  s.submit(sharing(1, 16), 0), s.submit(sharing(2, 16), 0);  // 15 tokens: three full pages
  s.next(0), s.keep(1);
  s.next(1);
  EXPECT_EQ(s.pages_used(), 5);
  Plan p;
  int64_t generated = 0;
  for (; p.preempted.empty(); ++generated) {
    ASSERT_LT(generated, 10);
    s.append(1), s.append(2);
    p = s.next(2);
  }
  EXPECT_EQ(p.preempted, std::vector<uint64_t>{2});
  EXPECT_TRUE(p.dropped.empty());
  s.remove(1);
  p = s.next(3);
  ASSERT_EQ(p.admitted.size(), 1u);
  EXPECT_EQ(p.admitted[0].cached, 15);
  ASSERT_EQ(p.slices.size(), 1u);
  EXPECT_EQ(p.slices[0].first, 15);
  EXPECT_EQ(p.slices[0].count, 1 + generated);
  EXPECT_EQ(s.pages_used(), 3 + 2 + (generated > 4));
}

TEST(SchedulerTest, PagesOfAPrefixThatNobodyRunsOnGoToWhoNeedsThem) {
  Scheduler s(with_pages(6));
  s.submit({.id = 1, .tokens = 4}, 0);
  s.submit(sharing(2), 0), s.submit(sharing(3), 0), s.submit(sharing(4), 0);
  s.next(0), s.keep(2);
  s.remove(2);
  EXPECT_EQ(s.pages_used(), 1 + 3);
  Plan p;
  int generated = 0;  // 3 has to wait: a page for it and one to spare for 1 are not there
  for (; p.dropped.empty(); ++generated) {
    ASSERT_LT(generated, 20);
    s.append(1);
    p = s.next(1);
    EXPECT_TRUE(p.admitted.empty());
  }
  EXPECT_EQ(p.dropped, std::vector<uint64_t>{1});
  EXPECT_EQ(4 + generated, 13) << "when the fourth page is needed";
  EXPECT_TRUE(p.preempted.empty());
  EXPECT_FALSE(s.kept(1));
  s.remove(1);
  p = s.next(3);
  ASSERT_EQ(ids_of(p.slices), std::vector<uint64_t>{3});
  EXPECT_EQ(p.slices[0].first, 0) << "it computes the prefix again";
  EXPECT_TRUE(p.slices[0].snapshot);
}

// What the test knows of a request.
struct Life {
  uint64_t arrival = 0;
  int64_t tokens = 0, computed = 0, to_generate = 0;
  uint64_t prefix = 0;
  bool running = false, holds = false;  // holds: the pages of its prefix
};
struct PrefixLife {
  int64_t tokens = 0;
  bool kept = false;
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
    pick(0, 2) ? submit_group() : submit();
    if (pick(0, 9) == 0) cancel_any();
    now_ += 1;
    const Plan p = scheduler_->next(now_);
    take(p);
    check_slices(p);
    check_pages();
    for (const Slice& s : p.slices) done(s);
    check_budgets();
  }
  void drain() {  // without new requests, all must end
    for (int i = 0; !lives_.empty(); ++i) {
      ASSERT_LT(i, 100000) << "starved";
      const Plan p = scheduler_->next(now_);
      ASSERT_FALSE(p.slices.empty()) << "stuck with " << lives_.size() << " requests";
      take(p);
      check_pages();
      for (const Slice& s : p.slices) done(s);
    }
    EXPECT_EQ(scheduler_->pages_used(), 0);
    EXPECT_EQ(scheduler_->running() + scheduler_->waiting(), 0);
  }
  int finished = 0, cancelled = 0, preemptions = 0, adopted = 0, fallbacks = 0, dropped = 0;

 private:
  void take(const Plan& p) {
    for (uint64_t prefix : p.dropped) drop(prefix);
    for (uint64_t id : p.preempted) preempted(id);
    for (const auto& a : p.admitted) admitted(a);
  }
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
  // Submits jobs with the same prompt, as long as the queue has room.
  void submit_group() {
    const int64_t room = limits_.pages_total * limits_.page_tokens;
    if (room < 2) return;
    const int64_t prompt = pick(2, int(std::min<int64_t>(room, 60)));
    const uint64_t prefix = last_id_ + 1;
    const int64_t shared = pick(0, 3) ? prompt - 1 : pick(1, int(prompt) - 1);
    for (int n = pick(2, 5); n > 0 && scheduler_->waiting() < limits_.waiting_max; --n) {
      lives_[++last_id_] = {.arrival = last_id_,
                            .tokens = prompt,
                            .to_generate = std::min<int64_t>(room - prompt, pick(0, 40)),
                            .prefix = prefix};
      prefixes_[prefix].tokens = shared;
      ASSERT_TRUE(scheduler_->submit(
          {.id = last_id_, .tokens = prompt, .prefix = prefix, .prefix_tokens = shared}, now_));
    }
  }
  void leave(uint64_t id) {
    const uint64_t prefix = lives_.at(id).prefix;
    lives_.erase(id);
    const bool last = std::ranges::none_of(lives_, [&](auto& l) { return l.second.prefix == prefix; });
    if (last) prefixes_.erase(prefix);
    EXPECT_EQ(scheduler_->kept(prefix), prefixes_.contains(prefix) && prefixes_[prefix].kept);
  }
  void drop(uint64_t prefix) {
    ++dropped;
    EXPECT_TRUE(prefixes_.at(prefix).kept);
    prefixes_.at(prefix).kept = false;
  }
  void cancel_any() {
    if (lives_.empty()) return scheduler_->remove(999999);
    auto it = std::next(lives_.begin(), pick(0, int(lives_.size()) - 1));
    scheduler_->remove(it->first);
    leave(it->first);
    ++cancelled;
  }
  void preempted(uint64_t id) {
    ++preemptions;
    Life& l = lives_.at(id);
    EXPECT_TRUE(l.running);
    for (const auto& [other, life] : lives_) EXPECT_FALSE(life.running && other > id) << "not the youngest";
    l.running = l.holds = false;
    l.computed = 0;
    preempted_.insert(id);
  }
  void admitted(const Plan::Admitted& a) {
    Life& l = lives_.at(a.id);
    EXPECT_FALSE(l.running);
    for (const auto& [other, life] : lives_) EXPECT_FALSE(!life.running && other < a.id) << "overtaken";
    const PrefixLife prefix = l.prefix ? prefixes_.at(l.prefix) : PrefixLife{};
    EXPECT_EQ(a.cached, prefix.kept ? prefix.tokens : 0);
    for (const auto& [other, life] : lives_) {
      const bool computes =
          life.running && life.prefix && life.prefix == l.prefix && life.computed < prefix.tokens;
      EXPECT_FALSE(!prefix.kept && computes) << a.id << " computes what " << other << " does";
    }
    l.running = true;
    l.holds = prefix.kept;
    l.computed = a.cached;
    if (a.cached > 0) ++(preempted_.contains(a.id) ? fallbacks : adopted);
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
      if (s.snapshot) {
        EXPECT_FALSE(prefixes_.at(l.prefix).kept);
        EXPECT_EQ(s.first + s.count, prefixes_.at(l.prefix).tokens);
      }
      rows += s.count;
    }
    EXPECT_LE(rows, limits_.rows_max);
    for (const auto& [id, l] : lives_) {
      const bool generates = l.running && l.computed > 0 && l.tokens - l.computed == 1 &&
                             std::ranges::count(p.admitted, id, &Plan::Admitted::id) == 0;
      EXPECT_TRUE(!generates || once.contains(id)) << id << " is left out of the step";
    }
    EXPECT_EQ(p.slices.empty(), lives_.empty());
  }
  void done(const Slice& s) {
    Life& l = lives_.at(s.id);
    l.computed += s.count;
    if (s.snapshot && pick(0, 4)) {  // else there was no memory for it
      scheduler_->keep(s.id);
      prefixes_.at(l.prefix).kept = l.holds = true;
    }
    if (!s.last) return;
    if (l.to_generate-- == 0) {
      scheduler_->remove(s.id);
      leave(s.id);
      ++finished;
    } else {
      scheduler_->append(s.id);
      ++l.tokens;
    }
  }
  // Right after a plan: every running job has the pages of its known tokens, shared ones counted once.
  void check_pages() {
    int64_t all = 0;
    for (const auto& [id, p] : prefixes_) all += p.kept ? p.tokens / limits_.page_tokens : 0;
    for (const auto& [id, l] : lives_) {
      if (l.running) all += pages(l.tokens);
      if (l.holds) all -= prefixes_.at(l.prefix).tokens / limits_.page_tokens;
      EXPECT_FALSE(l.holds && !prefixes_.at(l.prefix).kept) << "dropped under " << id;
    }
    EXPECT_EQ(scheduler_->pages_used(), all);
  }
  void check_budgets() {
    int running = 0, waiting = 0;
    for (const auto& [id, l] : lives_) ++(l.running ? running : waiting);
    EXPECT_EQ(scheduler_->running(), running);
    EXPECT_EQ(scheduler_->waiting(), waiting);
    EXPECT_LE(running, limits_.running_max);
    EXPECT_LE(scheduler_->pages_used(), limits_.pages_total);
  }

  std::mt19937 gen_;
  Limits limits_;
  std::optional<Scheduler> scheduler_;
  std::map<uint64_t, Life> lives_;
  std::map<uint64_t, PrefixLife> prefixes_;
  std::set<uint64_t> preempted_;
  uint64_t last_id_ = 0;
  double now_ = 0;
};

TEST(SchedulerTest, RandomLivesKeepTheInvariants) {
  int finished = 0, cancelled = 0, preemptions = 0, adopted = 0, fallbacks = 0, dropped = 0;
  for (uint32_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Simulation s(seed);
    for (int i = 0; i < 400 && !testing::Test::HasFailure(); ++i) s.step();
    if (!testing::Test::HasFailure()) s.drain();
    ASSERT_FALSE(testing::Test::HasFailure());
    finished += s.finished, cancelled += s.cancelled, preemptions += s.preemptions;
    adopted += s.adopted, fallbacks += s.fallbacks, dropped += s.dropped;
  }
  EXPECT_GT(finished, 1000);  // the simulation reaches every case
  EXPECT_GT(cancelled, 500);
  EXPECT_GT(preemptions, 100);
  EXPECT_GT(adopted, 500);
  EXPECT_GT(fallbacks, 20);
  EXPECT_GT(dropped, 20);
}

}  // namespace
}  // namespace autark::engine
