#include "tensor/v4_records.h"
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include "tensor/bf16.h"
#include "tensor/minifloat.h"

namespace autark::v4 {
namespace {

float largest(std::span<const float> x) {
  float a = 0;
  for (float v : x) a = std::max(a, std::abs(v));  // std::max ignores a NaN here
  return std::min(a, std::numeric_limits<float>::max());
}
uint8_t* bytes(std::byte* p) {
  return reinterpret_cast<uint8_t*>(p);
}
const uint8_t* bytes(const std::byte* p) {
  return reinterpret_cast<const uint8_t*>(p);
}

// decode_e4m3(encode_e4m3(x)), by the bits of the float: matrix inputs of whole prompts are rounded with it.
float nearest_e4m3(float x) {
  constexpr uint32_t kTop = 0x43e00000, kNormal = 0x3c800000;  // 448 and 2^-6
  constexpr float kTiny = 16384;                               // sums with it are multiples of 2^-9
  const uint32_t u = std::bit_cast<uint32_t>(x), a = std::min(u & 0x7fffffff, kTop);
  const uint32_t normal = (a + 0x7ffff + (a >> 20 & 1)) & 0xfff00000;
  const uint32_t tiny = std::bit_cast<uint32_t>((std::bit_cast<float>(a) + kTiny) - kTiny);
  return std::isnan(x) ? NAN : std::bit_cast<float>((a < kNormal ? tiny : normal) | (u & 0x80000000));
}

}  // namespace

float kv_scale(std::span<const float> block) {
  return scale_for(std::max(largest(block), 1e-4f), 448);
}
float key_scale(std::span<const float> block) {
  return scale_for(std::max(largest(block), std::ldexp(6.f, -126)), 6);
}

int64_t kv_bytes(int64_t n) {
  const int64_t coded = n - kRotary, scales = (coded + kKvBlock - 1) / kKvBlock;
  return coded + 2 * kRotary + (scales + 7) / 8 * 8;
}

void encode_kv(std::span<const float> x, std::byte* row) {
  const int64_t coded = x.size() - kRotary;
  uint8_t* codes = bytes(row);
  uint8_t* scales = codes + coded + 2 * kRotary;
  std::memset(row, 0, kv_bytes(x.size()));
  for (int64_t b = 0; b < coded; b += kKvBlock) {
    const float s = kv_scale(x.subspan(b, kKvBlock));
    scales[b / kKvBlock] = encode_ue8m0(s);
    for (int64_t i = b; i < b + kKvBlock; ++i) codes[i] = encode_e4m3(x[i] / s);
  }
  for (int64_t i = 0; i < kRotary; ++i) {
    const uint16_t c = encode_bf16(x[coded + i]);
    std::memcpy(codes + coded + 2 * i, &c, 2);
  }
}

void decode_kv(const std::byte* row, std::span<float> x) {
  const int64_t coded = x.size() - kRotary;
  const uint8_t* codes = bytes(row);
  const uint8_t* scales = codes + coded + 2 * kRotary;
  const auto &e4m3 = decoded<decode_e4m3>(), &ue8m0 = decoded<decode_ue8m0>();
  for (int64_t i = 0; i < coded; ++i) x[i] = e4m3[codes[i]] * ue8m0[scales[i / kKvBlock]];
  for (int64_t i = 0; i < kRotary; ++i) {
    uint16_t c;
    std::memcpy(&c, codes + coded + 2 * i, 2);
    x[coded + i] = decode_bf16(c);
  }
}

int64_t key_bytes(int64_t n) {
  return n / 2 + n / kKeyBlock;
}

void encode_key(std::span<const float> x, std::byte* row) {
  const int64_t n = x.size();
  uint8_t* codes = bytes(row);
  for (int64_t b = 0; b < n; b += kKeyBlock) {
    const float s = key_scale(x.subspan(b, kKeyBlock));
    codes[n / 2 + b / kKeyBlock] = encode_ue8m0(s);
    for (int64_t i = b; i < b + kKeyBlock; i += 2)
      codes[i / 2] = encode_e2m1(x[i] / s) | encode_e2m1(x[i + 1] / s) << 4;
  }
}

void decode_key(const std::byte* row, std::span<float> x) {
  const int64_t n = x.size();
  const uint8_t* codes = bytes(row);
  const auto &e2m1 = decoded<decode_e2m1>(), &ue8m0 = decoded<decode_ue8m0>();
  for (int64_t i = 0; i < n; ++i)
    x[i] = e2m1[codes[i / 2] >> 4 * (i % 2) & 15] * ue8m0[codes[n / 2 + i / kKeyBlock]];
}

void quantise_e4m3(std::span<float> x, int64_t block) {
  for (size_t b = 0; b < x.size(); b += block) {
    const auto run = x.subspan(b, std::min<size_t>(block, x.size() - b));
    const float s = kv_scale(run);
    for (float& v : run) v = nearest_e4m3(v / s) * s;
  }
}

void quantise_kv(std::span<float> x) {
  quantise_e4m3(x.first(x.size() - kRotary), kKvBlock);
}

void quantise_key(std::span<float> x) {
  for (size_t b = 0; b < x.size(); b += kKeyBlock) {
    const auto run = x.subspan(b, kKeyBlock);
    const float s = key_scale(run);
    for (float& v : run) v = decode_e2m1(encode_e2m1(v / s)) * s;
  }
}

}  // namespace autark::v4
