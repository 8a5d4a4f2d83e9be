// Goal: a number that an option cannot be is refused in one sentence. Method: texts against two ranges, one
// option through the command line's own parser.
#include "apps/number_range.h"
#include <gtest/gtest.h>

namespace autark::apps {
namespace {

TEST(NumberRange, WholeNumbers) {
  const CLI::Validator v = whole_number(0, 8);
  for (const char* good : {"0", "8"}) EXPECT_EQ(v(std::string(good)), "") << good;
  for (const char* bad : {"9", "-1", "1.0", "1e0", "", " 1", "1 ", "x", "0x1", "+1", "nan"})
    EXPECT_EQ(v(std::string(bad)), "must be a whole number from 0 to 8, not " + std::string(bad));
  EXPECT_EQ(v(std::string(300, '9')),
            "must be a whole number from 0 to 8, not " + std::string(40, '9') + "…");
  EXPECT_EQ(whole_number(-1, INT64_MAX)(std::string("9223372036854775807")), "");
  EXPECT_NE(whole_number(-1, INT64_MAX)(std::string("9223372036854775808")), "");
}

TEST(NumberRange, Numbers) {
  const CLI::Validator v = number(0, 1);
  for (const char* good : {"0", "1", "0.5", "1e-3", ".5"}) EXPECT_EQ(v(std::string(good)), "") << good;
  for (const char* bad : {"1.01", "-0.1", "nan", "inf", "1e400", "", "a", "0,5"})
    EXPECT_EQ(v(std::string(bad)), "must be a number from 0 to 1, not " + std::string(bad));
}

TEST(NumberRange, TheOptionIsNamed) {
  CLI::App app;
  int drafts = 0;
  app.add_option("--drafts", drafts, "how many")->check(whole_number(0, 8));
  const std::string huge = "--drafts=" + std::string(300, '9');
  const char* arguments[] = {"program", huge.c_str()};
  try {
    app.parse(2, arguments);
    FAIL() << "accepted";
  } catch (const CLI::ParseError& e) {
    EXPECT_EQ(e.what(), "--drafts: must be a whole number from 0 to 8, not " + std::string(40, '9') + "…");
  }
  EXPECT_NE(app.help().find("0 to 8"), std::string::npos);
}

}  // namespace
}  // namespace autark::apps
