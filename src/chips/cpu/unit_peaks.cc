#include "chips/cpu/unit_peaks.h"
#include "chips/cpu/unroll.h"
#if defined(__x86_64__) && defined(__linux__)
#include <cpuid.h>
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <cstring>
#endif

namespace autark {

#if defined(__x86_64__) && defined(__linux__)
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

struct alignas(64) TileShapes {  // as ldtilecfg reads it
  uint8_t palette = 1, start_row = 0, reserved[14] = {};
  uint16_t row_bytes[16] = {};
  uint8_t rows[16] = {};
};

constexpr int kTiles = 8, kTileProducts = 4;  // products of a round; each has its own sums
constexpr int kTileRowBytes = 64, kTileRows = 16;

constexpr TileShapes full_tiles() {
  TileShapes t;
  for (int i = 0; i < kTiles; ++i) t.row_bytes[i] = kTileRowBytes, t.rows[i] = kTileRows;
  return t;
}
// A constant in memory: the intrinsic that loads it names only its first bytes to the compiler.
constexpr TileShapes kShapes = full_tiles();

__attribute__((target("amx-tile,amx-int8"))) double run_amx_int8(int64_t rounds) {
  int32_t out[kTileRows * kTileRows];
  std::memset(out, 1, sizeof out);
  _tile_loadconfig(&kShapes);
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  _tile_loadd(4, out, kTileRowBytes);
  _tile_loadd(5, out, kTileRowBytes);
  _tile_loadd(6, out, kTileRowBytes);
  _tile_loadd(7, out, kTileRowBytes);
  for (int64_t n = 0; n < rounds; ++n) {
    _tile_dpbusd(0, 4, 6);
    _tile_dpbusd(1, 4, 7);
    _tile_dpbusd(2, 5, 6);
    _tile_dpbusd(3, 5, 7);
  }
  _tile_stored(0, out, kTileRowBytes);
  _tile_release();
  return out[0];
}

__attribute__((target("amx-tile,amx-bf16"))) double run_amx_bf16(int64_t rounds) {
  float out[kTileRows * kTileRows] = {};
  _tile_loadconfig(&kShapes);
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  _tile_loadd(4, out, kTileRowBytes);
  _tile_loadd(5, out, kTileRowBytes);
  _tile_loadd(6, out, kTileRowBytes);
  _tile_loadd(7, out, kTileRowBytes);
  for (int64_t n = 0; n < rounds; ++n) {
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
  }
  _tile_stored(0, out, kTileRowBytes);
  _tile_release();
  return static_cast<double>(out[0]);
}

// Bits of CPUID leaf 7, register EDX.
constexpr unsigned kAmxBf16 = 1u << 22, kAmxTile = 1u << 24, kAmxInt8 = 1u << 25;

bool may_use_tiles(unsigned unit) {
  unsigned a, b, c, d = 0;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(d & kAmxTile) || !(d & unit)) return false;
  constexpr int kRequestPermission = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

double tile_ops(int values_per_row) {
  return 2.0 * kTileProducts * kTileRows * kTileRows * values_per_row;
}

}  // namespace

std::optional<UnitPeak> bf16_peak() {
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("avx512bf16") || !__builtin_cpu_supports("avx512bw")) return {};
  return UnitPeak{run_bf16, 2.0 * 32 * kChains};
}

std::optional<UnitPeak> amx_int8_peak() {
  if (!may_use_tiles(kAmxInt8)) return {};
  return UnitPeak{run_amx_int8, tile_ops(kTileRowBytes)};
}

std::optional<UnitPeak> amx_bf16_peak() {
  if (!may_use_tiles(kAmxBf16)) return {};
  return UnitPeak{run_amx_bf16, tile_ops(kTileRowBytes / 2)};
}
#else
std::optional<UnitPeak> bf16_peak() {
  return {};
}
std::optional<UnitPeak> amx_int8_peak() {
  return {};
}
std::optional<UnitPeak> amx_bf16_peak() {
  return {};
}
#endif

}  // namespace autark
