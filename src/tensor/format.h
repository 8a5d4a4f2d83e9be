// How numbers lie in memory. Each storage format is one small file here (minifloat.h: f16, E4M3, E2M1;
// bf16.h; q8_0.h, q4_k.h, mxfp4.h … for GGUF blocks; v4_records.h) with the byte layout above a scalar encode
// and decode; every kernel is tested against those.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

namespace autark {

enum class Format : uint8_t {
  f32,
  f16,
  bf16,
  i32,
  fp8_e4m3_b128x128,  // matrices: E4M3 codes, one UE8M0 scale per 128×128 block
  e2m1_b32,           // matrices: two E2M1 codes a byte, even column low; one UE8M0 scale per 32 columns
  q8_0,               // GGUF blocks; scales lie inside the block
  q4_0,
  q4_1,
  q5_0,
  q5_1,
  q4_k,
  q5_k,
  q6_k,
  mxfp4,
  v4_kv584,  // cache rows: v4_records.h
  v4_key68,
};

const char* name_of(Format f);

// Values in a block and bytes of a block; 1 and the element's size for plain formats.
int64_t block_values(Format f);
int64_t block_bytes(Format f);

// Bytes of n values in a row. Scales that lie elsewhere are not counted (tensor/weight.h).
// REQUIRES: n is a multiple of block_values(f).
int64_t row_bytes(Format f, int64_t n);

// One row of f32, f16, bf16, a GGUF format or a cache record. The others are decoded by decode_row
// (tensor/weight.h): a row of them lacks its scales. REQUIRES: the number of values is a multiple of
// block_values(f); `row` is aligned to 2 bytes.
void encode(Format f, std::span<const float> x, std::byte* row);
void decode(Format f, const std::byte* row, std::span<float> x);

// Rounds to the values the format's codes can hold. The rotary half of v4_kv584 is plain BF16 there, not
// coded, and stays as it is. f32: nothing changes.
void quantise(Format f, std::span<float> x);

}  // namespace autark
