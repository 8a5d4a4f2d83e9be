// Goal: lookup drafts what really followed an earlier place like the end of the text, and finds one if the last three
// tokens occurred before and not too often. Method: random texts over small and large alphabets, token by token,
// beside a search through the whole text.
#include "engine/lookup_index.h"
#include <gtest/gtest.h>
#include <algorithm>
#include <random>

namespace autark::engine {
namespace {

using Tokens = std::vector<int32_t>;

// Whether the last `length` tokens also stand before `end`.
bool ends_alike(const Tokens& text, int64_t end, int length) {
  return end >= length && std::equal(text.end() - length, text.end(), text.begin() + end - length);
}

TEST(LookupIndexTest, DraftsWhatFollowedAnEarlierPlace) {
  int matches = 0, rare = 0, missed = 0;
  for (uint32_t seed = 1; seed <= 60; ++seed) {
    std::mt19937 gen(seed);
    LookupIndex index({}, 100);
    Tokens text;
    for (int i = 0; i < 400; ++i) {
      const bool repeats = text.size() > 40 && gen() % 4 == 0;
      const size_t from = repeats ? gen() % (text.size() - 20) : 0;
      for (int k = repeats ? 12 : 1; k > 0; --k)
        text.push_back(repeats ? text[from + 12 - k] : int32_t(gen() % (seed % 2 ? 4 : 5000)));
      index.extend(text);
      const int length = index.match_length();
      int64_t places = 0;
      for (int64_t end = 3; end < std::ssize(text); ++end) places += ends_alike(text, end, 3);
      rare += places > 0 && places <= 4;
      missed += places > 0 && places <= 4 && length == 0;  // many other tokens have the same hash
      ASSERT_TRUE(places > 0 || length == 0);
      if (length == 0) continue;
      ++matches;
      const Tokens drafts = index.following(5);
      ASSERT_EQ(drafts.size(), 5u);
      bool found = false;
      for (int64_t end = length; end < std::ssize(text) && !found; ++end) {
        found = ends_alike(text, end, length);
        for (int k = 0; k < 5; ++k) found = found && text[end + k % (std::ssize(text) - end)] == drafts[k];
      }
      ASSERT_TRUE(found) << "seed " << seed << ", length " << length;
    }
  }
  EXPECT_GT(matches, 1000);
  EXPECT_GT(rare, 1000);
  EXPECT_LT(missed, rare / 100);
}

TEST(LookupIndexTest, RepeatsAPeriod) {
  LookupIndex index({}, 10);
  index.extend(Tokens{9, 1, 2, 3, 1, 2, 3, 1});
  EXPECT_EQ(index.following(7), (Tokens{2, 3, 1, 2, 3, 1, 2}));
}

TEST(LookupIndexTest, ReadsThePredictionFirst) {
  LookupIndex index(Tokens{1, 2, 3, 4, 5}, 10);
  index.extend(Tokens{7, 1, 2, 3});
  EXPECT_EQ(index.match_length(), 3);
  EXPECT_EQ(index.following(9), (Tokens{4, 5})) << "not beyond its end";
  index.extend(Tokens{7, 1, 2, 3, 4});
  EXPECT_EQ(index.match_length(), 4);
  index.extend(Tokens{7, 1, 2, 3, 4, 6});
  EXPECT_EQ(index.match_length(), 0);
  EXPECT_TRUE(index.following(9).empty());
}

TEST(LookupIndexTest, StopsAtItsLimit) {
  Tokens text(LookupIndex::kTextMax + 10, 5);
  LookupIndex index({}, 10);
  index.extend(std::span(text).first(100));
  EXPECT_EQ(index.match_length(), LookupIndex::kLengthMax);
  index.extend(text);
  EXPECT_EQ(index.match_length(), 0);
}

}  // namespace
}  // namespace autark::engine
