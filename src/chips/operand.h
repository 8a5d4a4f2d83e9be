// What work on the host reads or writes: a tensor, or one stream's state of all sequences of the step.
#pragma once
#include <variant>
#include <vector>
#include "chips/rows.h"

namespace autark {

class Operand {
 public:
  Operand(const Tensor& tensor) : what_(tensor) {}
  Operand(const Rows& state) : what_(state) {}

  // One of the two is null.
  const Tensor* tensor() const { return std::get_if<Tensor>(&what_); }
  const Rows* state() const { return std::get_if<Rows>(&what_); }

 private:
  std::variant<Tensor, Rows> what_;
};
using Operands = std::vector<Operand>;

// Bytes of one entry of Rows::pages: a page's rows, or a whole ring.
inline int64_t part_bytes(const Rows& r) {
  return r.page_rows * row_bytes(r.record, r.width);
}

}  // namespace autark
