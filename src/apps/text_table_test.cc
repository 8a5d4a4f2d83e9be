// Goal: tables are aligned, also with Chinese names, and cannot carry control characters to a terminal. Method:
// properties of every line, and small examples.
#include "apps/text_table.h"
#include <gtest/gtest.h>
#include <random>
#include <sstream>

namespace autark::apps {
namespace {

TEST(TextTable, EveryColumnBeginsAtOnePlace) {
  std::mt19937 random(1);
  const std::vector<std::string> words{"a", "key", "搜索", "ключ", "a longer name", ""};
  TextTable table({"name", ">count", "end"});
  for (int i = 0; i < 50; ++i)
    table.add({words[random() % words.size()], std::to_string(random() % 100'000), "|"});
  std::istringstream lines(table.text("none"));
  std::string line;
  ASSERT_TRUE(std::getline(lines, line));
  const size_t end = line.find("end");
  while (std::getline(lines, line)) {
    EXPECT_EQ(display_width(line), end + 1) << line;
    EXPECT_TRUE(line.ends_with('|')) << line;
  }
}

TEST(TextTable, ShowsWhatIsThere) {
  TextTable table({"name", ">tokens"});
  EXPECT_EQ(table.text("no keys yet"), "no keys yet\n");
  table.add({"搜索", "12"});
  table.add({"", "1,234"});
  EXPECT_EQ(table.text(""), "name  tokens\n搜索      12\n-      1,234\n");
}

TEST(TextTable, NeedsNoTrustInItsCells) {
  TextTable table({"name"});
  table.add({"a\x1b[2J\nb\x7f"});
  table.add({"\xff\xe4"});  // no UTF-8
  const std::string text = table.text("");
  EXPECT_TRUE(text.starts_with("name\na?[2J?b?\n")) << text;
}

TEST(TextTable, GroupsDigits) {
  for (const auto& [number, text] :
       std::initializer_list<std::pair<int64_t, const char*>>{{0, "0"},
                                                              {999, "999"},
                                                              {1000, "1,000"},
                                                              {-999, "-999"},
                                                              {-1000, "-1,000"},
                                                              {1234567, "1,234,567"},
                                                              {INT64_MIN, "-9,223,372,036,854,775,808"}})
    EXPECT_EQ(grouped(number), text);
}

}  // namespace
}  // namespace autark::apps
