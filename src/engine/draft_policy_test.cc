// Goal: the policy drafts as far as it pays, with the drafter that pays most, stops what does not pay at little cost,
// and returns to it once it pays. Method: machines whose times are formulas, and drafters whose drafts hold with
// given probabilities. Total times are compared with no drafts, and with the best fixed choice.
#include "engine/draft_policy.h"
#include <gtest/gtest.h>
#include <algorithm>
#include <cmath>
#include <functional>
#include <random>

namespace autark::engine {
namespace {

// Microseconds of a step of so many rows, and of a drafter that makes so many passes (0: it only follows).
struct Machine {
  std::function<double(int rows)> target;
  std::function<double(DraftSource, int passes)> drafter = [](DraftSource, int) { return 0.; };
};
const Machine kMemoryBound{[](int rows) { return 20000 + 300. * rows; },
                           [](DraftSource, int passes) { return 2000 + 1500. * passes; }};

// One or several requests that decode; each draft of a source holds with a probability.
class Machinery {
 public:
  using Holds = std::function<double(int request, DraftSource source, int place)>;
  Machinery(Machine machine, std::vector<DraftChoice> offers, int requests, Holds holds)
      : holds(std::move(holds)),
        machine_(std::move(machine)),
        offers_(std::move(offers)),
        records_(requests) {
    StepLoad prompt;
    prompt.add_prompt(0, 256);
    policy.learn_step(prompt, int64_t(machine_.target(256)));
  }
  void steps(int n) {
    for (int i = 0; i < n; ++i) step();
  }
  double pace() const { return tokens / micros; }
  void clear() { tokens = micros = 0, used = {}, last_ = {}, exploring = 0; }

  DraftPolicy policy;
  Holds holds;
  double tokens = 0, micros = 0;
  std::array<int64_t, kDraftSources> used = {};
  int exploring = 0;  // steps with drafts
  std::vector<DraftChoice> last() const { return last_; }

 private:
  void step() {
    std::vector<DraftPolicy::Asking> askings;
    for (DraftRecord& r : records_) askings.push_back({&r, 500, offers_});
    const auto choices = policy.choose(askings);
    StepLoad load;
    std::array<int, kDraftSources> passes = {};
    int rows = 0;
    for (const DraftChoice& c : choices) {
      load.add_decode(499, 1 + c.count);
      rows += 1 + c.count;
      passes[int(c.source)] = std::max(passes[int(c.source)], c.count);
      used[int(c.source)] += c.count;
    }
    exploring += rows > int(choices.size());
    draft(passes);
    const double time = machine_.target(rows) * jitter();
    policy.learn_step(load, int64_t(time));
    micros += time;
    for (size_t i = 0; i < choices.size(); ++i) {
      int accepted = 0;
      while (accepted < choices[i].count && chance() < holds(int(i), choices[i].source, accepted)) ++accepted;
      if (choices[i].count > 0) policy.learn_answer(records_[i], choices[i], accepted, false);
      tokens += 1 + accepted;
    }
    last_ = choices;
  }
  void draft(const std::array<int, kDraftSources>& passes) {
    for (const DraftSource s : {DraftSource::mtp, DraftSource::draft}) {
      const bool offered = std::ranges::count(offers_, s, &DraftChoice::source) > 0;
      if (!offered || (passes[int(s)] == 0 && !policy.follows(s))) continue;
      const double time = machine_.drafter(s, passes[int(s)]) * jitter();
      policy.learn_drafting(s, passes[int(s)], int64_t(time));
      micros += time;
    }
  }
  double chance() { return std::uniform_real_distribution<>(0, 1)(gen_); }
  double jitter() { return std::uniform_real_distribution<>(.95, 1.05)(gen_); }

  Machine machine_;
  std::vector<DraftChoice> offers_;
  std::vector<DraftRecord> records_;
  std::vector<DraftChoice> last_;
  std::mt19937 gen_{7};
};

Machinery::Holds always_with(double p) {
  return [p](int, DraftSource, int) { return p; };
}
const DraftChoice kLookup{DraftSource::lookup, 2, 8}, kMtp{DraftSource::mtp, 0, 4},
    kModel{DraftSource::draft, 0, 8};

// Tokens by microseconds of a fixed number of drafts of one request.
double fixed_pace(const Machine& m, DraftSource s, double p, int count) {
  double tokens = 1;
  for (int i = 1; i <= count; ++i) tokens += std::pow(p, i);
  return tokens / (m.target(1 + count) + (count > 0 && s != DraftSource::lookup ? m.drafter(s, count) : 0));
}
double best_fixed(const Machine& m, DraftSource s, double p, int most) {
  double best = 0;
  for (int n = 0; n <= most; ++n) best = std::max(best, fixed_pace(m, s, p, n));
  return best;
}

TEST(DraftPolicyTest, IsNearTheBestFixedLength) {
  const Machine compute_bound{[](int rows) { return 2000 + 9000. * rows; }};
  const Machine steps{[](int rows) { return 20000. + 6000 * ((rows - 1) / 4); },
                      [](DraftSource, int n) { return 1000. * n; }};
  for (const Machine& m : {kMemoryBound, compute_bound, steps}) {
    for (const DraftChoice& offer : {kLookup, kMtp, kModel}) {
      for (const double p : {0., .1, .3, .5, .7, .9, .97}) {
        Machinery run(m, {offer}, 1, always_with(p));
        run.steps(600);
        run.clear();
        run.steps(6000);
        EXPECT_GT(run.pace(), .9 * best_fixed(m, offer.source, p, offer.count))
            << name_of(offer.source) << " " << p << ": " << run.pace() / fixed_pace(m, offer.source, p, 0);
      }
    }
  }
}

TEST(DraftPolicyTest, TakesTheDrafterThatPaysMost) {
  const auto holds = [](double mtp, double model) {
    return [=](int, DraftSource s, int) {
      return s == DraftSource::mtp ? mtp : s == DraftSource::draft ? model : .1;
    };
  };
  for (const bool mtp : {false, true}) {
    Machinery run(kMemoryBound, {kLookup, kMtp, kModel}, 1, holds(mtp ? .9 : .1, mtp ? .1 : .9));
    run.steps(500);
    run.clear();
    run.steps(2000);
    const auto good = mtp ? DraftSource::mtp : DraftSource::draft,
               bad = mtp ? DraftSource::draft : DraftSource::mtp;
    EXPECT_GT(run.used[int(good)], 2000);
    EXPECT_LT(run.used[int(bad)], 100);
  }
}

TEST(DraftPolicyTest, EachRequestHasItsOwnDrafts) {
  Machinery run(kMemoryBound, {kLookup}, 2,
                [](int request, DraftSource, int) { return request == 0 ? .9 : .02; });
  run.steps(300);
  int64_t first = 0, second = 0;
  for (int i = 0; i < 400; ++i) {
    run.steps(1);
    first += run.last()[0].count, second += run.last()[1].count;
  }
  EXPECT_GT(first, 4 * 400);
  EXPECT_LT(second, first / 6);
}

// From the first step on, and for every source.
TEST(DraftPolicyTest, MeaninglessDraftsCostLittle) {
  for (const std::vector<DraftChoice>& offers :
       {std::vector{kLookup}, std::vector{kMtp}, std::vector{kModel}, std::vector{kLookup, kMtp, kModel}}) {
    for (const int requests : {1, 8}) {
      Machinery run(kMemoryBound, offers, requests, always_with(.002));
      run.steps(3000);
      const double without = requests / kMemoryBound.target(requests);
      EXPECT_GT(run.pace(), .98 * without) << offers.size() << " sources, " << requests << " requests";
      run.clear();
      run.steps(3000);
      EXPECT_LE(run.exploring, 3000 / DraftPolicy::kPause + 15);
      EXPECT_GT(run.pace(), .99 * without);
    }
  }
}

TEST(DraftPolicyTest, ReturnsWhenDraftsHoldAgain) {
  for (const DraftChoice& offer : {kLookup, kMtp}) {
    Machinery run(kMemoryBound, {offer}, 1, always_with(0));
    run.steps(2000);
    EXPECT_EQ(run.policy.follows(offer.source), false);
    run.holds = always_with(.9);
    run.steps(600);
    run.clear();
    run.steps(1000);
    EXPECT_GT(run.pace(), .93 * best_fixed(kMemoryBound, offer.source, .9, offer.count));
    EXPECT_TRUE(run.policy.follows(offer.source));
  }
}

TEST(DraftPolicyTest, ChoosesNothingBeforeAStepWasMeasured) {
  DraftPolicy policy;
  DraftRecord record;
  const std::vector<DraftPolicy::Asking> askings{{&record, 10, {kLookup}}};
  EXPECT_EQ(policy.choose(askings)[0].count, 0);
  EXPECT_TRUE(policy.choose({}).empty());
}

TEST(DraftPolicyTest, DraftsAlwaysIfAsked) {
  DraftPolicy policy(true);
  DraftRecord a, b;
  const std::vector<DraftPolicy::Asking> askings{{&a, 10, {kLookup, kMtp}}, {&b, 10, {}}};
  std::array<int, kDraftSources> seen = {};
  for (int i = 0; i < 4; ++i) {
    const auto c = policy.choose(askings);
    EXPECT_EQ(c[0].count, c[0].source == DraftSource::mtp ? 4 : 8);
    EXPECT_EQ(c[1].count, 0);
    ++seen[int(c[0].source)];
  }
  EXPECT_EQ(seen[int(DraftSource::lookup)], 2);
  EXPECT_EQ(seen[int(DraftSource::mtp)], 2);
}

// Odd numbers from a clock do no harm.
TEST(DraftPolicyTest, SurvivesOddTimes) {
  DraftPolicy policy;
  DraftRecord record;
  const std::vector<DraftPolicy::Asking> askings{{&record, 10, {kLookup, kMtp}}};
  std::mt19937 gen(3);
  for (int i = 0; i < 3000; ++i) {
    const auto choices = policy.choose(askings);
    StepLoad load;
    load.add_decode(9, 1 + choices[0].count);
    const int64_t odd[] = {-5, 0, 1, 1000, 1000000000000};
    policy.learn_step(load, odd[gen() % 5]);
    policy.learn_drafting(DraftSource::mtp, int(gen() % 12), odd[gen() % 5]);
    policy.learn_answer(record, choices[0], int(gen() % 2) * choices[0].count, false);
    ASSERT_LE(choices[0].count, 8);
  }
}

}  // namespace
}  // namespace autark::engine
