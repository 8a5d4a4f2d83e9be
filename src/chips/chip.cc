#include "chips/chip.h"
#include <algorithm>
#include "chips/v4_ops.h"

namespace autark {

Chip::Chip() = default;
Chip::~Chip() = default;

Tensor Chip::grouped_linear(Tensor x, const Weight& w) {
  const int64_t groups = w.shape[0], out = w.rows(), in = w.cols();
  AUTARK_CHECK(x.cols() == groups * in);
  Tensor y = result({x.rows(), groups * out});
  for (int64_t g = 0; g < groups; ++g) {
    const Tensor part = result({x.rows(), in});
    each(x.rows(), [=](int64_t i) { std::ranges::copy(x.row(i).subspan(g * in, in), part.row(i).begin()); });
    const Tensor z = linear(part, w.expert(g));
    each(x.rows(), [=](int64_t i) { std::ranges::copy(z.row(i), y.row(i).begin() + g * out); });
  }
  return y;
}

V4Ops& Chip::v4() {
  if (!composite_v4_) composite_v4_ = make_composite_v4(*this);
  return *composite_v4_;
}

}  // namespace autark
