// How much of a predicted text an answer repeats: the length of the longest common subsequence of their tokens. It depends
// on the two texts only, not on what was drafted, so it is the same number with and without speculation.
#pragma once
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

namespace autark::serve {

// Not thread-safe. A token of the answer costs one step for each 64 tokens of the prediction (the bit-parallel method of
// Hyyrö, "Bit-parallel LCS-length computation revisited", 2004).
class PredictionMatch {
 public:
  explicit PredictionMatch(std::span<const int32_t> prediction);
  void add(int32_t token);   // the next token of the answer
  void clear();              // forgets the answer
  int64_t accepted() const;  // tokens of the prediction that the answer has, in the same order
  int64_t rejected() const { return size_ - accepted(); }

 private:
  int64_t size_;
  std::unordered_map<int32_t, std::vector<int64_t>> places_;  // of each token in the prediction
  std::vector<uint64_t>
      unmatched_;               // bit i: the prediction's first i + 1 tokens match no more than its first i
  std::vector<uint64_t> hits_;  // all 0 between calls
};

}  // namespace autark::serve
