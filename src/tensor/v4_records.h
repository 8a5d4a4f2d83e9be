// Cache rows of DeepSeek-V4, each contiguous. n is the number of values in a row; numbers in brackets are
// those of the published models.
//
//   v4_kv584   n − 64 E4M3 codes [448] · 64 BF16 (the rotary channels) · one UE8M0 scale per 64 codes [7]
//              · zeros up to a multiple of 8 scales [1]                                 n = 512: 584 bytes
//   v4_key68   n / 2 bytes of E2M1 codes [64], even channel low · one UE8M0 scale per 32 [4]
//                                                                                       n = 128: 68 bytes
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

namespace autark::v4 {

// Rotary channels of a kv row, and the values that share one scale in a kv row and in a key row.
constexpr int64_t kRotary = 64, kKvBlock = 64, kKeyBlock = 32;

// Bytes of a row of n values. REQUIRES: n − kRotary is a multiple of kKvBlock.
int64_t kv_bytes(int64_t n);
void encode_kv(std::span<const float> x, std::byte* row);
void decode_kv(const std::byte* row, std::span<float> x);

int64_t key_bytes(int64_t n);  // REQUIRES: n is a multiple of kKeyBlock
void encode_key(std::span<const float> x, std::byte* row);
void decode_key(const std::byte* row, std::span<float> x);

// Round to the values that the codes can hold; the rotary channels of a kv row are left unchanged.
void quantise_kv(std::span<float> x);
void quantise_key(std::span<float> x);
// Rounds each run of `block` values to E4M3 with one scale per run; the last run may be shorter.
void quantise_e4m3(std::span<float> x, int64_t block);

// The power-of-two scale of one block, as the official code computes it from the largest magnitude, which
// counts as at least 1e-4 (kv) or 6·2^-126 (key). So a block of zeros has a valid scale.
float kv_scale(std::span<const float> block);
float key_scale(std::span<const float> block);

}  // namespace autark::v4
