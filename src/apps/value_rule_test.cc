// Goal: a value that an option does not take is refused in one sentence. Method: texts against two ranges and
// a set.
#include "apps/value_rule.h"
#include <gtest/gtest.h>

namespace autark::apps {
namespace {

TEST(ValueRule, WholeNumbers) {
  const auto broken = whole_number(0, 8).broken;
  for (const char* good : {"0", "8"}) EXPECT_EQ(broken(good), "") << good;
  for (const char* bad : {"9", "-1", "1.0", "1e0", "", " 1", "1 ", "x", "0x1", "+1", "nan"})
    EXPECT_EQ(broken(bad), "must be a whole number from 0 to 8, not " + std::string(bad));
  EXPECT_EQ(broken(std::string(300, '9')),
            "must be a whole number from 0 to 8, not " + std::string(40, '9') + "…");
  EXPECT_EQ(whole_number(-1, INT64_MAX).broken("9223372036854775807"), "");
  EXPECT_NE(whole_number(-1, INT64_MAX).broken("9223372036854775808"), "");
}

TEST(ValueRule, Numbers) {
  const auto broken = number(0, 1).broken;
  for (const char* good : {"0", "1", "0.5", "1e-3", ".5"}) EXPECT_EQ(broken(good), "") << good;
  for (const char* bad : {"1.01", "-0.1", "nan", "inf", "1e400", "", "a", "0,5"})
    EXPECT_EQ(broken(bad), "must be a number from 0 to 1, not " + std::string(bad));
}

TEST(ValueRule, OneOf) {
  const ValueRule rule = one_of({"on", "off"});
  EXPECT_EQ(rule.values, "{on,off}");
  for (const char* good : {"on", "off"}) EXPECT_EQ(rule.broken(good), "") << good;
  for (const char* bad : {"", "o", "On", "on,off"})
    EXPECT_EQ(rule.broken(bad), std::string(bad) + " not in {on,off}");
}

}  // namespace
}  // namespace autark::apps
