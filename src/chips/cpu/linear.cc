// linear and ffn: a chunk is a few panels of outputs, for all rows of the step.
#include <algorithm>
#include "chips/cpu/verbs.h"

namespace autark {

std::optional<Bf16Form> bf16_form(const Kernels& k, const Panels& w, Round in, int64_t rows) {
  if (!k.bf16_product || in == Round::none) return std::nullopt;
  if (w.kind == Kind::bf16) return Bf16Form::values;
  if (w.kind == Kind::e4m3) return k.swaps_quads ? Bf16Form::swapped : Bf16Form::values;
  const bool codes = layout_of(w.kind).meaning == Meaning::shifted && w.kind != Kind::mxfp4;
  if (k.bf16_codes && codes && rows > k.packed_rows) return Bf16Form::held;
  return std::nullopt;
}

void ProductJob::run(int64_t begin, int64_t end, int64_t row, int64_t rows, float* y, int64_t y_stride,
                     void* scratch) const {
  const float* b = bias ? bias + begin * kLanes : nullptr;
  if (bf16) {
    k->bf16_product({w, begin, end, bf16 + row * bf16_stride, bf16_stride, rows, b, y, y_stride, scratch});
  } else if (rounded.blocks) {
    const int64_t high = row ? k->tile_rows : tile_height(*k, rows);
    k->rounded_product({w, begin, end, rounded.blocks + row * w->blocks, rows, b, y, y_stride, scratch, high,
                        rounded.low, k->prefetch});
  } else {
    k->float_product({w, begin, end, floats + row, rows, b, y, y_stride, scratch});
  }
  if (out == Round::none) return;
  const int64_t n = std::min(end * kLanes, w->out) - begin * kLanes;
  for (int64_t i = 0; i < rows; ++i) k->v4().round_bf16(y + i * y_stride, n, y + i * y_stride);
}

namespace {

// At least `each` panels a chunk, so that chunks share panels and threads have equal numbers of chunks.
int64_t share_panels(int64_t panels, int64_t each, int64_t threads, int64_t shared) {
  if (shared == 2) return (each + 1) / 2 * 2;
  const int64_t chunks =
      (panels + threads * shared - 1) / (threads * shared) * threads;  // of a multiple of `shared`
  return std::max(each, (panels + chunks - 1) / chunks);
}

}  // namespace

PanelCut cut_panels(const Recorder& on, const Panels& w, int64_t rows) {
  constexpr int64_t kBytesLeast = 32 << 10;  // a chunk should outweigh its taking
  const int64_t panels = (w.out + kLanes - 1) / kLanes;
  const int64_t work_of_panel = w.panel_bytes * std::max<int64_t>(1, rows / 4);
  int64_t each = std::max<int64_t>(1, kBytesLeast / work_of_panel);
  each = std::max(each, (panels + on.team.size() * 16 - 1) / (on.team.size() * 16));
  if (rows > on.kernels.few_rows) each = share_panels(panels, each, on.team.size(), on.kernels.shared_panels);
  if (on.kernels.prefetch == Prefetch::second_cache && rows <= kRowsOfStreams)
    each = (each + 1) / 2 * 2;  // of two equal streams
  if (on.team.size() == 1 && rows <= on.kernels.few_rows) each = panels;
  return {panels, each, (panels + each - 1) / each};
}

PanelCut in_multiples(PanelCut cut, int64_t of) {
  cut.each = (cut.each + of - 1) / of * of;
  cut.chunks = (cut.panels + cut.each - 1) / cut.each;
  return cut;
}

namespace {

ProductJob job_of(Recorder& on, Rounding::Inputs inputs, Tensor x, const Weight& w, const Vector& bias) {
  AUTARK_CHECK(x.cols() == w.cols() && w.shape.rank == 2);
  ProductJob job{&on.kernels, &on.prepared.of(w, on.team)[0], {}, nullptr, bias.values};
  const Round in = inputs == Rounding::Inputs::official ? w.in : Round::none;
  if (const auto form = bf16_form(on.kernels, *job.w, in, x.rows())) {
    const Bf16Rows rows = on.official_bf16(x, in, *form);
    job.bf16 = rows.values, job.bf16_stride = rows.stride;
  } else if (rounds(inputs, job.w->kind)) {
    job.rounded = on.rounded(x, inputs, in);
  } else {
    const Tensor from = on.official(x, in);
    auto** rows = on.step_memory.take_of<const float*>(x.rows());
    for (int64_t i = 0; i < x.rows(); ++i) rows[i] = from.f32() + i * x.cols();
    job.floats = rows;
  }
  return job;
}

Bytes inputs_of(const ProductJob& job, const Tensor& x) {
  if (x.rows() == 0) return {};
  if (job.bf16) return Bytes(job.bf16, 2 * x.rows() * job.bf16_stride);
  if (!job.rounded.blocks) return Bytes(job.floats[0], x.rows() * x.cols() * int64_t{sizeof(float)});
  return Bytes(job.rounded.blocks, x.rows() * job.w->blocks * static_cast<int64_t>(sizeof(RoundedBlock)));
}

// What an ffn's operation needs of its inner rows.
struct Inner {
  ProductJob gate, up;
  PanelCut cut;
  int64_t rows, dim;
  float* h;               // [rows][dim], or
  RoundedBlock* rounded;  // two panels are one block of the next product
  Gate act;
  float limit;
};

// h, or its rounded form, of `count` rows from `row` on and outputs [at, end), kPairWide at most, whose products are a
// and b.
void join(const Recorder& on, const Inner& x, float* a, const float* b, int64_t row, int64_t count,
          int64_t at, int64_t end) {
  const int64_t n = end - at;
  for (int64_t i = 0; i < count; ++i) {
    float* y = x.rounded ? a + i * kPairWide : x.h + (row + i) * x.dim + at;
    on.kernels.glu(a + i * kPairWide, b + i * kPairWide, n, x.act, x.limit, y);
    if (!x.rounded) continue;
    const RoundedRow r = on.rounded_row({x.rounded}, row + i, x.rows, x.dim / kBlock);
    on.kernels.round_row(y, n, r.first + at / kBlock * r.stride, r.stride);
  }
}

void run_inner(const Recorder& on, const Inner& x, int64_t chunk, void* scratch) {
  const int64_t pass = rows_at_once(on.kernels.tile_rows), panels = on.kernels.shared_panels;
  const PairScratch s(scratch, pass);
  const int64_t end = std::min((chunk + 1) * x.cut.each, x.cut.panels);
  for (int64_t p = chunk * x.cut.each; p < end; p += panels) {
    const int64_t to = std::min(p + panels, end);
    for (int64_t row = 0; row < x.rows; row += pass) {
      const int64_t count = std::min(pass, x.rows - row);
      x.gate.run(p, to, row, count, s.a, kPairWide, scratch);
      x.up.run(p, to, row, count, s.b, kPairWide, scratch);
      join(on, x, s.a, s.b, row, count, p * kLanes, std::min(to * kLanes, x.dim));
    }
  }
}

}  // namespace

Tensor record_linear(Recorder& on, Rounding::Inputs inputs, Tensor x, const Weight& w, const Vector& bias) {
  const int64_t rows = x.rows(), out = w.rows();
  const Round after = inputs == Rounding::Inputs::official ? w.out : Round::none;
  Tensor y = on.tensor({rows, out});
  ProductJob job = job_of(on, inputs, x, w, bias);
  if (after == Round::bf16) job.out = after;
  const PanelCut cut = cut_panels(on, *job.w, rows);
  on.add(cut.chunks, {inputs_of(job, x), x}, {y},
         [job, cut, rows, out, y = y.f32()](int64_t c, void* scratch) {
           const int64_t begin = c * cut.each, end = std::min(begin + cut.each, cut.panels);
           job.run(begin, end, 0, rows, y + begin * kLanes, out, scratch);
         });
  on.expect_reads(job.w->bytes, cut.each * job.w->panel_bytes);
  return after == job.out ? y : on.official(y, after);
}

Tensor record_ffn(Recorder& on, Rounding::Inputs inputs, Tensor x, const Weight& gate, const Weight& up,
                  const Weight& down, Act act, float limit) {
  AUTARK_CHECK(inputs != Rounding::Inputs::official);
  const int64_t rows = x.rows(), inner = gate.rows();
  Tensor h = on.tensor({rows, inner});
  const ProductJob g = job_of(on, inputs, x, gate, {}), u = job_of(on, inputs, x, up, {});
  RoundedBlock* rounded = nullptr;
  if (inputs == Rounding::Inputs::int8 && takes_rounded(kind_of(down.format)) && inner % kBlock == 0)
    rounded = on.results.take_of<RoundedBlock>(rows * (inner / kBlock));
  const Inner job{
      g, u, in_multiples(cut_panels(on, *g.w, rows), 2), rows, inner, h.f32(), rounded, gate_of(act), limit};
  on.add(job.cut.chunks, {inputs_of(g, x), inputs_of(u, x), x},
         {h, Bytes(rounded, rounded ? rows * (inner / kBlock) * int64_t{sizeof(RoundedBlock)} : 0)},
         [job, self = &on](int64_t c, void* scratch) { run_inner(*self, job, c, scratch); });
  on.expect_reads(g.w->bytes, job.cut.each * g.w->panel_bytes);
  if (rounded) on.know_rounded(h, {rounded});
  return record_linear(on, inputs, h, down, {});
}

}  // namespace autark
