// Storage formats of numbers. Each format has a small header here with its byte layout above a scalar encode
// and decode: minifloat.h (F16, E4M3, E2M1), bf16.h, q8_0.h, q4_k.h, mxfp4.h and others for GGUF blocks,
// v4_records.h for cache rows, int4.h. The chips' kernels are tested against these functions.
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
  fp8_e4m3_b128x128,      // matrices: E4M3 codes, one UE8M0 scale per 128×128 block
  fp8_e4m3_b128x128_f32,  // the same with float32 scales
  e2m1_b32,  // matrices: two E2M1 codes per byte, even column low; one UE8M0 scale per 32 columns
  q8_0,      // GGUF blocks, which contain their scales
  q4_0,
  q4_1,
  q5_0,
  q5_1,
  q4_k,
  q5_k,
  q6_k,
  mxfp4,
  v4_kv584,  // rows of a cache, see v4_records.h
  v4_key68,
  int4_b32,  // matrices: two INT4 codes per byte, even column low; one BF16 scale per 32 columns (int4.h)
};

const char* name_of(Format f);  // in upper case: "Q4_K"

// Values and bytes of a block; 1 and the element's size for plain formats. e2m1_b32 and int4_b32 have blocks of 2
// values in 1 byte, since their scales are stored elsewhere. REQUIRES for bytes: f is not a cache record.
int64_t block_values(Format f);
int64_t block_bytes(Format f);

// Bytes of n values in a row, without scales that are stored in another tensor (tensor/weight.h). REQUIRES: n
// is a multiple of block_values(f).
int64_t row_bytes(Format f, int64_t n);

// Encode and decode one row of f32, f16, bf16, a GGUF format or a cache record. The other formats are decoded
// by decode_row (tensor/weight.h), because their scales are not part of the row. REQUIRES: the number of
// values is a multiple of block_values(f); `row` is aligned to 2 bytes.
void encode(Format f, std::span<const float> x, std::byte* row);
void decode(Format f, const std::byte* row, std::span<float> x);

// Rounds x to values that the format can hold. The rotary channels of v4_kv584 are stored as plain BF16 and
// are not rounded here. f32 changes nothing.
void quantise(Format f, std::span<float> x);

}  // namespace autark
