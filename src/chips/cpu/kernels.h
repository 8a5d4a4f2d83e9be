// The interface of one ISA: a table of plain functions, filled by kernels_<isa>.cc and chosen once at start.
// Every function is single-threaded and works on the slice it is given. The bits of an output do not depend
// on how the work was sliced: the order of its float operations is fixed by the shape alone.
#pragma once
#include "chips/cpu/layout.h"
#include "chips/cpu/v4_kernels.h"

namespace autark {

// Where products of few rounded rows prefetch weights to. by_rows: one row 4 KiB ahead into the first-level cache, more
// rows 8 KiB ahead into the second-level cache. second_cache, for cores with so few fill buffers of the first-level cache that
// they wait for memory: kSecondCacheAhead into the second-level cache; up to kRowsOfStreams rows read two streams, kStreamAhead
// into the second-level cache each, and from there kFirstCacheAhead into the first one.
enum class Prefetch : uint8_t { by_rows, second_cache };
static constexpr int64_t kSecondCacheAhead = 3072, kStreamAhead = 2048, kFirstCacheAhead = 1024;  // bytes
static constexpr int64_t kRowsOfStreams = 2;  // so many rows at most read two streams

// y[row][panel outputs] = Σ x w (+ bias) for panels [panel_begin, panel_end). `y` and `bias` point to the
// first output of panel_begin; all pointers are borrowed.
struct ProductOfRounded {
  const Panels* w;
  int64_t panel_begin, panel_end;
  const RoundedBlock* x;  // tiles of all rows (layout.h)
  int64_t rows;
  const float* bias;  // or null
  float* y;
  int64_t y_stride;  // floats from one row of y to the next
  void* scratch;     // kScratchBytes, 64-aligned
  int64_t high;      // height of the tiles of x
  int64_t low = 0;   // blocks from x to the low digits of the same rows; 0: there are none
  Prefetch prefetch = Prefetch::by_rows;
};

// The same with float activations.
struct ProductOfFloats {
  const Panels* w;
  int64_t panel_begin, panel_end;
  const float* const* x;  // one pointer per row
  int64_t rows;
  const float* bias;
  float* y;
  int64_t y_stride;
  void* scratch;
};

// The same for E4M3 and BF16 panels with activations that bf16 holds exactly, and, where Kernels::bf16_codes is set, for
// panels of Meaning::shifted but MXFP4 with what Kernels::hold_in_digits gives of them: then y has the bits of
// ProductOfRounded with two digits.
struct ProductOfBf16 {
  const Panels* w;
  int64_t panel_begin, panel_end;
  const uint16_t* x;  // [row][x_stride]; inputs up to the end of the last block are zero
  int64_t x_stride;
  int64_t rows;
  const float* bias;
  float* y;
  int64_t y_stride;
  void* scratch;
};

// The rows of one stream and sequence, as attention reads them.
struct RecordSource {
  const unsigned char* const* pages;
  int64_t page_rows, row_bytes;
  int64_t ring;   // slots of the ring; 0: no ring
  int64_t first;  // the row in slot 0, without a ring
};

enum class Record : uint8_t { f32, f16, bf16 };

// Queries [token_begin, token_end) × [head_begin, head_end) of one sequence. All of these
// heads share key_head.
struct AttendTask {
  const float* q;      // the sequence's first row: [token][heads][dim]
  const float* sinks;  // [heads], or null
  float* y;            // [token][heads][value_dim]
  int64_t heads, dim, value_dim;
  int64_t value_step;  // channels from one key head's values to the next's, within a row of `values`
  int64_t head_begin, head_end, key_head;
  int64_t token_begin, token_end;
  int64_t position;  // position of token 0
  int64_t window;    // positions that a query sees; 0: all
  float scale;
  Record record;
  RecordSource keys, values;
  void* scratch;
};

// One value head of one sequence for gated_delta_rule. Rows of inputs are [keys | u | G] as chip.h says; the
// step's own have their keys and G already, the kernel writes their u.
struct DeltaTask {
  const float *q, *v, *beta;          // of the sequence's first own row; q scaled, both directions normed
  int64_t q_step, v_step, beta_step;  // floats from one row to the next
  float* y;
  int64_t y_step;
  RecordSource past;             // rows of positions before `start`
  float* own;                    // rows of the step, from position `start` on
  int64_t width;                 // floats of a row of inputs
  int64_t key_at, u_at, sum_at;  // where this head's k, u and G lie in a row
  int64_t key_dim, value_dim;
  int64_t base, kept, start, end;  // positions: `state` before and after this step, the step's tokens
  float* state;                    // this head's [key_dim][value_dim]; zero if base is 0
  void* scratch;
};

enum class Gate : uint8_t { silu, gelu_tanh, sigmoid, quick_gelu_up1 };

// The functions of one ISA and their properties.
struct Kernels {
  const char* isa;
  int64_t tile_rows;         // height of the tiles in which rounded_product takes its rows (layout.h),
  int64_t packed_rows;       // of more than so many. Fewer rows are in even tiles
  int64_t packed_tile_rows;  // of at most this height
  int64_t few_rows;          // products of more rows do less work for
  int64_t shared_panels;     // so many panels together (2, or kPairPanels of verbs.h)
  Prefetch prefetch;         // of ProductOfRounded
  const char* rounded_name;  // describes the int8 products, for doctor
  const char* float_name;
  const char* float_isa;  // the ISA of everything but the int8 products
  const char* bf16_name;  // null without bf16_product

  // Rounds a row of n floats to int8 blocks and writes block b to out[b · stride]. REQUIRES: n % 32 == 0.
  void (*round_row)(const float* x, int64_t n, RoundedBlock* out, int64_t stride);
  // The same in two digits; the low ones are `low` blocks behind.
  void (*round_two_digits)(const float* x, int64_t n, RoundedBlock* out, int64_t stride, int64_t low);
  // y: what these digits hold of x.
  void (*hold_in_digits)(const float* x, int64_t n, float* y);
  void (*rounded_product)(const ProductOfRounded&);
  void (*float_product)(const ProductOfFloats&);
  void (*bf16_product)(const ProductOfBf16&);  // null: float_product takes such activations
  bool swaps_quads;  // whether it takes inputs 4 q + 1 and 4 q + 2 of E4M3 panels in each other's place
  bool bf16_codes;   // whether it takes block formats, too
  void (*attend)(const AttendTask&);
  void (*rms_norm)(const float* x, const float* gain, float eps, int64_t n, float* y);  // gain may be null
  void (*add)(const float* a, const float* b, int64_t n, float* y);
  void (*glu)(const float* gate, const float* up, int64_t n, Gate act, float limit, float* y);
  void (*delta_rule)(const DeltaTask&);
  // y = silu(Σ_j taps[j][c] · x[j][c]) for n channels; a null x[j] is a row of zeros.
  void (*conv_row)(const float* const* x, const float* taps, int64_t count, int64_t n, float* y);
  // Rotates the pairs of one head: (a, b) → (a c − b s, b c + a s). Pairs are (i, i + half) or neighbours.
  void (*rotate)(const float* x, const float* cosine, const float* sine, int64_t half, bool neighbours,
                 float* y);
  // Stores n floats as a record.
  void (*encode)(Record to, const float* x, int64_t n, unsigned char* out);

  const V4Kernels& (*v4)();  // for the verbs that only DeepSeek-V4-style models use

  // Probes for measure_machine. Each returns a number that depends on its whole work, so it is
  // not optimised away.
  double (*read)(const unsigned char* bytes, int64_t n, Prefetch how);  // n % 512 == 0
  double (*float_peak)(int64_t rounds);                                 // float_flops operations per round
  double (*int8_peak)(int64_t rounds);                                  // int8_ops operations per round
  double float_flops, int8_ops;
};

// The height of tiles of at most `most` rows that divide so many rows evenly: a tile of one row reads and unpacks as many weights
// as one of five.
static constexpr int64_t even_height(int64_t rows, int64_t most) {
  const int64_t tiles = (rows + most - 1) / most;
  return tiles ? (rows + tiles - 1) / tiles : most;
}
// The height of the tiles of so many rounded rows.
static inline int64_t tile_height(const Kernels& k, int64_t rows) {
  return rows > k.packed_rows ? k.tile_rows : even_height(rows, k.packed_tile_rows);
}

#if defined(__x86_64__)
// The same with the prefetches of this processor: Intel's cores want Prefetch::second_cache.
static inline Kernels for_this_core(Kernels k) {
  if (__builtin_cpu_is("intel")) k.prefetch = Prefetch::second_cache;
  return k;
}
#endif

// Bytes of one thread's scratch: expanded weights of two panels, accumulators, or one attention tile.
static constexpr int64_t kScratchBytes = 4 << 20;
static constexpr int64_t kQueriesMax = 64;  // limit for the queries (tokens × heads) of one AttendTask
static constexpr int64_t kHeadDimMax = 1024;

// The number of rows whose sums a product keeps at a time: as many whole tiles as fit in 1,024 rows.
static constexpr int64_t rows_at_once(int64_t tile_rows) {
  return 1024 / tile_rows * tile_rows;
}

// Each is defined in the file of its instruction set and may only be called on processors that
// have it (isa.cc).
const Kernels& kernels_generic();
const Kernels& kernels_avx2();
const Kernels& kernels_avx512();
const Kernels& kernels_amx();

}  // namespace autark
