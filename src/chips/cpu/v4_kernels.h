// What one ISA serves for the V4 verbs, beside the table in kernels.h and under the same rules: plain
// functions of one thread, on the slice they are given; the order of an output's float operations is fixed by
// the shape.
#pragma once
#include <stddef.h>
#include <stdint.h>

namespace autark {

// The sums that the weights of hyper-connections are made of, over `n` channels of `rows` rows:
// sums[row][o] = Σ x w_o for o < outputs, sums[row][outputs] = Σ x².
struct MixSums {
  const float *x, *w;
  int64_t x_stride, w_stride;
  int64_t rows, outputs, n;
  float* sums;
  int64_t sums_stride;
};

// What becomes of the sums of at most kLanes tokens: pre = σ + eps, post = 2σ, comb = Sinkhorn(softmax).
// Segments of a token's sums lie one after another, [outputs + 1] each.
struct MixWeights {
  const float* sums;
  int64_t segments, tokens, channels;
  int64_t streams;
  const float *scale, *base;
  float norm_eps, eps;
  int iterations;  // 0: pre only
  float *pre, *post, *comb;
};

// Some channels of one token's streams, which are `stride` apart.
struct StreamMix {
  const float* x;
  int64_t stride, streams, n;
  bool to_bf16;  // rounds what is written
};

// A row of pooling: values and gates of all channels. `ape` is added to the gate; null: it is in the gate.
struct PooledRow {
  const float *value, *gate, *ape;
};

// Queries of one token, some heads, over entries that all these heads share. Slots go in blocks of
// kSlotBlock with a running maximum; slots without an entry count where blocks begin and add nothing.
struct SparseTask {
  const float* q;  // [heads][dim]
  float* y;        // [heads][dim]
  const float* sink;
  int64_t heads, dim;
  const float* near;                // near_count entries, entry_stride() apart
  int64_t near_count, near_slots;   // entries and slots
  const unsigned char* const* far;  // far_count entries: records, or floats
  int64_t far_count;
  bool far_records;
  bool to_bf16;  // probabilities and results
  void* scratch;
};
static constexpr int64_t kSlotBlock = 64;
// Floats from one expanded entry to the next: no power of two, which would put all into few sets of a cache.
static constexpr int64_t entry_stride(int64_t dim) {
  return (dim + 15) / 16 * 16 + 16;
}

// Index keys of one block, expanded for many queries. Codes are twice the E2M1 values; each run of 32 has its
// 16 even channels first, as records have them in low nibbles.
static constexpr int64_t kKeyBlockRows = 64;
struct KeyBlock {
  int64_t dim, runs;
  int8_t* code;  // [key][dim]
  int32_t* sum;  // [key][run]: of the codes, times −kQueryOffset
  float* scale;  // [key][run]: half of the record's
};
static constexpr int kQueryOffset = 12;  // makes query codes unsigned

// A token's queries for integer products, in panels of 16 heads (an even number of panels):
//   codes [panel][run of 32][8][head][4], offset; scales [panel][run][head]; weights [panel][head].
struct IndexQuery {
  uint8_t* codes;
  float *scales, *weights;
  int64_t panels, runs;
};
static constexpr int64_t index_panels(int64_t heads) {
  return (heads + 31) / 32 * 2;
}

struct IndexRows {  // keys as floats, for queries that integers cannot hold
  const float* const* rows;
  int64_t count;
};

struct V4Kernels {
  void (*mix_sums)(const MixSums&);
  void (*mix_weights)(const MixWeights&);
  void (*read_streams)(const StreamMix&, const float* pre, float* y);
  // To nearest, NaN stays NaN; y may be x. round_e4m3: one scale for all n.
  void (*round_bf16)(const float* x, int64_t n, float* y);
  void (*round_e4m3)(const float* x, int64_t n, float* y);
  // x / RMS of n values. Official code computes norms without a gain in bf16, step by step.
  void (*head_norm)(const float* x, int64_t n, float eps, float* y);
  void (*write_streams)(const StreamMix&, const float* y, const float* post, const float* comb, float* z);

  // out[c] = Σ softmax over rows (gate + ape) · value
  void (*pool)(const PooledRow* rows, int64_t count, int64_t dim, float* out);
  // Rows of n channels, n a power of two and at least 16; at most kLanes rows.
  void (*hadamard)(const float* x, int64_t rows, int64_t n, bool to_bf16, float* y);

  void (*sparse)(const SparseTask&);

  // False where a value is no half of a small whole number times a power of two, per run of 32.
  bool (*index_query)(const float* q, const float* head_weights, int64_t heads, int64_t dim, float norm,
                      bool to_bf16, const IndexQuery& out);
  void (*index_keys)(const unsigned char* const* records, int64_t count, const KeyBlock& out);
  void (*index_scores)(const IndexQuery& q, const KeyBlock& keys, int64_t count, bool to_bf16, float* out);
  // The same in floats; `weights` as index_query() gives them.
  void (*index_float_scores)(const float* q, const float* weights, int64_t heads, int64_t dim,
                             const IndexRows& keys, bool to_bf16, void* scratch, float* out);

  // Records of tensor/v4_records.h, with the same bits; n as there. NaN stays NaN in rows of keys and values.
  void (*encode_kv)(const float* x, int64_t n, unsigned char* row);
  void (*decode_kv)(const unsigned char* row, int64_t n, float* x);
  void (*encode_key)(const float* x, int64_t n, unsigned char* row);
  void (*decode_key)(const unsigned char* row, int64_t n, float* x);
  void (*quantise_key)(const float* x, int64_t n, float* y);
};

// Each is defined by the file of its instruction set.
const V4Kernels& v4_kernels_generic();
const V4Kernels& v4_kernels_avx2();
const V4Kernels& v4_kernels_avx512();

}  // namespace autark
