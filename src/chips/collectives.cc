// Collectives over the tensor-parallel group, on the host, for every chip.
#include <algorithm>
#include <vector>
#include "base/check.h"
#include "chips/chip.h"
#include "cluster/comm.h"

namespace autark {

Tensor Chip::all_sum(Tensor x) {
  if (Comm* c = comm()) host({x}, {x}, [=] { c->all_sum({x.f32(), size_t(x.shape.numel())}); });
  return x;
}

Tensor Chip::all_gather(Tensor x, int64_t cols) {
  const int64_t own = x.cols(), rows = x.rows();
  if (own == cols) return x;
  const Tensor y = result({rows, cols});
  host({x}, {y}, [=, c = comm()] {
    AUTARK_CHECK(c && own * c->size() == cols);
    const std::span<const float> mine(x.f32(), rows * own);
    std::vector<float> all(rows * cols);  // [rank][row][own]
    c->all_gather(std::as_bytes(mine), std::as_writable_bytes(std::span(all)));
    for (int64_t block = 0; block < rows * c->size(); ++block)
      std::copy_n(&all[block * own], own, y.f32() + block % rows * cols + block / rows * own);
  });
  return y;
}

}  // namespace autark
