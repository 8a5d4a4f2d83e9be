// For tests of this folder: random weights in every format, the chips to compare, and state pages.
#pragma once
#include <gtest/gtest.h>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <vector>
#include "chips/registry.h"

namespace autark::cpu_testing {

inline constexpr Format kFormats[] = {
    Format::f32,   Format::f16,      Format::bf16,    Format::fp8_e4m3_b128x128,
    Format::q8_0,  Format::q4_0,     Format::q4_1,    Format::q5_0,
    Format::q5_1,  Format::q4_k,     Format::q5_k,    Format::q6_k,
    Format::mxfp4, Format::e2m1_b32, Format::int4_b32};

// Those whose products the int8 modes round.
std::vector<Format> block_formats();

std::vector<float> random_values(int64_t n, uint32_t seed);

// `cols` rounded up to a number of inputs that the format can hold.
int64_t fitting(Format f, int64_t cols);

struct Matrix {  // random values [experts, rows, cols] in one format; `weight` views them
  Matrix(Format f, int64_t experts, int64_t rows, int64_t cols, uint32_t seed);
  Matrix(Format f, int64_t rows, int64_t cols, uint32_t seed);
  ~Matrix();

  void add_part(Format f, int64_t rows, int64_t cols, uint32_t seed);
  std::vector<float> row(int64_t expert, int64_t r) const;

  std::deque<std::vector<std::byte>> codes, scales;
  std::vector<Part> parts;
  Weight weight;
};

Tensor floats(Chip& on, Shape s, const std::vector<float>& x);
// A view of the tensor's values. REQUIRES: the chip uses the host's memory.
Vector vector_of(const Tensor& t);
Tensor ints(Chip& on, const std::vector<int32_t>& x);
std::vector<float> values(Chip& on, const Tensor& t);

std::unique_ptr<Chip> cpu(const ChipOptions& o);

// One stream's pages for several sequences. Pages are filled with 0xff, so a row that is read before it is
// written is NaN.
class State {
 public:
  State(Format record, int64_t width, int window_rows, int ring, int page_rows, int sequences);
  ~State();

  // Room for `spans` after `lengths` tokens. Valid until the next call.
  StateView view(std::span<const Span> spans, std::span<const int64_t> lengths);

 private:
  Format record_;
  int64_t width_;
  int window_rows_, ring_, page_rows_;
  std::vector<std::deque<std::vector<std::byte>>> pages_;
  std::vector<std::vector<std::byte*>> tables_;
  std::vector<std::span<std::byte* const>> views_;
};

}  // namespace autark::cpu_testing
