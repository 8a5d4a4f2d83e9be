// What one ISA serves: plain functions behind a table, filled by kernels_<isa>.cc and chosen once at start.
// Every function is single-threaded and works on the slice it is given; the result of one output never
// depends on how the work was sliced: the order of its float operations is fixed by the shape alone.
#pragma once
#include "chips/cpu/layout.h"

namespace autark {

// y[row][panel outputs] = Σ x w (+ bias). `y` and `bias` point at the first output of `panel_begin`.
struct ProductOfRounded {
  const Panels* w;
  int64_t panel_begin, panel_end;
  const RoundedBlock* x;  // tiles of all rows
  int64_t rows;
  const float* bias;  // or null
  float* y;
  int64_t y_stride;
  void* scratch;  // kScratchBytes, 64-aligned
};

struct ProductOfFloats {
  const Panels* w;
  int64_t panel_begin, panel_end;
  const float* const* x;  // one pointer a row
  int64_t rows;
  const float* bias;
  float* y;
  int64_t y_stride;
  void* scratch;
};

// Records of one stream and sequence, as attention reads them.
struct RecordSource {
  const unsigned char* const* pages;
  int64_t page_rows, row_bytes;
  int64_t ring;   // 0: no ring
  int64_t first;  // the row in slot 0
};

enum class Record : uint8_t { f32, f16, bf16 };

// Queries [token_begin, token_end) × [head_begin, head_end) of one sequence; these heads share a key head.
struct AttendTask {
  const float* q;  // the sequence's first row, [token][heads][dim]
  float* y;        // [token][heads][value_dim]
  int64_t heads, dim, value_dim;
  int64_t value_step;  // from one key head's values to the next's, in a row of `values`
  int64_t head_begin, head_end, key_head;
  int64_t token_begin, token_end;
  int64_t position;  // of token 0
  int64_t window;    // 0: all
  float scale;
  Record record;
  RecordSource keys, values;
  void* scratch;
};

enum class Gate : uint8_t { silu, gelu_tanh };

struct Kernels {
  const char* isa;
  int64_t tile_rows;         // of the tiles that rounded_product takes its rows in (layout.h)
  const char* rounded_name;  // of the int8 products
  const char* float_name;

  void (*round_row)(const float* x, int64_t n, RoundedBlock* out, int64_t stride);  // a block every `stride`
  void (*rounded_product)(const ProductOfRounded&);
  void (*float_product)(const ProductOfFloats&);
  void (*attend)(const AttendTask&);
  void (*rms_norm)(const float* x, const float* gain, float eps, int64_t n, float* y);  // gain may be null
  void (*add)(const float* a, const float* b, int64_t n, float* y);
  void (*glu)(const float* gate, const float* up, int64_t n, Gate act, float limit, float* y);
  // One head's pairs turned: (a, b) → (a c − b s, b c + a s); pairs are halves or neighbours.
  void (*rotate)(const float* x, const float* cosine, const float* sine, int64_t half, bool neighbours,
                 float* y);
  void (*encode)(Record to, const float* x, int64_t n, unsigned char* out);

  // For measuring this machine. Each returns a number that depends on all it did.
  double (*read)(const unsigned char* bytes, int64_t n);
  double (*float_peak)(int64_t rounds);  // float_flops each
  double (*int8_peak)(int64_t rounds);   // int8_ops each
  double float_flops, int8_ops;
};

// Scratch of one thread: expanded weights of a panel pair, accumulators, one attention tile.
static constexpr int64_t kScratchBytes = 4 << 20;
static constexpr int64_t kQueriesMax = 64;  // query rows (tokens × heads) of one AttendTask
static constexpr int64_t kHeadDimMax = 1024;

// Rows of which a product keeps the sums at a time: as many whole tiles as 1,024 rows hold.
static constexpr int64_t rows_at_once(int64_t tile_rows) {
  return 1024 / tile_rows * tile_rows;
}

// Each is defined by the file of its instruction set, on processors that have it (isa.cc).
const Kernels& kernels_generic();
const Kernels& kernels_avx2();
const Kernels& kernels_avx512();

}  // namespace autark
