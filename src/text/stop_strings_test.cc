// Goal: a stop string is found anywhere and never shown, and the result does not depend on the cuts.
// Method: random texts over two letters (many near misses), every result compared with a search in the whole
// text and with the same text in other pieces; examples for overlaps and characters of several bytes.
#include "text/stop_strings.h"
#include <gtest/gtest.h>
#include <random>

namespace autark::text {
namespace {

struct Seen {
  std::string text, which;
  bool operator==(const Seen&) const = default;
};

Seen run(const std::vector<std::string>& stops, const std::vector<std::string>& pieces,
         bool include = false) {
  StopStrings s(stops, include);
  Seen seen;
  for (const auto& p : pieces) seen.text += s.push(p);
  seen.text += s.flush();
  seen.which = s.which();
  return seen;
}

// By definition: the match that ends first, the longest of those.
Seen searched(const std::vector<std::string>& stops, const std::string& text) {
  for (size_t end = 0; end <= text.size(); ++end) {
    std::string best;
    for (const auto& s : stops) {
      if (s.size() <= end && s.size() > best.size() && text.compare(end - s.size(), s.size(), s) == 0)
        best = s;
    }
    if (!best.empty()) return {text.substr(0, end - best.size()), best};
  }
  return {text, ""};
}

TEST(StopStringsTest, AnyCutGivesWhatASearchGives) {
  std::mt19937 gen(20261122);
  const auto word = [&](int n) {
    std::string s;
    for (int i = 0; i < n; ++i) s += "ab"[gen() % 2];
    return s;
  };
  int found = 0;
  for (int round = 0; round < 4000; ++round) {
    std::vector<std::string> stops;
    for (int n = gen() % 4; n >= 0; --n) stops.push_back(word(gen() % 6));
    const std::string text = word(gen() % 24);
    const Seen want = searched(stops, text);
    found += !want.which.empty();
    for (int cut = 0; cut < 4; ++cut) {
      std::vector<std::string> pieces;
      for (size_t at = 0; at < text.size();) {
        const size_t n = gen() % 5;
        pieces.push_back(text.substr(at, n));
        at += n;
      }
      ASSERT_EQ(run(stops, pieces), want) << text;
    }
  }
  EXPECT_GT(found, 1000);
}

TEST(StopStringsTest, ShowsAtOnceWhatCannotBecomeAStop) {
  StopStrings s({"</end>"});
  EXPECT_EQ(s.push("a <"), "a ");
  EXPECT_EQ(s.push("/e"), "");
  EXPECT_EQ(s.push("x"), "</ex");
  EXPECT_EQ(s.push("</end> more"), "");
  EXPECT_EQ(s.which(), "</end>");
  EXPECT_EQ(s.push("after"), "");
  EXPECT_EQ(s.flush(), "");
}

TEST(StopStringsTest, HeldTextComesAtTheEnd) {
  StopStrings s({"abc"});
  EXPECT_EQ(s.push("xab"), "x");
  EXPECT_EQ(s.flush(), "ab");
}

TEST(StopStringsTest, IncludesTheStopWhenAsked) {
  EXPECT_EQ(run({"END"}, {"one E", "ND two"}, true), (Seen{"one END", "END"}));
}

TEST(StopStringsTest, CharactersStayWhole) {
  StopStrings s({"é!"});
  EXPECT_EQ(s.push("caf"), "caf");
  EXPECT_EQ(s.push("é"), "");
  EXPECT_EQ(s.push("s"), "és");
}

TEST(StopStringsTest, EmptyOnesAreIgnored) {
  EXPECT_EQ(run({"", ""}, {"text"}), (Seen{"text", ""}));
}

}  // namespace
}  // namespace autark::text
