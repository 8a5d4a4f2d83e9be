// A Vector holds a few float32 values of a checkpoint: norm gains, a bias, attention sinks. It is a view of
// host memory that the checkpoint owns; a chip with memory of its own keeps a copy, as it does for a Weight.
#pragma once
#include "tensor/tensor.h"

namespace autark {

struct Vector {
  const float* values = nullptr;  // null if only shapes are known (dry runs)
  Shape shape;                    // [n], or rows one after another

  explicit operator bool() const { return shape.rank > 0; }  // false: the checkpoint has none
  int64_t size() const { return shape.numel(); }
  int64_t cols() const { return shape[-1]; }
  float operator[](int64_t i) const { return values[i]; }
  std::span<const float> row(int64_t i) const { return {values + i * cols(), size_t(cols())}; }
};

inline int64_t bytes_of(const Vector& v) {
  return v.size() * int64_t{sizeof(float)};
}

}  // namespace autark
