// grouped_linear: a chunk is some panels of one group's outputs, for all rows of the step.
#include <algorithm>
#include "chips/cpu/verbs.h"

namespace autark {
namespace {

struct GroupedJob {
  const Recorder* on;
  const Panels* w;  // one per group
  PanelCut cut;     // of one group's outputs
  int64_t groups, rows, in, out;
  Rounded rounded;       // [group][rows in tiles], or
  const float** floats;  // [group][row], or
  Bf16Rows bf16;         // of all groups' channels
  float* y;
  Round in_rounding = Round::none, out_rounding = Round::none;  // of an official run

  int64_t blocks() const { return in / kBlock; }
  Rounded rounded_group(int64_t g) const { return {rounded.blocks + g * rows * blocks(), rounded.low}; }
};

// Prepares each group's channels in the form that its product reads, and says where that lies.
Bytes record_inputs(Recorder& on, GroupedJob& job, Rounding::Inputs inputs, Tensor x) {
  const Round in = job.in_rounding;
  const auto form = bf16_form(on.kernels, *job.w, in, job.rows);
  // Whole blocks, or runs, of a row are then those of its groups.
  if (form && job.in % (form == Bf16Form::held ? kRunBlocks * kBlock : kBlock) == 0)
    return job.bf16 = on.official_bf16(x, in, *form);
  if (!rounds(inputs, job.w->kind)) {
    x = on.official(x, in);
    job.floats = on.step_memory.take_of<const float*>(job.groups * job.rows);
    for (int64_t i = 0; i < job.groups * job.rows; ++i)
      job.floats[i] = x.row(i % job.rows).data() + i / job.rows * job.in;
    return x;
  }
  job.rounded = on.room_for_rounded(job.groups * job.rows, job.in, inputs);
  on.add_rows(job.groups * job.rows, {x}, {}, [job, x](int64_t i, void*) {
    const int64_t g = i / job.rows, row = i % job.rows;
    job.on->round_row(x.row(row).data() + g * job.in, job.in, job.in_rounding,
                      job.on->rounded_row(job.rounded_group(g), row, job.rows, job.blocks()));
  });
  on.barrier();
  return x;
}

void run_group(const GroupedJob& job, int64_t chunk, void* scratch) {
  const int64_t g = chunk / job.cut.chunks, begin = chunk % job.cut.chunks * job.cut.each;
  const Rounded rounded = job.rounded.blocks ? job.rounded_group(g) : Rounded{};
  const float* const* floats = job.floats ? job.floats + g * job.rows : nullptr;
  ProductJob product{&job.on->kernels, &job.w[g], rounded, floats, nullptr};
  if (job.bf16.values) product.bf16 = job.bf16.values + g * job.in, product.bf16_stride = job.bf16.stride;
  product.out = job.out_rounding;
  product.run(begin, std::min(begin + job.cut.each, job.cut.panels), 0, job.rows,
              job.y + g * job.out + begin * kLanes, job.groups * job.out, scratch);
}

}  // namespace

bool official_groups(const Weight& w) {
  const auto whole = [](Round how, int64_t width) {
    return how != Round::e4m3_b128 || width % kTileSide == 0;
  };
  return whole(w.in, w.cols()) && whole(w.out, w.rows());
}

Tensor record_grouped_linear(Recorder& on, Rounding::Inputs inputs, Tensor x, const Weight& w) {
  const bool official = inputs == Rounding::Inputs::official;
  AUTARK_CHECK(w.shape.rank == 3 && x.cols() == w.shape[0] * w.cols());
  Tensor y = on.tensor({x.rows(), w.shape[0] * w.rows()});
  GroupedJob job{.on = &on,
                 .w = on.prepared.of(w, on.team).data(),
                 .groups = w.shape[0],
                 .rows = x.rows(),
                 .in = w.cols(),
                 .out = w.rows(),
                 .y = y.f32()};
  if (official) job.in_rounding = w.in;
  if (official && w.out == Round::bf16) job.out_rounding = w.out;
  job.cut = cut_panels(on, *job.w, job.rows);
  const Bytes from = record_inputs(on, job, inputs, x);
  on.add(job.groups * job.cut.chunks, {from}, {y},
         [job](int64_t chunk, void* scratch) { run_group(job, chunk, scratch); });
  if (job.cut.panels % job.cut.each == 0) on.expect_reads(job.w->bytes, job.cut.each * job.w->panel_bytes);
  return official && job.out_rounding == Round::none ? on.official(y, w.out) : y;
}

}  // namespace autark
