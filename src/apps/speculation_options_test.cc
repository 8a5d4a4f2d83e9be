// Goal: --speculate, --drafts and --draft-model set what they say, and refuse other words. Method: argument lists.
#include "apps/speculation_options.h"
#include <gtest/gtest.h>

namespace autark::apps {
namespace {

using engine::DraftSource;

engine::Options set(const SpeculationArguments& a) {
  engine::Options o;
  EXPECT_FALSE(set_speculation(a, o));
  return o;
}

TEST(SpeculationOptionsTest, SetTheEngine) {
  const auto usual = set({});
  EXPECT_EQ(usual.drafts, 8);
  EXPECT_TRUE(usual.drafting.sources.empty());
  EXPECT_FALSE(usual.drafting.always);
  EXPECT_EQ(set({.sources = "off"}).drafts, 0);
  const auto named = set({.sources = "mtp,lookup,always", .drafts = 3});
  EXPECT_EQ(named.drafts, 3);
  EXPECT_EQ(named.drafting.sources, (std::vector{DraftSource::mtp, DraftSource::lookup}));
  EXPECT_TRUE(named.drafting.always);
}

TEST(SpeculationOptionsTest, ADraftModelIsLookedForWhereItIsUsed) {
  engine::Options o;
  const SpeculationArguments missing{.sources = "draft", .model = "/no/such/model"};
  EXPECT_TRUE(set_speculation(missing, o));
  EXPECT_EQ(set({.sources = "lookup", .model = "/no/such/model"}).drafting.model, "");
  EXPECT_EQ(set({.sources = "off", .model = "/no/such/model"}).drafts, 0);
}

TEST(SpeculationOptionsTest, OtherWordsAreRefused) {
  EXPECT_EQ(speculation_fault("auto"), "");
  EXPECT_EQ(speculation_fault("off"), "");
  EXPECT_EQ(speculation_fault("lookup,mtp,dspark,draft"), "");
  for (const char* bad : {"", "on", "auto,lookup", "always", "lookup,,mtp", "lookup mtp", "Lookup"})
    EXPECT_NE(speculation_fault(bad), "") << bad;
}

}  // namespace
}  // namespace autark::apps
