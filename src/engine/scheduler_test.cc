// Goal: every step keeps its time, domains and classes get their shares, nobody waits longer than the bounds; what a
// running job computes is not computed by another one, its pages count once, and idle pages go to who needs them.
// Method: examples for each rule, and floods of several domains. Random lives are in scheduler_life_test.cc.
#include "engine/scheduler.h"
#include <gtest/gtest.h>
#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include "base/check.h"
#include "engine/scheduler_testing.h"

namespace autark::engine {
namespace {

std::vector<uint64_t> ids_of(const std::vector<Slice>& slices) {
  std::vector<uint64_t> ids;
  for (const Slice& s : slices) ids.push_back(s.id);
  return ids;
}

TEST(SchedulerTest, PromptIsCutIntoChunksThenOneRowAStep) {
  Queue s({.rows_max = 10, .mixed_rows_max = 4, .running_max = 2, .pages_total = 10}, 8);
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
  Queue s({.rows_max = 10, .mixed_rows_max = 4, .running_max = 3, .pages_total = 20}, 8);
  s.submit({.id = 1, .tokens = 2}, 0);
  s.next(0);
  s.append(1);
  s.submit({.id = 2, .tokens = 30}, 0);
  const Plan p = s.next(0);
  ASSERT_EQ(ids_of(p.slices), (std::vector<uint64_t>{1, 2}));
  EXPECT_EQ(p.slices[1].count, 4);
}

TEST(SchedulerTest, ChunkLimitOfARequestIsKept) {
  Queue s({.rows_max = 10, .running_max = 3, .pages_total = 20}, 8);
  s.submit({.id = 1, .tokens = 30, .rows_max = 3}, 0);
  s.submit({.id = 2, .tokens = 30}, 0);
  const Plan p = s.next(0);
  ASSERT_EQ(ids_of(p.slices), (std::vector<uint64_t>{1, 2}));
  EXPECT_EQ(p.slices[0].count, 3);
  EXPECT_EQ(p.slices[1].count, 7);
}

TEST(SchedulerTest, FullQueueRefuses) {
  Queue s({.running_max = 1, .waiting_max = 2, .pages_total = 4});
  EXPECT_TRUE(s.submit({.id = 1, .tokens = 2}, 0));
  EXPECT_TRUE(s.submit({.id = 2, .tokens = 2}, 0));
  EXPECT_FALSE(s.submit({.id = 3, .tokens = 2}, 0));
  s.next(0);  // 1 runs
  EXPECT_TRUE(s.submit({.id = 4, .tokens = 2}, 0));
}

TEST(SchedulerTest, DraftsAreVerifiedOnceAndCountOnlyWhatHeld) {
  Queue s({.rows_max = 10, .running_max = 2, .pages_total = 10}, 8);
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
  Queue s({.rows_max = 8, .mixed_rows_max = 4, .running_max = 3, .pages_total = 5}, 4);
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
  Queue s({.rows_max = 64, .running_max = 4, .pages_total = 5}, 4);
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
  return {.rows_max = 64, .mixed_rows_max = 64, .running_max = 4, .pages_total = pages};
}

TEST(SchedulerTest, OthersWaitForTheirPrefixAndStartBehindIt) {
  Queue s(with_pages(20), 4);
  for (uint64_t id : {1, 2, 3}) s.submit({.id = id, .tokens = 13, .shared = 13}, 0);
  s.submit({.id = 4, .tokens = 5}, 0);
  Plan p = s.next(0);
  ASSERT_EQ(ids_of(p.slices), (std::vector<uint64_t>{1, 4})) << "two wait, and do not hold back the last";
  EXPECT_EQ(s.pages_used(), 4 + 2);
  const Stored stored = s.store(1);
  EXPECT_EQ(stored.first, 0);
  EXPECT_EQ(stored.added.size(), 3u);
  EXPECT_EQ(s.pages_used(), 4 + 2);
  s.append(1), s.append(4);
  p = s.next(1);
  ASSERT_EQ(ids_of(p.slices), (std::vector<uint64_t>{1, 4, 2, 3}));
  ASSERT_EQ(p.admitted.size(), 2u);
  for (int i : {0, 1}) {
    EXPECT_EQ(p.admitted[i].reuse.read, 12);
    EXPECT_EQ(p.slices[2 + i].first, 12);
    EXPECT_TRUE(p.slices[2 + i].last);
  }
  EXPECT_EQ(s.pages_used(), 3 + 3 * 1 + 2) << "pages of the prefix count once";
  s.remove(1), s.remove(2);
  EXPECT_EQ(s.pages_used(), 3 + 1 + 2);
  s.remove(3);
  EXPECT_EQ(s.pages_used(), 2);
  EXPECT_EQ(s.pages_taken(), 5) << "the prefix stays";
}

TEST(SchedulerTest, NobodyWaitsForAnotherDomainOrForWhatItMustComputeItself) {
  Queue s(with_pages(20), 4);
  s.submit({.id = 1, .tokens = 13, .shared = 13, .domain = "a"}, 0);
  s.submit({.id = 2, .tokens = 13, .shared = 13, .domain = "b"}, 0);
  s.submit({.id = 3, .tokens = 13, .shared = 13, .domain = "a", .reads = false}, 0);
  const Plan p = s.next(0);
  EXPECT_EQ(ids_of(p.slices), (std::vector<uint64_t>{1, 2, 3}));
  EXPECT_EQ(p.admitted[2].reuse.read, 0);
  EXPECT_EQ(p.admitted[2].reuse.possible, 12) << "of its prompt, whose logits are never stored";
  EXPECT_EQ(p.admitted[2].reuse.why, Why::never_stored);
  EXPECT_EQ(p.admitted[2].reuse.at, 0);
  for (uint64_t id : {1, 2, 3}) s.append(id), s.store(id);
  EXPECT_EQ(s.pages_used(), 3 * 1 + 2 * 3) << "the third uses the pages of the first from now on";
}

TEST(SchedulerTest, TheNextComputesThePrefixWhenTheFirstIsGone) {
  Queue s(with_pages(20), 4);
  for (uint64_t id : {1, 2, 3}) s.submit({.id = id, .tokens = 13, .shared = 13}, 0);
  s.next(0);
  s.remove(1);
  Plan p = s.next(1);
  ASSERT_EQ(ids_of(p.slices), std::vector<uint64_t>{2});
  EXPECT_EQ(p.slices[0].first, 0);
}

TEST(SchedulerTest, WithoutPagesAJobFallsBackToItsPrefix) {
  Queue s(with_pages(7), 4);
  for (uint64_t id : {1, 2}) s.submit({.id = id, .tokens = 16, .shared = 13}, 0);  // three full pages
  s.next(0), s.store(1);
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
  s.remove(1);
  p = s.next(3);
  ASSERT_EQ(p.admitted.size(), 1u);
  EXPECT_EQ(p.admitted[0].reuse.read, 12);
  ASSERT_EQ(p.slices.size(), 1u);
  EXPECT_EQ(p.slices[0].first, 12);
  EXPECT_EQ(p.slices[0].count, 4 + generated);
}

TEST(SchedulerTest, IdlePagesGoToWhoNeedsThem) {
  Queue s(with_pages(6), 4);
  s.submit({.id = 1, .tokens = 17}, 0);
  s.next(0), s.store(1), s.remove(1);
  EXPECT_EQ(s.pages_used(), 0);
  EXPECT_EQ(s.pages_taken(), 4);
  s.submit({.id = 2, .tokens = 13}, 1);
  EXPECT_EQ(s.next(1).admitted.size(), 1u);
  EXPECT_EQ(s.pages_used(), 4);
  EXPECT_EQ(s.pages_taken(), 6) << "no more than needed are evicted";
  s.append(2);
  s.set_drafts(2, 7);
  EXPECT_EQ(s.next(2).slices[0].drafts, 2) << "no page is evicted for a draft";
  s.append(2, 3);
  s.next(2);
  EXPECT_EQ(s.pages_used(), 5);
  EXPECT_EQ(s.pages_taken(), 6);
}

// The ends of the slices of one request.
std::vector<int64_t> ends_of(Queue& s, uint64_t id) {
  std::vector<int64_t> ends;
  for (bool last = false; !last;) {
    const Plan p = s.next(0);
    AUTARK_CHECK(p.slices.size() == 1 && p.slices[0].id == id);
    ends.push_back(p.slices[0].first + p.slices[0].count);
    last = p.slices[0].last;
    if (last) s.append(id);
    s.store(id);
  }
  return ends;
}

TEST(SchedulerTest, APromptIsCutWhereCopiesAreWanted) {
  Limits limits = with_pages(100);
  limits.rows_max = limits.mixed_rows_max = 10000;
  Queue s(limits, 32, {.anywhere = false});
  s.submit({.id = 1, .tokens = 400}, 0);
  EXPECT_EQ(ends_of(s, 1), (std::vector<int64_t>{128, 256, 352, 384, 400}))
      << "stride, end, and the one before";
  s.submit({.id = 2, .tokens = 310}, 0), s.remove(1);
  EXPECT_EQ(ends_of(s, 2), (std::vector<int64_t>{128, 256, 288, 310}));
  s.remove(2);
  s.submit({.id = 3, .tokens = 330, .shared = 100}, 0), ends_of(s, 3), s.remove(3);
  s.submit({.id = 4, .tokens = 330, .shared = 100}, 0);
  EXPECT_EQ(ends_of(s, 4), (std::vector<int64_t>{96, 128, 256, 288, 320, 330})) << "plants where they part";
  s.submit({.id = 5, .tokens = 330, .shared = 100}, 0), s.remove(4);
  EXPECT_EQ(s.next(0).admitted[0].reuse.read, 96);
}

TEST(SchedulerTest, OfTheCopiesOfAnAnswerTheLastStays) {
  Queue s(with_pages(100), 4, {.anywhere = false});
  s.submit({.id = 1, .tokens = 6}, 0);
  for (int i = 0; i < 40; ++i) {
    s.set_drafts(1, 3);
    const Plan p = s.next(0);
    const Slice& slice = p.slices.at(0);
    const int64_t end = slice.first + slice.count;
    EXPECT_LE(end + slice.drafts, (end + 3) / 4 * 4) << "no draft passes a border";
    if (slice.last) s.append(1, 1 + slice.drafts);
    s.store(1);
  }
  const int64_t computed = std::ssize(s.tokens(1)) - 1;
  EXPECT_EQ(s.tree().pages(), computed / 4);
  EXPECT_EQ(s.tree().copies(), 1 + computed / 16 + (computed / 4 % 4 != 0))
      << "of the prompt, strides, the last";
}

// Rows of each domain's prompts in one step.
std::map<std::string, int64_t> rows_by_domain(const Queue& s, const Plan& p) {
  std::map<std::string, int64_t> rows;
  for (const Slice& slice : p.slices) rows[s.hints(slice.id).domain] += slice.count;
  return rows;
}

// Keeps `waiting` prompts of random lengths of one flow in the queue; each ends with its prompt.
struct Flood {
  std::string domain;
  ServiceClass tier = ServiceClass::standard;
  int waiting = 3, longest = 100;
};

class Floods {
 public:
  Floods(const Limits& limits, std::vector<Flood> floods) : s_(limits, 8), floods_(std::move(floods)) {}

  // One step; returns the rows of each flow.
  std::vector<int64_t> step() {
    for (size_t f = 0; f < floods_.size(); ++f) {
      const Flood& flood = floods_[f];
      while (live_[f] < flood.waiting) {
        const int64_t tokens = std::uniform_int_distribution(1, flood.longest)(gen_);
        of_[++last_] = f, ++live_[f];
        s_.submit({.id = last_, .tokens = tokens, .domain = flood.domain, .service = {.tier = flood.tier}},
                  0);
      }
    }
    std::vector<int64_t> rows(floods_.size());
    const Plan p = s_.next(0);
    for (const Slice& slice : p.slices) rows[of_.at(slice.id)] += slice.count;
    for (const Slice& slice : p.slices) {
      if (slice.last) s_.remove(slice.id), --live_[of_.at(slice.id)];
    }
    return rows;
  }

 private:
  Queue s_;
  std::vector<Flood> floods_;
  std::map<uint64_t, size_t> of_;
  std::map<size_t, int> live_;
  uint64_t last_ = 0;
  std::mt19937 gen_{7};
};

constexpr Limits kFloodLimits{.rows_max = 64, .running_max = 8, .waiting_max = 200, .pages_total = 1000};

// The bound of one slice, whatever the domains ask for.
TEST(SchedulerTest, DomainsGetEqualRowsWhateverTheyAskFor) {
  Floods s(kFloodLimits, {{.domain = "many", .waiting = 60, .longest = 20},
                          {.domain = "long", .waiting = 2, .longest = 2000},
                          {.domain = "few", .waiting = 4, .longest = 64}});
  std::vector<int64_t> sum(3);
  for (int i = 0; i < 3000; ++i) {
    const auto rows = s.step();
    for (int f = 0; f < 3; ++f) sum[f] += rows[f];
    const auto [least, most] = std::ranges::minmax(sum);
    ASSERT_LE(most - least, 2 * kFloodLimits.rows_max) << "after step " << i;
  }
  EXPECT_GE(sum[0] + sum[1] + sum[2], 3000 * 50) << "the rows of the steps are used";
}

TEST(SchedulerTest, ClassesGetRowsEightToOne) {
  Floods s(kFloodLimits, {{.domain = "a", .tier = ServiceClass::flex},
                          {.domain = "a", .tier = ServiceClass::standard},
                          {.domain = "a", .tier = ServiceClass::priority}});
  std::vector<int64_t> sum(3);
  for (int i = 0; i < 5000; ++i) {
    const auto rows = s.step();
    for (int f = 0; f < 3; ++f) sum[f] += rows[f];
  }
  EXPECT_NEAR(double(sum[1]) / double(sum[0]), 8, .3);
  EXPECT_NEAR(double(sum[2]) / double(sum[1]), 8, .3);
}

TEST(SchedulerTest, WhoPausedHasNoClaimOnWhatOthersUsed) {
  Queue s({.rows_max = 10, .running_max = 4, .pages_total = 1000}, 8);
  s.submit({.id = 1, .tokens = 2000, .domain = "a"}, 0);
  for (int i = 0; i < 100; ++i) s.next(0);
  s.submit({.id = 2, .tokens = 2000, .domain = "b"}, 0);
  std::map<std::string, int64_t> rows;
  for (int i = 0; i < 40; ++i) {
    for (const auto& [domain, n] : rows_by_domain(s, s.next(0))) rows[domain] += n;
  }
  EXPECT_EQ(rows["a"], 200);
  EXPECT_EQ(rows["b"], 200);
}

TEST(SchedulerTest, AShortPromptWaitsForOneTurnOfALongOne) {
  Queue s({.rows_max = 100, .running_max = 4, .pages_total = 5000}, 8);
  s.submit({.id = 1, .tokens = 16000}, 0);
  s.next(0);
  s.submit({.id = 2, .tokens = 50}, 0);
  int steps = 1;
  for (; s.running() == 1; ++steps) {
    ASSERT_LE(steps * 100, Scheduler::kTurnRows + 100);
    s.next(0);
  }
  EXPECT_GE(steps * 100, Scheduler::kTurnRows) << "the long one had its turn";
}

TEST(SchedulerTest, TheSmallestPriorityGoesFirstAndOvertakesSoOften) {
  Queue s({.rows_max = 8, .running_max = 8, .waiting_max = 100, .pages_total = 100}, 8);
  s.submit({.id = 1, .tokens = 8, .service = {.priority = 1}}, 0);
  s.submit({.id = 2, .tokens = 8, .service = {.priority = 3}}, 0);
  s.submit({.id = 3, .tokens = 8, .service = {.priority = -2}}, 0);
  std::vector<uint64_t> order;
  for (uint64_t id = 10; std::ranges::count(order, 2) == 0 && id < 100; ++id) {
    s.submit({.id = id, .tokens = 8, .service = {.priority = 2}}, 0);
    for (uint64_t done : ids_of(s.next(0).slices)) order.push_back(done), s.remove(done);
  }
  ASSERT_GE(order.size(), 2u);
  EXPECT_EQ(order[0], 3u);
  EXPECT_EQ(order[1], 1u);
  EXPECT_EQ(std::ranges::find(order, 2) - order.begin(), 1 + Scheduler::kPassesMax)
      << "request 1, and as many later ones as may overtake it";
}

TEST(SchedulerTest, WhoDoesNotFitIsOvertakenSoOftenThenNobodyIsAdmitted) {
  Queue s({.rows_max = 64, .running_max = 8, .waiting_max = 100, .pages_total = 20}, 8);
  s.submit({.id = 1, .tokens = 8, .domain = "c"}, 0);
  s.next(0), s.append(1);                 // it keeps its pages
  s.submit({.id = 2, .tokens = 155}, 0);  // all pages: after the end of 1
  int overtaken = 0;
  for (uint64_t id = 10; id < 100; ++id) {
    s.submit({.id = id, .tokens = 8, .domain = "b"}, 0);
    const Plan p = s.next(0);
    overtaken += int(p.admitted.size());
    EXPECT_EQ(p.admitted.empty(), id >= 10 + Scheduler::kPassesMax);
    for (const Slice& slice : p.slices) {
      if (slice.id != 1) s.remove(slice.id);
    }
  }
  EXPECT_EQ(overtaken, Scheduler::kPassesMax);
  s.remove(1);
  EXPECT_EQ(s.next(0).admitted.at(0).id, 2u);
}

// Each time the job that computes the prefix is cancelled, one that goes first begins to compute it.
TEST(SchedulerTest, NobodyWaitsForEverForAPrefix) {
  Queue s({.rows_max = 8, .running_max = 4, .pages_total = 400}, 4);
  const auto submit = [&](uint64_t id, int priority) {
    s.submit({.id = id, .tokens = 400, .rows_max = 4, .shared = 400, .service = {.priority = priority}}, 0);
  };
  submit(100, 0), s.next(0);
  submit(1, 5), s.next(0);
  int waits = 1;
  for (uint64_t id = 101; s.waiting() == 1; ++id, ++waits) {
    ASSERT_LE(waits, Scheduler::kWaitsMax);
    s.remove(id - 1);
    submit(id, 0);
    s.next(0), s.next(0);
  }
  EXPECT_EQ(waits, Scheduler::kWaitsMax + 1) << "it waited for four, and not for the fifth";
}

TEST(SchedulerTest, ADomainWithAllPlacesGivesOneToWhoHasNone) {
  Queue s({.rows_max = 64, .running_max = 4, .pages_total = 100}, 8);
  for (uint64_t id = 1; id <= 6; ++id) s.submit({.id = id, .tokens = 12, .domain = "flood"}, 0);
  s.next(0);
  for (uint64_t id = 1; id <= 4; ++id) s.append(id), s.store(id);
  s.submit({.id = 7, .tokens = 5, .domain = "b"}, 0);
  Plan p = s.next(0);
  EXPECT_EQ(p.preempted, std::vector<uint64_t>{4});
  ASSERT_EQ(p.admitted.size(), 1u);
  EXPECT_EQ(p.admitted[0].id, 7u);
  EXPECT_EQ(ids_of(p.slices), (std::vector<uint64_t>{1, 2, 3, 7}));
  s.append(7);
  s.submit({.id = 8, .tokens = 5, .domain = "b"}, 0);
  EXPECT_TRUE(s.next(0).preempted.empty()) << "its domain has a place";
  s.remove(7), s.remove(8);
  p = s.next(0);
  ASSERT_EQ(p.admitted.size(), 1u);
  EXPECT_EQ(p.admitted[0].id, 4u) << "and goes on";
  EXPECT_EQ(p.admitted[0].reuse.read, 8) << "behind what it had stored";
}

TEST(SchedulerTest, RemembersABoundedNumberOfDomains) {
  Queue s({.rows_max = 64, .running_max = 4, .pages_total = 100}, 4);
  for (uint64_t id = 1; id <= 3 * Shares::kIdleMax; ++id) {
    s.submit({.id = id, .tokens = 5, .domain = std::to_string(id)}, 0);
    if (id % 3) s.next(0);
    s.remove(id);
    ASSERT_LE(s.flows(), Shares::kIdleMax);
  }
}

// Milliseconds of a step: decodes, their depth, prompt rows, the depth of the first.
using Machine = double (*)(double decodes, double depth, double prompt, double first);
constexpr Machine kMachines[] = {
    [](double d, double, double p, double) { return 50 + 4 * d + 3 * p; },
    // rows read experts of their own at first, and share them later
    [](double d, double, double p, double) { return 8 + 9 * std::sqrt(d + p) + .7 * (d + p); },
    // the depth of the state costs most
    [](double d, double depth, double p, double first) {
      return 20 + 2 * d + .002 * d * depth + p * (.5 + .0002 * first);
    },
};

struct Pace {
  std::vector<double> ratios;  // of the steps with prompt rows to the same ones without, rising
  double used = 0;             // mean part of the allowed time that was used
};

// Four users decode, then a prompt of 16,000 tokens arrives. Times are measured with an error of a twentieth.
Pace pace_of(Machine m, const Limits& limits) {
  Queue s(limits, 128);
  std::mt19937 gen(1);
  for (uint64_t id = 1; id <= 4; ++id) s.submit({.id = id, .tokens = 300}, 0);
  double step = 0, depth = 300;
  Pace pace;
  for (int i = 0; i < 4000 && (i < 60 || s.running() + s.waiting() > 4); ++i, ++depth) {
    if (i == 50) s.submit({.id = 9, .tokens = 16000}, 0);
    const Plan p = s.next(i, step);
    double decodes = 0, prompt = 0, first = 0;
    for (const Slice& slice : p.slices) {
      if (slice.count == 1) ++decodes;
      if (slice.count > 1) prompt += slice.count, first = double(slice.first);
      if (slice.id == 9 && slice.last) s.remove(9);
      if (slice.id != 9 && slice.last) s.append(slice.id);
    }
    const double with = m(decodes, depth, prompt, first), without = m(decodes, depth, 0, 0);
    step = with / 1000 * std::uniform_real_distribution(.95, 1.05)(gen);
    if (i < 50 || prompt == 0) continue;
    pace.ratios.push_back(with / without);
    pace.used += (with / without - 1) / (limits.pace - 1);
  }
  pace.used /= double(pace.ratios.size());
  std::ranges::sort(pace.ratios);
  return pace;
}

TEST(SchedulerTest, ALongPromptLeavesOthersTheirPace) {
  const Limits limits{.rows_max = 512, .running_max = 8, .pages_total = 1000};
  for (const Machine m : kMachines) {
    const Pace pace = pace_of(m, limits);
    ASSERT_GT(pace.ratios.size(), 30u);
    EXPECT_LE(pace.ratios[pace.ratios.size() * 99 / 100], 3) << "99 of 100 steps";
    EXPECT_GE(pace.used, .7) << "and the time is used";
  }
}

TEST(SchedulerTest, ThePlaceInTheQueueSaysWhoStartsNext) {
  Queue s({.rows_max = 10, .running_max = 1, .pages_total = 100}, 8);
  s.submit({.id = 1, .tokens = 10, .domain = "a"}, 0);
  s.next(0), s.append(1);
  s.submit({.id = 2, .tokens = 30, .domain = "a"}, 1);
  s.submit({.id = 3, .tokens = 30, .domain = "a"}, 1);
  s.submit({.id = 4, .tokens = 30, .domain = "b"}, 2);
  s.submit({.id = 5, .tokens = 30, .domain = "a", .service = {.tier = ServiceClass::flex}}, 3);
  s.next(3.5);
  const auto queue = s.queue();
  ASSERT_EQ(queue.size(), 4u);
  std::vector<uint64_t> order, started;
  for (const auto& q : queue) order.push_back(q.id);
  EXPECT_EQ(queue[0].place.position, 1);
  EXPECT_EQ(queue[3].place.position, 4);
  EXPECT_EQ(std::ranges::find(queue, 2u, &Scheduler::Queued::id)->place.waited_ms, 2500);
  for (s.remove(1); s.running() + s.waiting() > 0;) {
    const Plan p = s.next(4);
    for (const auto& a : p.admitted) started.push_back(a.id);
    for (const Slice& slice : p.slices) {
      if (slice.last) s.remove(slice.id);
    }
  }
  EXPECT_EQ(order, started);
}

TEST(SchedulerTest, TheExpectedWaitFollowsTheStarts) {
  Queue s({.rows_max = 64, .running_max = 1, .pages_total = 20});
  for (uint64_t id : {1, 2, 3, 4}) s.submit({.id = id, .tokens = 5}, 0);
  s.next(0);
  EXPECT_EQ(s.queue()[0].place.expected_ms, 0) << "nothing is known yet";
  s.remove(1);
  s.next(2);
  ASSERT_EQ(s.queue().size(), 2u);
  EXPECT_EQ(s.queue()[0].place.expected_ms, 2000);
  EXPECT_EQ(s.queue()[1].place.expected_ms, 4000);
  s.next(7);
  EXPECT_EQ(s.queue()[0].place.expected_ms, 5000) << "the next start is overdue";
  s.remove(2);
  s.next(8);
  EXPECT_EQ(s.queue()[0].place.expected_ms, 3000) << "two seconds, and a quarter of what six differ";
}

TEST(SchedulerTest, AHeldJobWaitsIsOvertakenAndCanBeLate) {
  Queue s({.rows_max = 64, .mixed_rows_max = 64, .running_max = 1, .pages_total = 20}, 4);
  EXPECT_FALSE(s.first_held());
  s.submit({.id = 1, .tokens = 5, .domain = "a", .service = {.seconds_max = 3}}, 0);
  s.submit({.id = 2, .tokens = 5, .domain = "a"}, 0);
  s.submit({.id = 3, .tokens = 5, .domain = "a"}, 0);
  s.hold(1), s.hold(2), s.hold(7);
  EXPECT_EQ(s.first_held(), 1u);
  EXPECT_EQ(s.waiting(), 3);
  EXPECT_EQ(s.queue().size(), 3u) << "held ones have a place, too";
  EXPECT_EQ(ids_of(s.next(1).slices), std::vector<uint64_t>{3});
  s.remove(3);
  EXPECT_TRUE(s.next(2).slices.empty());
  EXPECT_EQ(s.late(3), std::vector<uint64_t>{1});
  s.remove(1);
  EXPECT_EQ(s.first_held(), 2u);
  s.release(2), s.release(1);
  EXPECT_FALSE(s.first_held());
  EXPECT_EQ(ids_of(s.next(3).slices), std::vector<uint64_t>{2});
  s.hold(2);
  EXPECT_FALSE(s.first_held()) << "it runs";
}

// Who has computed least is read first, so that one domain's many prefixes do not hold up another domain's.
TEST(SchedulerTest, HeldJobsAreReadInTheOrderOfTurns) {
  Queue s({.rows_max = 64, .mixed_rows_max = 64, .running_max = 4, .pages_total = 60}, 4);
  s.submit({.id = 1, .tokens = 30, .domain = "a"}, 0);
  s.next(0);
  for (uint64_t id : {2, 3}) s.submit({.id = id, .tokens = 5, .domain = "a"}, 1), s.hold(id);
  s.submit({.id = 4, .tokens = 5, .domain = "b"}, 2), s.hold(4);
  EXPECT_EQ(s.first_held(), 4u);
  s.release(4);
  EXPECT_EQ(s.first_held(), 2u);
}

TEST(SchedulerTest, DeadlinesCountFromTheArrivalOfWaitingAndRunning) {
  Queue s({.rows_max = 10, .running_max = 1, .pages_total = 10}, 8);
  s.submit({.id = 1, .tokens = 5, .service = {.seconds_max = 3}}, 0);
  s.submit({.id = 2, .tokens = 5, .service = {.seconds_max = 1.5}}, 1);
  s.submit({.id = 3, .tokens = 5}, 1);
  s.next(1);
  EXPECT_TRUE(s.late(2).empty());
  EXPECT_EQ(s.late(2.5), std::vector<uint64_t>{2});
  EXPECT_EQ(s.late(0), std::vector<uint64_t>{2}) << "a clock that falls stands still";
  s.remove(2);
  EXPECT_EQ(s.late(1e6), std::vector<uint64_t>{1});
}

}  // namespace
}  // namespace autark::engine
