// The CPU chip's layout of matrices and rounded activations. Plain data only: each kernel file is compiled
// for its own ISA and must not share inline functions with others, so everything here has internal linkage.
//
// A matrix is divided into panels of 16 outputs, the inputs into blocks of 32 and groups of eight blocks; lane l
// of a vector belongs to output 16·panel + l. One panel is contiguous, in the order in which a product reads
// it: the scales of e4m3 (one f32 for four blocks of all lanes), then the groups (the last one may have fewer
// blocks). A group is:
//
//   super         K-quants: f16 factors of the scales
//   scale[block]  one scale per lane (two if the format has minima or scales per 16)
//   (padding to 64 bytes)
//   for each block: low, the codes or their low four bits; high, the remaining bits, packed
//
// The codes of a block are eight vectors of 64 bytes: byte 4·lane + b of vector j is input 4·j + b
// of that lane.
//   u8, e4m3     the eight vectors
//   nibbles      byte i of vector j of four holds vector j (low half) and j + 4 (high half)
//   fifth bits   bit j of byte i belongs to vector j
//   bits 5, 6    bits 2·(j mod 4) and + 1 of byte i of vector j / 4
// Plain formats are stored as [input][lane], bf16 as [input / 2][lane][input mod 2]. Outputs and inputs
// beyond the matrix are zero.
#pragma once
#include <stdint.h>

namespace autark {

// Names all of this for forms that outlive the program (WeightStore): a new number where a byte means
// something else, also in the kernels.
static constexpr char kLayoutName[] = "panels-2";

static constexpr int kLanes = 16;     // outputs of a panel
static constexpr int kBlock = 32;     // inputs of a block
static constexpr int kGroup = 8;      // blocks of a group
static constexpr int kRunBlocks = 4;  // blocks of a run: 128 inputs

// The formats of prepared matrices.
enum class Kind : uint8_t {
  f32,
  f16,
  bf16,
  e4m3,
  q8_0,
  q4_0,
  q4_1,
  q5_0,
  q5_1,
  q4_k,
  q5_k,
  q6_k,
  mxfp4,
  int4
};

// The value of a code c. none: c itself; shifted: d (c − 2^shift); minimum: d c + m; halves: as shifted, with
// one d per 16 inputs.
enum class Meaning : uint8_t { none, shifted, minimum, halves };

struct KindLayout {
  int low, high, scale, super;  // bytes per block of one panel; super: per group
  int shift;
  Meaning meaning;

  // Bytes of one panel's group of so many blocks, and of what it has before their codes.
  constexpr int64_t group(int64_t blocks) const { return head(blocks) + blocks * (low + high); }
  constexpr int64_t head(int64_t blocks) const { return (super + blocks * scale + 63) / 64 * 64; }
};

static constexpr KindLayout layout_of(Kind k) {
  switch (k) {
    case Kind::f32:
      return {2048, 0, 0, 0, 0, Meaning::none};
    case Kind::f16:
    case Kind::bf16:
      return {1024, 0, 0, 0, 0, Meaning::none};
    case Kind::e4m3:
      return {512, 0, 0, 0, 0, Meaning::none};
    case Kind::q8_0:
      return {512, 0, 32, 0, 7, Meaning::shifted};
    case Kind::q4_0:
    case Kind::int4:  // q4_0 with scales in bf16, which f16 cannot hold
      return {256, 0, 32, 0, 3, Meaning::shifted};
    case Kind::q4_1:
      return {256, 0, 64, 0, 0, Meaning::minimum};
    case Kind::q5_0:
      return {256, 64, 32, 0, 4, Meaning::shifted};
    case Kind::q5_1:
      return {256, 64, 64, 0, 0, Meaning::minimum};
    case Kind::q4_k:
      return {256, 0, 32, 64, 0, Meaning::minimum};
    case Kind::q5_k:
      return {256, 64, 32, 64, 0, Meaning::minimum};
    case Kind::q6_k:
      return {256, 128, 32, 32, 5, Meaning::halves};
    case Kind::mxfp4:
      return {256, 0, 16, 0, 4, Meaning::shifted};  // codes doubled, scale halved
  }
  return {};
}

struct Panels {  // a view of one prepared matrix
  Kind kind = Kind::f32;
  int64_t out = 0, in = 0;
  int64_t blocks = 0;  // of 32 inputs
  int64_t panel_bytes = 0;
  int64_t groups_at = 0;  // in a panel: bytes before its first group
  const uint8_t* bytes = nullptr;
};

// 32 activations rounded to int8: x ≈ scale · code, scale = max |x| / 127.
// Rows are stored in tiles of tile_height() rows (kernels.h; the last one may be smaller): block b of row r, in a tile
// of R rows that starts at row t, is at [t · blocks + b · R + r − t].
//
// Two digits, for official runs: x ≈ scale · (128 · code + low code), |low code| ≤ 64. scale is a power of two that the
// blocks of a run share; the last run may have fewer. The low codes are blocks of their own, at an equal distance from all
// blocks of a matrix; the sums in them are of both digits, and their scale is the logarithm of the scale.
// The digits of a block, as whole numbers, have magnitudes of at most 2^17 in sum, so that their sum with codes of eight
// bits is at most 2^24: a float32 holds it and all its parts, however they are added. Where a block does not come near that,
// what E4M3 can say is exact down to 2^-10 of the run's largest, BF16 down to 2^-6, and smaller values have an error of at most
// 2^-14 of it; 32 numbers of one size have up to two bits less. Runs below 2^kLeastOfDigits round to multiples of what that
// gives; blocks whose sum is kMostOfDigits or more count as infinite.
static constexpr int kLeastOfDigits = -80;
static constexpr float kMostOfDigits = 0x1p112f;
static constexpr float kBlockOfDigits = (1 << 17) - 32;  // before they are rounded

struct RoundedBlock {
  int8_t code[32];
  float scale;
  float sum;                       // of the codes, exact (first blocks: of both digits)
  int32_t less_sum, less_half[2];  // minus the sum of the codes: all, the first 16, the last 16
};

}  // namespace autark
