// Default bodies of verbs, and transfers for chips that use the host's memory.
#include "chips/chip.h"
#include <sys/mman.h>
#include <algorithm>
#include "chips/v4_ops.h"

namespace autark {

Chip::Chip() = default;
Chip::~Chip() = default;

Tensor Chip::upload(std::span<const int32_t> values) {
  const Tensor t = scratch({std::ssize(values)}, Format::i32);
  std::ranges::copy(values, t.i32());
  return t;
}

Tensor Chip::upload(std::span<const float> values, Shape s) {
  AUTARK_CHECK(std::ssize(values) == s.numel());
  const Tensor t = scratch(s);
  std::ranges::copy(values, t.f32());
  return t;
}

std::span<const float> Chip::read(Tensor x) {
  if (!x.data) return {};
  return {x.f32(), size_t(x.shape.numel())};
}

std::span<const int32_t> Chip::read_ids(Tensor x) {
  if (!x.data) return {};
  return {x.i32(), size_t(x.shape.numel())};
}

StateMemory Chip::state_memory(int64_t bytes) {
  const size_t size = std::max<int64_t>(bytes, 1);
  void* at = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (at == MAP_FAILED) return nullptr;
  madvise(at, size, MADV_HUGEPAGE);
  return {static_cast<std::byte*>(at), [size](std::byte* p) { munmap(p, size); }};
}

void Chip::copy_out(const std::byte* state, std::span<std::byte> to) {
  std::copy_n(state, to.size(), to.begin());
}

void Chip::copy_in(std::span<const std::byte> from, std::byte* state) {
  std::copy_n(from.begin(), from.size(), state);
}

Tensor Chip::concat(std::span<const Tensor> parts) {
  Shape s = parts[0].shape;
  s.d[s.rank - 1] = 0;
  for (const Tensor& p : parts) s.d[s.rank - 1] += p.cols();
  const Tensor y = result(s);
  const std::vector<Tensor> from(parts.begin(), parts.end());
  each(parts[0].rows(), {from.begin(), from.end()}, {y}, [=](int64_t i) {
    auto to = y.row(i).begin();
    for (const Tensor& p : from) to = std::ranges::copy(p.row(i), to).out;
  });
  return y;
}

Tensor Chip::slice(Tensor x, int64_t first, int64_t count) {
  AUTARK_CHECK(first >= 0 && first + count <= x.cols());
  Shape s = x.shape;
  s.d[s.rank - 1] = count;
  const Tensor y = result(s);
  each(y.rows(), {x}, {y},
       [=](int64_t i) { std::ranges::copy(x.row(i).subspan(first, count), y.row(i).begin()); });
  return y;
}

Tensor Chip::grouped_linear(Tensor x, const Weight& w) {
  const int64_t groups = w.shape[0], out = w.rows(), in = w.cols();
  AUTARK_CHECK(x.cols() == groups * in);
  Tensor y = result({x.rows(), groups * out});
  for (int64_t g = 0; g < groups; ++g) {
    const Tensor part = result({x.rows(), in});
    each(x.rows(), {x}, {part},
         [=](int64_t i) { std::ranges::copy(x.row(i).subspan(g * in, in), part.row(i).begin()); });
    const Tensor z = linear(part, w.expert(g));
    each(x.rows(), {y, z}, {y}, [=](int64_t i) { std::ranges::copy(z.row(i), y.row(i).begin() + g * out); });
  }
  return y;
}

V4Ops& Chip::v4() {
  if (!composite_v4_) composite_v4_ = make_composite_v4(*this);
  return *composite_v4_;
}

}  // namespace autark
