// Probes of the peak speeds of this machine, for every ISA: upper bounds for products that are limited by
// arithmetic only, or by reading only. Included by kernels_<isa>.cc.
#pragma once
#include "chips/cpu/kernels.h"

namespace autark {
namespace {

// Reads n bytes, 256 at a time, prefetching 4 KiB ahead.
double read(const uint8_t* bytes, int64_t n) {
  U s[4] = {load_bytes(bytes), load_bytes(bytes), load_bytes(bytes), load_bytes(bytes)};
  for (int64_t i = 0; i + 256 <= n; i += 256) {
    prefetch<true>(bytes + i + 4096);
    prefetch<true>(bytes + i + 4096 + 64);
    prefetch<true>(bytes + i + 4096 + 128);
    prefetch<true>(bytes + i + 4096 + 192);
    AUTARK_UNROLL(4)
    for (int j = 0; j < 4; ++j) s[j] = either(s[j], load_bytes(bytes + i + 64 * j));
  }
  uint8_t out[64];
  store_bytes(out, either(either(s[0], s[1]), either(s[2], s[3])));
  return out[0];
}

double float_peak(int64_t rounds) {
  F s[kPeakChains];
  const F a = all(0.999f), b = all(1e-3f);
  AUTARK_UNROLL(12)
  for (int i = 0; i < kPeakChains; ++i) s[i] = hidden(all(1.f + i));
  for (int64_t n = 0; n < rounds; ++n) {
    AUTARK_UNROLL(12)
    for (int i = 0; i < kPeakChains; ++i) s[i] = fma(s[i], a, b);
  }
  float out = 0;
  for (int i = 0; i < kPeakChains; ++i) out += sum_of(s[i]);
  return out;
}

double int8_peak(int64_t rounds) {
  uint8_t seven[64];
  for (uint8_t& v : seven) v = 7;
  const U w = load_bytes(seven);
  I s[kPeakChains];
  AUTARK_UNROLL(12)
  for (int i = 0; i < kPeakChains; ++i) s[i] = int_all(i);
  for (int64_t n = 0; n < rounds; ++n) peak_round(w, static_cast<int32_t>(n) & 0x01010101, s);
  double out = 0;
  for (int i = 0; i < kPeakChains; ++i) out += sum_of(s[i]);
  return out;
}

}  // namespace
}  // namespace autark
