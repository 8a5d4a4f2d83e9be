// Goal: predictions come near the true times of machines of several kinds, never fall with more work, and one odd
// time does not spoil them. Method: seeded random steps of machines whose times are formulas.
#include "engine/step_cost.h"
#include <gtest/gtest.h>
#include <algorithm>
#include <cmath>
#include <functional>
#include <random>

namespace autark::engine {
namespace {

using Machine = std::function<double(const StepLoad&)>;  // microseconds

double rows(const StepLoad& l) {
  return double(l.rows);
}

const std::vector<std::pair<const char*, Machine>> kMachines = {
    {"rows cost alike", [](const StepLoad& l) { return 40000 + 2000 * rows(l); }},
    {"the first rows cost most",  // each reads experts of its own
     [](const StepLoad& l) { return 5000 + 20000 * std::sqrt(rows(l)) + 200 * rows(l); }},
    {"deep state costs",
     [](const StepLoad& l) {
       return 30000 + 500 * rows(l) + .5 * double(l.decode_depth) + .02 * double(l.prompt_depth);
     }},
};

StepLoad load(int decodes, int64_t depth, int64_t prompt, int64_t first) {
  StepLoad l;
  for (int i = 0; i < decodes; ++i) l.add_decode(depth, 1);
  if (prompt > 0) l.add_prompt(first, prompt);
  return l;
}

StepLoad random_load(std::mt19937& gen) {
  const auto pick = [&](int from, int to) { return std::uniform_int_distribution(from, to)(gen); };
  const int decodes = pick(0, 8), prompt = decodes == 0 || pick(0, 1) ? pick(1, 256) : 0;
  return load(decodes, pick(1, 8000), prompt, pick(0, 16000));
}

StepCost learned(const Machine& m, std::mt19937& gen, int steps = 300) {
  StepCost cost;
  for (int i = 0; i < steps; ++i) {
    const StepLoad l = random_load(gen);
    cost.learn(l, int64_t(m(l) * std::uniform_real_distribution(.95, 1.05)(gen)));
  }
  return cost;
}

TEST(StepCostTest, PredictsWithinAQuarter) {
  for (const auto& [name, machine] : kMachines) {
    SCOPED_TRACE(name);
    std::mt19937 gen(1);
    const StepCost cost = learned(machine, gen);
    int near = 0;
    for (int i = 0; i < 1000; ++i) {
      const StepLoad l = random_load(gen);
      near += std::abs(cost.micros(l) / machine(l) - 1) < .25;
    }
    EXPECT_GE(near, 950);
  }
}

TEST(StepCostTest, MoreWorkNeverCostsLess) {
  std::mt19937 gen(2);
  for (int trial = 0; trial < 50; ++trial) {
    StepCost cost;
    for (int i = 0; i < 30; ++i) cost.learn(random_load(gen), int64_t(1 + gen() % 1000000));  // no formula
    StepLoad l = random_load(gen);
    for (int i = 0; i < 20; ++i) {
      const double before = cost.micros(l);
      if (gen() % 2)
        l.add_decode(int64_t(gen() % 1000), 1 + int(gen() % 3));
      else
        l.add_prompt(int64_t(gen() % 1000), 1 + int64_t(gen() % 50));
      ASSERT_GE(cost.micros(l), before);
    }
  }
}

TEST(StepCostTest, RowsWithinATimeAreTheMostThatFit) {
  std::mt19937 gen(3);
  const StepCost cost = learned(kMachines[0].second, gen);
  const StepLoad decodes = load(4, 100, 0, 0);
  const int64_t fits = cost.rows_within(decodes, 500, 400, 150000);
  EXPECT_NEAR(double(fits), (150000 - 40000 - 4 * 2000) / 2000., 8);
  EXPECT_EQ(cost.rows_within(decodes, 500, 10, 150000), 10) << "no more than asked";
  EXPECT_EQ(cost.rows_within(decodes, 500, 400, 1000), 0);
  StepCost young;
  young.learn(decodes, 48000);
  EXPECT_LE(young.rows_within(decodes, 0, 400, 1e12), 8) << "at most twice the rows of the largest step";
}

TEST(StepCostTest, OneOddTimeMovesLittle) {
  std::mt19937 gen(4);
  StepCost cost = learned(kMachines[0].second, gen);
  const StepLoad l = load(4, 100, 32, 500);
  const double before = cost.micros(l);
  cost.learn(l, int64_t{3600} * 1000000);  // the machine slept
  EXPECT_LT(cost.micros(l), 1.5 * before);
  cost.learn(l, 0), cost.learn(l, -5), cost.learn({}, 1000);
  for (int i = 0; i < 50; ++i) cost.learn(l, 112000);
  EXPECT_NEAR(cost.micros(l) / 112000, 1, .1);
}

TEST(StepCostTest, FollowsAMachineThatBecomesSlower) {
  std::mt19937 gen(5);
  const Machine& machine = kMachines[2].second;
  StepCost cost = learned(machine, gen);
  const StepLoad l = load(4, 1000, 0, 0);
  EXPECT_NEAR(cost.micros(l) / machine(l), 1, .25);
  for (int i = 0; i < 3000; ++i) {
    const StepLoad other = random_load(gen);
    cost.learn(other, int64_t(10 * machine(other)));
  }
  EXPECT_NEAR(cost.micros(l) / (10 * machine(l)), 1, .25);
}

TEST(StepCostTest, EqualCallsGiveEqualBits) {
  std::mt19937 a(6), b(6);
  const StepCost x = learned(kMachines[1].second, a), y = learned(kMachines[1].second, b);
  for (int i = 0; i < 100; ++i) {
    const StepLoad l = random_load(a);
    EXPECT_EQ(x.micros(l), y.micros(l));
  }
}

}  // namespace
}  // namespace autark::engine
