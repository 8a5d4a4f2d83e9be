// Goal:   the tokens that an answer has in common with its prediction are counted exactly.
// Method: random texts of few tokens, of lengths around the borders of words, against the plain recursion of the longest
//         common subsequence; then the two ends: the same text, and one without a common token.
#include "serve/prediction_match.h"
#include <gtest/gtest.h>
#include <algorithm>
#include <random>

namespace autark::serve {
namespace {

int64_t common(const std::vector<int32_t>& a, const std::vector<int32_t>& b) {
  std::vector<int64_t> row(b.size() + 1);
  for (const int32_t x : a) {
    int64_t before = 0;
    for (size_t j = 0; j < b.size(); ++j) {
      const int64_t above = row[j + 1];
      row[j + 1] = x == b[j] ? before + 1 : std::max(above, row[j]);
      before = above;
    }
  }
  return row.back();
}

TEST(PredictionMatchTest, EqualsThePlainRecursion) {
  std::mt19937 random(1);
  for (const size_t size : {1, 2, 63, 64, 65, 127, 128, 129, 300})
    for (const int kinds : {1, 2, 5, 40}) {
      std::vector<int32_t> prediction(size), answer(random() % 400);
      for (auto& t : prediction) t = int32_t(random() % kinds);
      for (auto& t : answer) t = int32_t(random() % (kinds + 1));
      PredictionMatch match(prediction);
      for (const int32_t t : answer) match.add(t);
      EXPECT_EQ(match.accepted(), common(prediction, answer)) << size << " tokens of " << kinds << " kinds";
      EXPECT_EQ(match.accepted() + match.rejected(), int64_t(size));
    }
}

TEST(PredictionMatchTest, TheSameTextIsAcceptedWholeAndAnotherNotAtAll) {
  std::vector<int32_t> text(200);
  for (size_t i = 0; i < text.size(); ++i) text[i] = int32_t(i % 7);
  PredictionMatch match(text);
  for (int i = 0; i < 50; ++i) match.add(1000 + i);
  EXPECT_EQ(match.accepted(), 0);
  match.clear();
  for (const int32_t t : text) match.add(t);
  EXPECT_EQ(match.accepted(), 200);
  EXPECT_EQ(match.rejected(), 0);
}

TEST(PredictionMatchTest, AnEmptyPredictionHasNothing) {
  PredictionMatch match({});
  match.add(1);
  EXPECT_EQ(match.accepted(), 0);
  EXPECT_EQ(match.rejected(), 0);
}

}  // namespace
}  // namespace autark::serve
