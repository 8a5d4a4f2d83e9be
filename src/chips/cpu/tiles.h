// Matrix tiles: eight registers of up to 16 rows of up to 64 bytes, and the products C += A · B of three of them,
// exactly as AMX has them. Two classes with the same members, of which kernels take one as a parameter:
//
//   AmxTiles     the instructions; only in files compiled for AMX, for processors that have it (tile_unit.h)
//   ModelTiles   plain C++ for every processor; it traps where the instructions fault, so that tests on any
//                machine find wrong shapes
//
// The registers belong to the thread from the constructor to the destructor. In between a change of thread and a
// signal save 8 KiB more than otherwise, so a kernel keeps its tiles only while it computes.
#pragma once
#include <stdint.h>

namespace autark {

static constexpr int kTiles = 8;
static constexpr int kTileHigh = 16;      // rows at most
static constexpr int kTileRowBytes = 64;  // at most

namespace {

// The shapes of all tiles, as ldtilecfg reads them.
struct alignas(64) TileShapes {
  uint8_t palette = 1, start_row = 0, reserved[14] = {};
  uint16_t row_bytes[16] = {};
  uint8_t rows[16] = {};

  constexpr void set(int tile, int64_t high, int64_t bytes) {
    rows[tile] = static_cast<uint8_t>(high);
    row_bytes[tile] = static_cast<uint16_t>(bytes);
  }
};
static_assert(sizeof(TileShapes) == 64);

#if defined(__AMX_TILE__) || defined(__AMXTILE__)  // GCC, clang 14
// The compilers' own functions take the number of a tile as a literal only, these as a template argument.
class AmxTiles {
 public:
  explicit AmxTiles(const TileShapes& shapes) { __asm__ volatile("ldtilecfg %0" ::"m"(shapes)); }
  ~AmxTiles() { __asm__ volatile("tilerelease" ::); }
  AmxTiles(const AmxTiles&) = delete;
  AmxTiles& operator=(const AmxTiles&) = delete;

  template <int T>
  void zero() {
    __asm__ volatile("tilezero %%tmm%c0" ::"i"(T));
  }
  template <int T>
  void load(const void* rows, int64_t stride) {
    __asm__ volatile("tileloadd (%1,%2,1), %%tmm%c0" ::"i"(T), "r"(rows), "r"(stride) : "memory");
  }
  template <int T>
  void store(void* rows, int64_t stride) const {
    __asm__ volatile("tilestored %%tmm%c0, (%1,%2,1)" ::"i"(T), "r"(rows), "r"(stride) : "memory");
  }
  template <int C, int A, int B>
  void dot_i8() {
    __asm__ volatile("tdpbssd %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(C), "i"(A), "i"(B));
  }
  template <int C, int A, int B>
  void dot_bf16() {
    __asm__ volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(C), "i"(A), "i"(B));
  }
};
#endif

class ModelTiles {
 public:
  explicit ModelTiles(const TileShapes& shapes) : shapes_(shapes) {
    require(shapes.palette == 1 && shapes.start_row == 0);
    for (int i = 0; i < 16; ++i) {
      require(shapes.rows[i] <= kTileHigh && shapes.row_bytes[i] <= kTileRowBytes);
      require((shapes.rows[i] == 0) == (shapes.row_bytes[i] == 0) && (i < kTiles || shapes.rows[i] == 0));
    }
  }
  ModelTiles(const ModelTiles&) = delete;
  ModelTiles& operator=(const ModelTiles&) = delete;

  template <int T>
  void zero() {
    require(shapes_.rows[T] > 0);
    tile_[T] = {};
  }
  // Row i of the tile is at rows + i · stride.
  template <int T>
  void load(const void* rows, int64_t stride) {
    zero<T>();
    for (int i = 0; i < shapes_.rows[T]; ++i)
      __builtin_memcpy(tile_[T].row[i], static_cast<const uint8_t*>(rows) + i * stride, shapes_.row_bytes[T]);
  }
  template <int T>
  void store(void* rows, int64_t stride) const {
    require(shapes_.rows[T] > 0);
    for (int i = 0; i < shapes_.rows[T]; ++i)
      __builtin_memcpy(static_cast<uint8_t*>(rows) + i * stride, tile_[T].row[i], shapes_.row_bytes[T]);
  }

  // C[m][n] += Σ_k A[m][k] · B[k / 4][4 n + k mod 4] with int8 factors; sums wrap around in int32.
  template <int C, int A, int B>
  void dot_i8() {
    each_sum<C, A, B>([](uint32_t sum, const uint8_t* a, const uint8_t* b, int quads) {
      for (int k = 0; k < quads; ++k) {
        for (int j = 0; j < 4; ++j)
          sum += static_cast<uint32_t>(static_cast<int8_t>(a[4 * k + j]) *
                                       static_cast<int8_t>(b[k * kTileRowBytes + j]));
      }
      return sum;
    });
  }
  // C[m][n] += Σ_k A[m][k] · B[k / 2][2 n + k mod 2] with bf16 factors: the inputs of even k and those of odd k are
  // two chains of fused multiply-adds from zero; their sum is added to C. All round to nearest, ties to even;
  // subnormal inputs and results count as zero.
  template <int C, int A, int B>
  void dot_bf16() {
    each_sum<C, A, B>([](uint32_t sum, const uint8_t* a, const uint8_t* b, int quads) {
      float chain[2] = {0, 0};
      for (int k = 0; k < quads; ++k) {
        for (int j = 0; j < 2; ++j)
          chain[j] =
              normal(__builtin_fmaf(bf16(a + 4 * k + 2 * j), bf16(b + k * kTileRowBytes + 2 * j), chain[j]));
      }
      return bits(normal(normal(float_of(sum)) + normal(chain[0] + chain[1])));
    });
  }

 private:
  struct Tile {
    alignas(64) uint8_t row[kTileHigh][kTileRowBytes];
  };

  static void require(bool ok) {
    if (!ok) __builtin_trap();
  }
  static float float_of(uint32_t u) {
    float f;
    __builtin_memcpy(&f, &u, 4);
    return f;
  }
  static uint32_t bits(float f) {
    uint32_t u;
    __builtin_memcpy(&u, &f, 4);
    return u;
  }
  // A subnormal becomes a zero of its sign.
  static float normal(float f) { return __builtin_fabsf(f) < 0x1p-126f ? __builtin_copysignf(0, f) : f; }
  static float bf16(const uint8_t* p) {
    return normal(float_of(static_cast<uint32_t>(p[0]) << 16 | static_cast<uint32_t>(p[1]) << 24));
  }

  // Calls sum(C[m][n], row m of A, column n of B, the dwords of a row of A) for every element of C.
  template <int C, int A, int B, class Sum>
  void each_sum(Sum sum) {
    static_assert(C != A && C != B && A != B);
    const int quads = shapes_.row_bytes[A] / 4;
    require(shapes_.row_bytes[A] % 4 == 0 && shapes_.row_bytes[C] % 4 == 0 && shapes_.rows[C] > 0);
    require(shapes_.rows[A] == shapes_.rows[C] && shapes_.rows[B] == quads &&
            shapes_.row_bytes[B] == shapes_.row_bytes[C]);
    for (int m = 0; m < shapes_.rows[C]; ++m) {
      for (int at = 0; at < shapes_.row_bytes[C]; at += 4) {
        uint32_t c;
        __builtin_memcpy(&c, tile_[C].row[m] + at, 4);
        c = sum(c, tile_[A].row[m], tile_[B].row[0] + at, quads);
        __builtin_memcpy(tile_[C].row[m] + at, &c, 4);
      }
    }
  }

  const TileShapes shapes_;
  Tile tile_[kTiles] = {};
};

}  // namespace
}  // namespace autark
