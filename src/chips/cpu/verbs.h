// The verbs that need more than a line, as recorders of operations: one file each.
#pragma once
#include "chips/chip.h"
#include "chips/cpu/recorder.h"

namespace autark {

Tensor record_linear(Recorder& on, Rounding::Inputs inputs, Tensor x, const Weight& w, const Vector& bias);
// Not in official runs whose groups and tiles of rounding do not agree (official_groups).
Tensor record_grouped_linear(Recorder& on, Rounding::Inputs inputs, Tensor x, const Weight& w);
// Whether rounding all groups' channels at once is rounding those of each.
bool official_groups(const Weight& w);
// down · glu(gate x, up x): the inner rows exist in the thread's scratch, and rounded.
Tensor record_ffn(Recorder& on, Rounding::Inputs inputs, Tensor x, const Weight& gate, const Weight& up,
                  const Weight& down, Act act, float limit);
Tensor record_moe(Recorder& on, Rounding::Inputs inputs, Tensor x, Choice to, const Weight& gate,
                  const Weight& up, const Weight& down, Act act, float limit);
Tensor record_attention(Recorder& on, Tensor q, Tensor k, Tensor v, const Rows& ks, const Rows& vs,
                        Attend how);
bool attends_records(Format f);
Choice record_route(Recorder& on, Tensor logits, const Vector& bias, Tensor fixed, const Routing& how,
                    Tensor* margin);

// How the queries of a step become attention tasks. A task has some tokens of one sequence, and some of the
// `group` heads that share a key head, kQueriesMax queries together at most. Where that gives fewer tasks
// than threads, a group is cut into more parts.
struct TaskSplit {
  int64_t tokens, heads;  // of a task
  int64_t parts;          // of a group
};
TaskSplit split_tasks(int64_t tokens, int64_t key_heads, int64_t group, int64_t threads);

inline Gate gate_of(Act a) {
  return a == Act::silu ? Gate::silu : Gate::gelu_tanh;
}

// Products of some outputs, as the operations above share them.
struct ProductJob {
  const Kernels* k;
  const Panels* w;
  const RoundedBlock* rounded;  // or
  const float* const* floats;   // one pointer a row
  const float* bias;

  // y[row][0 …] = outputs of panels [begin, end), rows [row, row + rows); row a multiple of
  // Kernels::tile_rows.
  void run(int64_t begin, int64_t end, int64_t row, int64_t rows, float* y, int64_t y_stride,
           void* scratch) const;
};

// Panels a chunk takes, and how many chunks that makes.
struct PanelCut {
  int64_t panels, each, chunks;
};
PanelCut cut_panels(const Recorder& on, const Panels& w, int64_t rows);
PanelCut in_pairs(PanelCut cut);  // the same with an even number of panels a chunk

// Gate and up products are joined two panels at a time, for at most rows_at_once() rows: twice 128 KiB of
// floats, in the half of the thread's scratch that products leave alone.
inline constexpr int64_t kPairWide = 2 * kLanes;
struct PairScratch {  // [row][kPairWide] each
  float *a, *b;
  PairScratch(void* scratch, int64_t rows)
      : a(reinterpret_cast<float*>(static_cast<std::byte*>(scratch) + kScratchBytes / 2)),
        b(a + rows * kPairWide) {}
};

}  // namespace autark
