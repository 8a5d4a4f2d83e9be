// Rows of state as the V4 verbs read and write them, with the kernels of one instruction set.
#pragma once
#include "chips/cpu/recorder.h"
#include "chips/state_view.h"

namespace autark {

// Where row `row` of sequence `seq` lies, counted from the sequence's start.
std::byte* record_of(const StateView& r, int64_t seq, int64_t row);

// The same as load() and store() of chips/state_view.h.
void load_row(const V4Kernels& k, const StateView& r, int64_t seq, int64_t row, float* out);
void store_row(const V4Kernels& k, const StateView& r, int64_t seq, int64_t row, const float* x);
// What load_row() would give after store_row(); `out` may not be x.
void as_stored(const V4Kernels& k, const StateView& r, const float* x, float* out);
// To the values that codes of `f` hold.
void quantise_row(const V4Kernels& k, Format f, const float* x, int64_t n, float* out);

// Rows of tokens [from, to) of sequence `seq`, of which the stream keeps one a token, from `fresh` to the
// pages; of a ring the last ones only.
void append_rows(const V4Kernels& k, const StateView& r, int64_t seq, const float* fresh, int64_t from,
                 int64_t to);

// The sequence of each row of a step, in the memory of plans.
const int32_t* sequences_of(Recorder& on, const StateView& r, int64_t rows);

}  // namespace autark
