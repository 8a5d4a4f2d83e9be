// linear and ffn: a chunk is a few panels of outputs, for all rows of the step.
#include <algorithm>
#include "chips/cpu/verbs.h"

namespace autark {

void ProductJob::run(int64_t begin, int64_t end, int64_t row, int64_t rows, float* y, int64_t y_stride,
                     void* scratch) const {
  const float* b = bias ? bias + begin * kLanes : nullptr;
  if (rounded) {
    k->rounded_product({w, begin, end, rounded + row * w->blocks, rows, b, y, y_stride, scratch});
  } else {
    k->float_product({w, begin, end, floats + row, rows, b, y, y_stride, scratch});
  }
}

PanelCut cut_panels(const Recorder& on, const Panels& w, int64_t rows) {
  constexpr int64_t kBytesLeast = 32 << 10;  // a chunk should outweigh its taking
  const int64_t panels = (w.out + kLanes - 1) / kLanes;
  const int64_t work_of_panel = w.panel_bytes * std::max<int64_t>(1, rows / 4);
  int64_t each = std::max<int64_t>(1, kBytesLeast / work_of_panel);
  each = std::max(each, (panels + on.team.size() * 16 - 1) / (on.team.size() * 16));
  if (rows > kTile) each = (each + 1) / 2 * 2;  // the tile takes two
  if (on.team.size() == 1 && rows <= kTile) each = panels;
  return {panels, each, (panels + each - 1) / each};
}

namespace {

ProductJob job_of(Recorder& on, Rounding::Inputs inputs, Tensor x, const Weight& w, const Tensor& bias) {
  AUTARK_CHECK(x.cols() == w.cols() && w.shape.rank == 2);
  ProductJob job{&on.kernels, &on.prepared.of(w, on.team)[0], nullptr, nullptr, bias ? bias.f32() : nullptr};
  if (inputs == Rounding::Inputs::int8 && takes_rounded(job.w->kind)) {
    job.rounded = on.rounded(x).blocks;
  } else {
    auto** rows = on.plans.take_of<const float*>(x.rows());
    for (int64_t i = 0; i < x.rows(); ++i) rows[i] = x.f32() + i * x.cols();
    job.floats = rows;
  }
  return job;
}

Bytes inputs_of(const ProductJob& job, const Tensor& x) {
  if (!job.rounded) return x;
  return Bytes(job.rounded, x.rows() * job.w->blocks * static_cast<int64_t>(sizeof(RoundedBlock)));
}

}  // namespace

Tensor record_linear(Recorder& on, Rounding::Inputs inputs, Tensor x, const Weight& w, Tensor bias) {
  const bool official = inputs == Rounding::Inputs::official;
  if (official) x = on.official(x, w.in);
  const int64_t rows = x.rows(), out = w.rows();
  Tensor y = on.tensor({rows, out});
  const ProductJob job = job_of(on, inputs, x, w, bias);
  const PanelCut cut = cut_panels(on, *job.w, rows);
  on.add(cut.chunks, {inputs_of(job, x), x, bias}, {y},
         [job, cut, rows, out, y = y.f32()](int64_t c, void* scratch) {
           const int64_t begin = c * cut.each, end = std::min(begin + cut.each, cut.panels);
           job.run(begin, end, 0, rows, y + begin * kLanes, out, scratch);
         });
  return official ? on.official(y, w.out) : y;
}

Tensor record_ffn(Recorder& on, Rounding::Inputs inputs, Tensor x, const Weight& gate, const Weight& up,
                  const Weight& down, Act act, float limit) {
  constexpr int64_t kRows = 1020, kWide = 2 * kLanes;  // rows and outputs of one pass: 2 × 128 KiB of floats
  static_assert(kRows % kTile == 0);
  AUTARK_CHECK(inputs != Rounding::Inputs::official);
  const int64_t rows = x.rows(), inner = gate.rows();
  Tensor h = on.tensor({rows, inner});
  const ProductJob g = job_of(on, inputs, x, gate, {}), u = job_of(on, inputs, x, up, {});
  RoundedBlock* rounded = nullptr;  // an output pair of panels is one rounded block of the next product
  if (inputs == Rounding::Inputs::int8 && takes_rounded(kind_of(down.format)) && inner % kBlock == 0)
    rounded = on.results.take_of<RoundedBlock>(rows * (inner / kBlock));
  PanelCut cut = cut_panels(on, *g.w, rows);
  cut.each = (cut.each + 1) / 2 * 2;
  cut.chunks = (cut.panels + cut.each - 1) / cut.each;
  on.add(cut.chunks, {inputs_of(g, x), inputs_of(u, x), x},
         {h, Bytes(rounded, rounded ? rows * (inner / kBlock) * int64_t{sizeof(RoundedBlock)} : 0)},
         [=, h = h.f32()](int64_t c, void* scratch) {
           auto* a = reinterpret_cast<float*>(static_cast<std::byte*>(scratch) + kScratchBytes / 2);
           float* b = a + kRows * kWide;
           const int64_t end = std::min((c + 1) * cut.each, cut.panels);
           for (int64_t p = c * cut.each; p < end; p += 2) {
             const int64_t at = p * kLanes, n = std::min(kWide, inner - at), to = std::min(p + 2, end);
             for (int64_t row = 0; row < rows; row += kRows) {
               const int64_t m = std::min(kRows, rows - row);
               g.run(p, to, row, m, a, kWide, scratch);
               u.run(p, to, row, m, b, kWide, scratch);
               for (int64_t i = 0; i < m; ++i) {
                 float* y = rounded ? a + i * kWide : h + (row + i) * inner + at;
                 g.k->glu(a + i * kWide, b + i * kWide, n, gate_of(act), limit, y);
                 if (!rounded) continue;
                 const RoundedRow r = rounded_row(rounded, row + i, rows, inner / kBlock);
                 g.k->round_row(y, kBlock, r.first + at / kBlock * r.stride, r.stride);
               }
             }
           }
         });
  if (rounded) on.know_rounded(h, {rounded});
  return record_linear(on, inputs, h, down, {});
}

}  // namespace autark
