// Probes of the peak speeds of this machine, for every ISA: upper bounds for products that are limited by
// arithmetic only, or by reading only. Included by kernels_<isa>.cc.
#pragma once
#include "chips/cpu/kernels.h"

namespace autark {
namespace {

// Reads n bytes in S streams, 256 bytes of each in turns, prefetching `First` bytes ahead into the first-level cache and, if
// that is not 0, `Second` bytes ahead into the second-level cache.
template <int S, int64_t First, int64_t Second>
double read_streams(const uint8_t* bytes, int64_t n) {
  const int64_t each = n / S / 256 * 256;
  U s[4] = {load_bytes(bytes), load_bytes(bytes), load_bytes(bytes), load_bytes(bytes)};
  for (int64_t i = 0; i < each; i += 256) {
    for (const uint8_t* p = bytes + i; p < bytes + S * each; p += each) {
      for (int j = 0; Second && j < 4; ++j) prefetch<false>(p + Second + 64 * j);
      for (int j = 0; j < 4; ++j) prefetch<true>(p + First + 64 * j);
      AUTARK_UNROLL(4)
      for (int j = 0; j < 4; ++j) s[j] = either(s[j], load_bytes(p + 64 * j));
    }
  }
  uint8_t out[64];
  store_bytes(out, either(either(s[0], s[1]), either(s[2], s[3])));
  return out[0];
}

// As the cores read fastest that want the prefetches `how`. REQUIRES: n % 512 == 0.
double read(const uint8_t* bytes, int64_t n, Prefetch how) {
  return how == Prefetch::second_cache ? read_streams<2, 512, 1024>(bytes, n)
                                       : read_streams<1, 4096, 0>(bytes, n);
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
