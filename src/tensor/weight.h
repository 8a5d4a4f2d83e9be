// A Weight is a view of a matrix as the checkpoint stores it, or of a stack of matrices, one per expert. It
// owns nothing: the bytes are in the mapped file, the parts in Weights (weights/weights.h). A chip keeps its
// prepared form of a part in a table keyed by the address of the part's codes.
#pragma once
#include "tensor/tensor.h"

namespace autark {

// Block sizes of the formats whose scales are stored in a tensor of their own.
inline constexpr int64_t kTileSide = 128;  // E4M3: one scale per tile, tiles row by row
inline constexpr int64_t kRunLength = 32;  // e2m1_b32, int4_b32: one scale per run of columns

inline int64_t tiles(int64_t n) {  // along a side of n values
  return (n + kTileSide - 1) / kTileSide;
}
// Whether a format has one scale per tile.
inline bool is_tiled(Format f) {
  return f == Format::fp8_e4m3_b128x128 || f == Format::fp8_e4m3_b128x128_f32;
}
// Whether a format has one scale per run of columns.
inline bool has_runs(Format f) {
  return f == Format::e2m1_b32 || f == Format::int4_b32;
}
// Bytes of the scales of one row of tiles, or of one row of a matrix; 0 for formats that have them in blocks.
inline int64_t scale_row_bytes(Format f, int64_t columns) {
  if (is_tiled(f)) return tiles(columns) * (f == Format::fp8_e4m3_b128x128 ? 1 : 4);
  return has_runs(f) ? columns / kRunLength * (f == Format::e2m1_b32 ? 1 : 2) : 0;
}

// What a model's official code rounds before (`in`) and after (`out`) a product; used with
// Rounding::Inputs::official.
enum class Round : uint8_t { none, bf16, e4m3_b128 };

void round(Round how, std::span<float> x);  // in place

struct Part {  // one matrix: a tensor of a file or a slice of one
  const std::byte* codes = nullptr;
  const std::byte* scales = nullptr;  // null if the format has them in its blocks
};

struct Weight {
  Format format = Format::f32;
  Shape shape;                                // [out, in] or [experts, out, in]
  std::span<const Part> parts;                // one, or one per expert
  Round in = Round::none, out = Round::none;  // of the product's inputs and outputs

  explicit operator bool() const { return shape.rank > 0; }  // false: no matrix
  int64_t rows() const { return shape[-2]; }
  int64_t cols() const { return shape[-1]; }
  // The same matrix with other roundings, and the matrix of one expert.
  Weight rounded(Round i, Round o) const { return {format, shape, parts, i, o}; }
  Weight expert(int64_t e) const { return {format, {rows(), cols()}, parts.subspan(e, 1), in, out}; }
};

// Bytes of all parts, scales included.
int64_t bytes_of(const Weight& w);

// The scale of column tile `tile` of a tiled matrix, in the row of tiles that contains `row`.
float tile_scale(const Weight& w, int64_t row, int64_t tile);

// Decodes one row of a single matrix to float. REQUIRES: w.parts.size() == 1, out.size() == w.cols().
void decode_row(const Weight& w, int64_t row, std::span<float> out);

}  // namespace autark
