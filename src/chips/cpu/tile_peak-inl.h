// The peak speed of matrix products by tiles (tiles.h), from registers. Included by kernels_amx.cc.
#pragma once
#include "chips/cpu/tiles.h"

namespace autark {
namespace {

constexpr int kTileProducts = 4;  // of a round, each with its own sums, to hide their latency

// The operations of a round, whose tiles have so many values in 64 bytes.
constexpr double tile_ops(int values) {
  return 2.0 * kTileProducts * kTileHigh * kTileHigh * values;
}

struct Int8Dot {
  template <int C, int A, int B, class T>
  static void run(T& tiles) {
    tiles.template dot_i8<C, A, B>();
  }
};
struct Bf16Dot {
  template <int C, int A, int B, class T>
  static void run(T& tiles) {
    tiles.template dot_bf16<C, A, B>();
  }
};

// Gives the first sum of int32 or float, as its bits.
template <class T, class Dot>
double tile_peak(int64_t rounds) {
  TileShapes shapes;
  for (int i = 0; i < kTiles; ++i) shapes.set(i, kTileHigh, kTileRowBytes);
  alignas(64) uint8_t values[kTileHigh * kTileRowBytes];
  for (int i = 0; i < kTileHigh * kTileRowBytes; ++i)
    values[i] = static_cast<uint8_t>(0x3c + i * 7 % 4);  // as bf16 about 0.01
  T tiles(shapes);
  tiles.template load<4>(values, kTileRowBytes);
  tiles.template load<5>(values, kTileRowBytes);
  tiles.template load<6>(values, kTileRowBytes);
  tiles.template load<7>(values, kTileRowBytes);
  tiles.template zero<0>();
  tiles.template zero<1>();
  tiles.template zero<2>();
  tiles.template zero<3>();
  for (int64_t n = 0; n < rounds; ++n) {
    Dot::template run<0, 4, 6>(tiles);
    Dot::template run<1, 4, 7>(tiles);
    Dot::template run<2, 5, 6>(tiles);
    Dot::template run<3, 5, 7>(tiles);
  }
  tiles.template store<0>(values, kTileRowBytes);
  uint32_t first;
  __builtin_memcpy(&first, values, 4);
  return first;
}

}  // namespace
}  // namespace autark
