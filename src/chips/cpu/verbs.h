// Recorders of verbs with more than a few lines, one file each. Chip has the verbs' contracts.
#pragma once
#include <optional>
#include "chips/chip.h"
#include "chips/cpu/recorder.h"

namespace autark {

Tensor record_linear(Recorder& on, Rounding::Inputs inputs, Tensor x, const Weight& w, const Vector& bias);
// REQUIRES in official runs: official_groups(w).
Tensor record_grouped_linear(Recorder& on, Rounding::Inputs inputs, Tensor x, const Weight& w);
// Whether rounding the channels of all groups together equals rounding each group's channels.
bool official_groups(const Weight& w);
// down · glu(gate x, up x). The inner rows exist only in the thread's scratch and in rounded form.
Tensor record_ffn(Recorder& on, Rounding::Inputs inputs, Tensor x, const Weight& gate, const Weight& up,
                  const Weight& down, Act act, float limit);
Tensor record_moe(Recorder& on, Rounding::Inputs inputs, Tensor x, Choice to, const Weight& gate,
                  const Weight& up, const Weight& down, Act act, float limit, const ExpertBiases& biases);
Tensor record_attention(Recorder& on, Tensor q, Tensor k, Tensor v, const StateView& ks, const StateView& vs,
                        Attend how);
Tensor record_delta_rule(Recorder& on, Tensor qkv, Tensor a, Tensor b, const DeltaRule& rule,
                         const ReplayView& memory);
Tensor record_causal_conv(Recorder& on, Tensor x, const Vector& taps, const StateView& before);
bool attends_records(Format f);
Choice record_route(Recorder& on, Tensor logits, const Vector& bias, Tensor fixed, const Routing& how,
                    Tensor* margin);

// How the queries of a step become attention tasks. A task is some tokens of one sequence times some of the
// `group` heads that share a key head, at most kQueriesMax queries. If that gives fewer tasks than threads, a
// group's heads are divided further.
struct TaskSplit {
  int64_t tokens, heads;  // per task
  int64_t parts;          // per group
};
TaskSplit split_tasks(int64_t tokens, int64_t key_heads, int64_t group, int64_t threads);

inline Gate gate_of(Act a) {
  return static_cast<Gate>(a);  // the same order
}

// In which form a product of an official run takes its inputs as bf16 values: where the kernels multiply such values, and bf16
// holds the weights or their codes. The number of rows decides only where the bits do not depend on it.
std::optional<Bf16Form> bf16_form(const Kernels& k, const Panels& w, Round in, int64_t rows);

// Whether a product of this kind reads rounded activations.
inline bool rounds(Rounding::Inputs inputs, Kind k) {
  return inputs != Rounding::Inputs::f32 && takes_rounded(k);
}

// Computes part of a product. Exactly one of `rounded`, `floats` and `bf16` is set.
struct ProductJob {
  const Kernels* k;
  const Panels* w;
  Rounded rounded;             // tiles of all rows, or
  const float* const* floats;  // one pointer per row
  const float* bias;
  const uint16_t* bf16 = nullptr;  // rows of Bf16Rows
  int64_t bf16_stride = 0;
  Round out = Round::none;  // how the results are rounded; none or bf16

  // y[row][0 …] = outputs of panels [begin, end) for rows [row, row + rows).
  // REQUIRES: row is a multiple of Kernels::tile_rows, 0 if there are at most Kernels::packed_rows.
  void run(int64_t begin, int64_t end, int64_t row, int64_t rows, float* y, int64_t y_stride,
           void* scratch) const;
};

// The division of a matrix into chunks of `each` panels.
struct PanelCut {
  int64_t panels, each, chunks;
};
PanelCut cut_panels(const Recorder& on, const Panels& w, int64_t rows);
PanelCut in_multiples(PanelCut cut, int64_t of);  // the same with `each` a multiple of it

// Gate and up products are combined up to kPairPanels panels at a time, for at most rows_at_once() rows: twice 512 KiB of
// floats, in the half of the thread's scratch that products do not use.
inline constexpr int64_t kPairPanels = 8, kPairWide = kPairPanels * kLanes;
struct PairScratch {  // [row][kPairWide] each
  float *a, *b;
  PairScratch(void* scratch, int64_t rows)
      : a(reinterpret_cast<float*>(static_cast<std::byte*>(scratch) + kScratchBytes / 2)),
        b(a + rows * kPairWide) {}
};
static_assert(2 * rows_at_once(1) * kPairWide * int64_t{sizeof(float)} <= kScratchBytes / 2);

}  // namespace autark
