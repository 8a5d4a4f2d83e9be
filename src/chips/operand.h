// What work on the host reads or writes: a tensor, or one stream's state of all sequences of the step.
#pragma once
#include <variant>
#include <vector>
#include "chips/state_view.h"

namespace autark {

class Operand {
 public:
  Operand(const Tensor& tensor) : what_(tensor) {}
  Operand(const StateView& state) : what_(state) {}

  // One of the two is null.
  const Tensor* tensor() const { return std::get_if<Tensor>(&what_); }
  const StateView* state() const { return std::get_if<StateView>(&what_); }

 private:
  std::variant<Tensor, StateView> what_;
};
using Operands = std::vector<Operand>;

// Bytes of one entry of StateView::pages: a page's rows, or a whole ring.
inline int64_t part_bytes(const StateView& r) {
  return r.page_rows * row_bytes(r.stored, r.width);
}

}  // namespace autark
