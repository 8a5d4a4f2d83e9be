#include "serve/prediction_match.h"
#include <algorithm>
#include <bit>

namespace autark::serve {

PredictionMatch::PredictionMatch(std::span<const int32_t> prediction)
    : size_(std::ssize(prediction)),
      unmatched_((prediction.size() + 63) / 64, ~uint64_t{0}),
      hits_(unmatched_.size()) {
  for (int64_t i = 0; i < size_; ++i) places_[prediction[i]].push_back(i);
}

// V = (V + U) | (V - U) with U = V & places, over words; V - U has no borrow, as U is a part of V.
void PredictionMatch::add(int32_t token) {
  const auto found = places_.find(token);
  if (found == places_.end()) return;
  for (const int64_t i : found->second) hits_[i / 64] |= uint64_t{1} << (i % 64);
  uint64_t carry = 0;
  for (size_t w = 0; w < unmatched_.size(); ++w) {
    const uint64_t v = unmatched_[w], u = v & hits_[w], partial = v + u, sum = partial + carry;
    carry = uint64_t(partial < v) | uint64_t(sum < partial);
    unmatched_[w] = sum | (v - u);
  }
  for (const int64_t i : found->second) hits_[i / 64] = 0;
}

void PredictionMatch::clear() {
  std::ranges::fill(unmatched_, ~uint64_t{0});
}

int64_t PredictionMatch::accepted() const {
  int64_t matched = 0;
  for (const uint64_t v : unmatched_) matched += 64 - std::popcount(v);
  return matched;
}

}  // namespace autark::serve
