// For tests: a constraint that allows about a quarter of the tokens, chosen by a hash of the answer so far.
#pragma once
#include <random>
#include <vector>
#include "engine/constraint.h"

namespace autark::engine {

class HashedConstraint final : public Constraint {
 public:
  // After `fails_at` tokens of the answer there is an error instead of a mask.
  explicit HashedConstraint(int vocabulary, int64_t fails_at = -1)
      : bits_(size_t(vocabulary + 31) / 32), fails_at_(fails_at) {}
  void prepare(std::span<const int32_t>) override {}
  Result<TokenMask> after(std::span<const int32_t> answer) override {
    if (std::ssize(answer) == fails_at_) return Error{Code::internal, "constraint: no mask"};
    std::mt19937 random(7);
    uint32_t hash = random();
    for (const int32_t id : answer) hash = (hash ^ uint32_t(id)) * 0x9e3779b1u + 1;
    random.seed(hash);
    for (uint32_t& b : bits_) b = random() & random();
    bits_[0] |= 2;
    return TokenMask{bits_};
  }

 private:
  std::vector<uint32_t> bits_;
  const int64_t fails_at_;
};

}  // namespace autark::engine
