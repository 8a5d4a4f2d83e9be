// The logits of a step in host memory: one row per wanted row of the step, in the same order.
#pragma once
#include <cstdint>
#include <span>

namespace autark::engine {

struct Logits {
  std::span<const float> values;  // [rows, vocabulary]; owned by the chip, valid until its next reset()
  int64_t vocabulary = 0;

  int64_t rows() const { return vocabulary ? std::ssize(values) / vocabulary : 0; }
  std::span<const float> row(int64_t i) const { return values.subspan(i * vocabulary, vocabulary); }
  Logits slice(int64_t first, int64_t count) const {
    return {values.subspan(first * vocabulary, count * vocabulary), vocabulary};
  }
};

}  // namespace autark::engine
