// DeepSeek-V4's cache rows, each contiguous. n is the row's width; the numbers in brackets are the
// published models'.
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

constexpr int64_t kRotary = 64, kKvBlock = 64, kKeyBlock = 32;

int64_t kv_bytes(int64_t n);
void encode_kv(std::span<const float> x, std::byte* row);
void decode_kv(const std::byte* row, std::span<float> x);

int64_t key_bytes(int64_t n);
void encode_key(std::span<const float> x, std::byte* row);
void decode_key(const std::byte* row, std::span<float> x);

// To the values the codes can hold; the rotary channels of a kv row stay as they are.
void quantise_kv(std::span<float> x);
void quantise_key(std::span<float> x);
// To E4M3 with a scale of this kind for each `block` values, the last block may be shorter.
void quantise_e4m3(std::span<float> x, int64_t block);

float kv_scale(std::span<const float> block);   // largest magnitude at least 1e-4
float key_scale(std::span<const float> block);  // … at least 6·2^-126

}  // namespace autark::v4
