#include "chips/cpu/unit_peaks.h"
#include "chips/cpu/unroll.h"
#if defined(__x86_64__)
#include <immintrin.h>
#include "chips/cpu/isa.h"
#endif

namespace autark {

#if defined(__x86_64__)
namespace {

constexpr int kChains = 12;  // as many as hide the latency of one product

__attribute__((target("avx512f,avx512bw,avx512vl,avx512bf16"))) double run_bf16(int64_t rounds) {
  __m512 s[kChains];
  for (int i = 0; i < kChains; ++i) s[i] = _mm512_set1_ps(static_cast<float>(i));
  const __m512 small = _mm512_set1_ps(1e-3f);
  const __m512bh a = _mm512_cvtne2ps_pbh(small, small);
  for (int64_t n = 0; n < rounds; ++n) {
    AUTARK_UNROLL(12)
    for (int i = 0; i < kChains; ++i) s[i] = _mm512_dpbf16_ps(s[i], a, a);
  }
  for (int i = 1; i < kChains; ++i) s[0] = _mm512_add_ps(s[0], s[i]);
  return static_cast<double>(_mm512_cvtss_f32(s[0]));
}

}  // namespace

std::optional<UnitPeak> bf16_peak() {
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("avx512bf16") || !__builtin_cpu_supports("avx512bw")) return {};
  return UnitPeak{run_bf16, 2.0 * 32 * kChains};
}

std::optional<UnitPeak> amx_bf16_peak() {
  if (!kernels_for("amx")) return {};
  return tile_bf16_peak();
}
#else
std::optional<UnitPeak> bf16_peak() {
  return {};
}
std::optional<UnitPeak> amx_bf16_peak() {
  return {};
}
#endif

}  // namespace autark
