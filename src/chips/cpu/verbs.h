// The verbs that need more than a line, as recorders of operations: one file each.
#pragma once
#include "chips/chip.h"
#include "chips/cpu/recorder.h"

namespace autark {

Tensor record_linear(Recorder& on, Rounding::Inputs inputs, Tensor x, const Weight& w, Tensor bias);
// down · glu(gate x, up x): the inner rows exist in the thread's scratch, and rounded.
Tensor record_ffn(Recorder& on, Rounding::Inputs inputs, Tensor x, const Weight& gate, const Weight& up,
                  const Weight& down, Act act, float limit);
Tensor record_moe(Recorder& on, Rounding::Inputs inputs, Tensor x, Choice to, const Weight& gate,
                  const Weight& up, const Weight& down, Act act, float limit);
Tensor record_attention(Recorder& on, Tensor q, Tensor k, Tensor v, const Rows& ks, const Rows& vs,
                        Attend how);

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

  // y[row][0 …] = outputs of panels [begin, end), rows [row, row + rows); row a multiple of kTile.
  void run(int64_t begin, int64_t end, int64_t row, int64_t rows, float* y, int64_t y_stride,
           void* scratch) const;
};

// Panels a chunk takes, and how many chunks that makes.
struct PanelCut {
  int64_t panels, each, chunks;
};
PanelCut cut_panels(const Recorder& on, const Panels& w, int64_t rows);

}  // namespace autark
