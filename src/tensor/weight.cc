#include "tensor/weight.h"
#include <cstring>
#include "tensor/int4.h"
#include "tensor/minifloat.h"
#include "tensor/v4_records.h"

namespace autark {
namespace {

const uint8_t* bytes(const std::byte* p) {
  return reinterpret_cast<const uint8_t*>(p);
}

}  // namespace

int64_t bytes_of(const Weight& w) {
  const int64_t matrices = w.shape.numel() / (w.rows() * w.cols());
  const int64_t scales =
      (is_tiled(w.format) ? tiles(w.rows()) : w.rows()) * scale_row_bytes(w.format, w.cols());
  return matrices * (w.rows() * row_bytes(w.format, w.cols()) + scales);
}

void round(Round how, std::span<float> x) {
  if (how == Round::bf16) return quantise(Format::bf16, x);
  if (how == Round::e4m3_b128) v4::quantise_e4m3(x, kTileSide);
}

float tile_scale(const Weight& w, int64_t row, int64_t tile) {
  const uint8_t* scales = bytes(w.parts[0].scales) + row / kTileSide * scale_row_bytes(w.format, w.cols());
  if (w.format == Format::fp8_e4m3_b128x128) return decoded<decode_ue8m0>()[scales[tile]];
  float scale;
  std::memcpy(&scale, scales + 4 * tile, 4);
  return scale;
}

void decode_row(const Weight& w, int64_t row, std::span<float> out) {
  AUTARK_CHECK(w.parts.size() == 1 && std::ssize(out) == w.cols());
  const Part& p = w.parts[0];
  const int64_t n = w.cols();
  const std::byte* codes = p.codes + row * row_bytes(w.format, n);
  const auto &e4m3 = decoded<decode_e4m3>(), &e2m1 = decoded<decode_e2m1>(), &ue8m0 = decoded<decode_ue8m0>();
  if (is_tiled(w.format)) {
    float scale = 0;
    for (int64_t i = 0; i < n; ++i) {
      if (i % kTileSide == 0) scale = tile_scale(w, row, i / kTileSide);
      out[i] = e4m3[bytes(codes)[i]] * scale;
    }
  } else if (w.format == Format::e2m1_b32) {
    const uint8_t* scales = bytes(p.scales) + row * (n / kRunLength);
    for (int64_t i = 0; i < n; ++i)
      out[i] = e2m1[bytes(codes)[i / 2] >> 4 * (i % 2) & 15] * ue8m0[scales[i / kRunLength]];
  } else if (w.format == Format::int4_b32) {
    const std::byte* scales = p.scales + row * scale_row_bytes(w.format, n);
    for (int64_t i = 0; i < n; i += kRunLength) {
      uint16_t scale;
      std::memcpy(&scale, scales + i / kRunLength * 2, 2);
      decode_int4(bytes(codes) + i / 2, scale, &out[i]);
    }
  } else {
    decode(w.format, codes, out);
  }
}

}  // namespace autark
