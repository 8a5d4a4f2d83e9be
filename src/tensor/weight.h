// A Weight is a view of a matrix as the checkpoint stores it, or of a stack of matrices, one per expert.
// It owns nothing: bytes live in the mapped file, parts in Weights (weights/weights.h). A chip keeps its own
// interleaved form of a part in a table of its own, keyed by the part's codes.
#pragma once
#include "tensor/tensor.h"

namespace autark {

// Blocks of the formats whose scales lie in a tensor of their own.
inline constexpr int64_t kTileSide = 128;  // fp8_e4m3_b128x128: one scale per tile, tiles row by row
inline constexpr int64_t kRunLength = 32;  // e2m1_b32: one scale per run of columns

inline int64_t tiles(int64_t n) {
  return (n + kTileSide - 1) / kTileSide;
}

// What a model's official code rounds around a product; used with Rounding::Inputs::official.
enum class Round : uint8_t { none, bf16, e4m3_b128 };

void round(Round how, std::span<float> x);

struct Part {  // one matrix; a tensor file entry, or a slice of one
  const std::byte* codes = nullptr;
  const std::byte* scales = nullptr;  // block formats
};

struct Weight {
  Format format = Format::f32;
  Shape shape;                  // [out, in] or [experts, out, in]
  std::span<const Part> parts;  // one, or one per expert
  Round in = Round::none, out = Round::none;

  explicit operator bool() const { return shape.rank > 0; }
  int64_t rows() const { return shape[-2]; }
  int64_t cols() const { return shape[-1]; }
  Weight rounded(Round i, Round o) const { return {format, shape, parts, i, o}; }
  Weight expert(int64_t e) const { return {format, {rows(), cols()}, parts.subspan(e, 1), in, out}; }
};

// Bytes of all parts, scales included.
int64_t bytes_of(const Weight& w);

// Row `row` of a single matrix as float.
void decode_row(const Weight& w, int64_t row, std::span<float> out);

}  // namespace autark
