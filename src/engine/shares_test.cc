// Goal: flows that always want rows get them in the ratio of their classes; a pause gives no claim; the number of
// remembered flows is bounded. Method: flows that are served one slice at a time, the one of least time first.
#include "engine/shares.h"
#include <gtest/gtest.h>
#include <algorithm>
#include <random>
#include <string>
#include <vector>

namespace autark::engine {
namespace {

TEST(SharesTest, TimesDifferByOneSliceWhateverTheSlices) {
  std::mt19937 gen(1);
  Shares s;
  std::vector<Shares::Flow*> flows;
  for (int c = 0; c < kServiceClasses; ++c) flows.push_back(&s.join("a", ServiceClass(c)));
  flows.push_back(&s.join("b", ServiceClass::standard));
  const int64_t most = 50 * Shares::cost(ServiceClass::flex);
  for (int i = 0; i < 20000; ++i) {
    for (auto* f : flows) f->wants = true;
    s.settle();
    auto* next = *std::ranges::min_element(flows, {}, [](auto* f) { return f->time; });
    EXPECT_EQ(s.now(), next->time);
    s.charge(*next, 1 + int64_t(gen() % 50));
    const auto [least, greatest] = std::ranges::minmax(flows, {}, [](auto* f) { return f->time; });
    ASSERT_LE(greatest->time - least->time, most);
  }
}

TEST(SharesTest, APauseGivesNoClaimAndForgivesNothing) {
  Shares s;
  auto& a = s.join("a", ServiceClass::standard);
  auto& b = s.join("b", ServiceClass::standard);
  a.wants = b.wants = true, s.settle();
  s.charge(b, 1000);
  a.wants = true, s.settle();
  s.charge(a, 10);  // b wants nothing
  a.wants = b.wants = true, s.settle();
  EXPECT_EQ(b.time - a.time, 990 * b.cost) << "b is still ahead";
  s.charge(a, 5000);
  auto& c = s.join("c", ServiceClass::standard);
  EXPECT_EQ(c.time, s.now()) << "who is new starts now";
  s.leave(b), s.leave(c);
  auto& again = s.join("b", ServiceClass::standard);
  EXPECT_EQ(again.time, 1000 * again.cost) << "leaving does not forgive";
  again.wants = true, s.settle();
  s.charge(again, 10000);
  again.wants = true, s.settle();
  a.wants = again.wants = true, s.settle();  // a has jobs, and wanted nothing meanwhile
  EXPECT_EQ(a.time, 11000 * again.cost);
}

TEST(SharesTest, WhileNobodyWantsRowsNobodyIsOwedAny) {
  Shares s;
  auto& a = s.join("a", ServiceClass::standard);
  s.charge(a, 100000);  // decodes alone for long
  s.settle();
  EXPECT_EQ(s.now(), a.time);
  EXPECT_EQ(s.join("b", ServiceClass::standard).time, a.time);
}

TEST(SharesTest, RemembersABoundedNumberOfFlows) {
  Shares s;
  auto& stays = s.join("stays", ServiceClass::standard);
  for (int i = 0; i < 5 * Shares::kIdleMax; ++i) {
    auto& f = s.join(std::to_string(i), ServiceClass(i % kServiceClasses));
    s.charge(f, 1 + i % 7);
    s.leave(f);
    ASSERT_LE(s.flows(), Shares::kIdleMax + 1);
  }
  EXPECT_EQ(stays.jobs, 1);
  EXPECT_EQ(&s.join("stays", ServiceClass::standard), &stays);
}

}  // namespace
}  // namespace autark::engine
