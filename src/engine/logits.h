// The logits of a step as the host reads them: a row for each row of the step that was asked for, in order.
#pragma once
#include <cstdint>
#include <span>

namespace autark::engine {

struct Logits {
  std::span<const float> values;
  int64_t vocabulary = 0;  // values of a row

  int64_t rows() const { return vocabulary ? std::ssize(values) / vocabulary : 0; }
  std::span<const float> row(int64_t i) const { return values.subspan(i * vocabulary, vocabulary); }
  Logits slice(int64_t first, int64_t count) const {
    return {values.subspan(first * vocabulary, count * vocabulary), vocabulary};
  }
};

}  // namespace autark::engine
