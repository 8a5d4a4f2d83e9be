// Attention of some queries of one sequence over its records, for every ISA. Included by kernels_<isa>.cc.
//
// Positions go in blocks of 64, aligned to absolute positions, with a running maximum m and sum l:
//   s = scale q·k      m' = max(m, max s)      p = exp(s − m')      l ← l e^(m − m') + Σ p
//   acc ← acc e^(m − m') + Σ p v               y = acc / l
// With a sink, m and l begin as if a position with this logit and the value 0 had been seen: m = sink, l = 1.
// A position a query may not see has s = −∞ and adds exact zeros, so a result depends neither on the other
// queries of the task nor on where a chunk begins. Scores: lane = position; values: lane = channel.
#pragma once
#include "chips/cpu/kernels.h"

namespace autark {
namespace {

constexpr int64_t kPositions = 64;

struct AttendScratch {
  float *q, *acc, *keys, *values, *scores;  // keys [dim][64], values [64][wide], scores [rows][64]
  float m[kQueriesMax], l[kQueriesMax];
  int64_t rows, wide;  // wide: value_dim up to whole vectors
};

inline const uint8_t* record_at(const RecordSource& s, int64_t row) {
  const int64_t slot = s.ring ? row % s.ring : row - s.first;
  return s.pages[slot / s.page_rows] + slot % s.page_rows * s.row_bytes;
}

void load_keys(const AttendTask& t, int64_t base, int64_t from, int64_t to, float* keys) {
  const int64_t at = t.key_head * t.dim * bytes_of(t.record);
  const uint8_t* rows[kPositions];
  for (int64_t i = 0; i < kPositions; ++i)
    rows[i] = base + i >= from && base + i < to ? record_at(t.keys, base + i) + at : nullptr;
  for (int64_t c = 0; c < t.dim; c += kLanes) {
    const int64_t n = t.dim - c < kLanes ? t.dim - c : kLanes;
    for (int64_t i = 0; i < kPositions; i += kLanes) {
      F r[kLanes];
      AUTARK_UNROLL(16)
      for (int j = 0; j < kLanes; ++j)
        r[j] = rows[i + j] ? load_record(t.record, rows[i + j] + c * bytes_of(t.record), n) : zero();
      transpose(r);
      for (int64_t j = 0; j < n; ++j) store(keys + (c + j) * kPositions + i, r[j]);
    }
  }
}

void load_values(const AttendTask& t, int64_t base, int64_t from, int64_t to, int64_t wide, float* values) {
  const int64_t at = t.key_head * t.value_step * bytes_of(t.record);
  for (int64_t i = from; i < to; ++i) {
    const uint8_t* row = record_at(t.values, i) + at;
    for (int64_t c = 0; c < t.value_dim; c += kLanes) {
      const int64_t n = t.value_dim - c < kLanes ? t.value_dim - c : kLanes;
      store(values + (i - base) * wide + c, load_record(t.record, row + c * bytes_of(t.record), n));
    }
  }
}

// Vectors of positions or channels that R rows multiply at a time: one row needs several for its chains of additions.
template <int R>
constexpr int kVectors = R == 1 ? 4 : kAttendVectors;

// Scores of R rows and 16 V positions.
template <int R, int V>
void scores_of(const float* q, int64_t dim, const float* keys, float* scores) {
  F s[R][V];
  AUTARK_UNROLL(kTileRows)
  for (int r = 0; r < R; ++r) {
    AUTARK_UNROLL(4)
    for (int v = 0; v < V; ++v) s[r][v] = zero();
  }
  for (int64_t c = 0; c < dim; ++c) {
    F k[V];
    AUTARK_UNROLL(4)
    for (int v = 0; v < V; ++v) k[v] = load(keys + c * kPositions + v * kLanes);
    AUTARK_UNROLL(kTileRows)
    for (int r = 0; r < R; ++r) {
      const F one = all(q[r * dim + c]);
      AUTARK_UNROLL(4)
      for (int v = 0; v < V; ++v) s[r][v] = fma(one, k[v], s[r][v]);
    }
  }
  AUTARK_UNROLL(kTileRows)
  for (int r = 0; r < R; ++r) {
    AUTARK_UNROLL(4)
    for (int v = 0; v < V; ++v) store(scores + r * kPositions + v * kLanes, s[r][v]);
  }
}

template <int R>
void score_rows(const float* q, int64_t dim, const float* keys, float* scores) {
  constexpr int64_t kStep = kVectors<R> * kLanes;
  for (int64_t at = 0; at < kPositions; at += kStep)
    scores_of<R, kVectors<R>>(q, dim, keys + at, scores + at);
}

// Values of a block: expanded once for many rows, or read as they are stored, which spares few rows the way through the cache.
struct ExpandedValues {
  F at(int64_t j, int64_t c) const { return load(values + j * wide + c); }
  const float* values;  // [position][wide]
  int64_t wide;
};
template <Record K>
struct StoredValues {
  F at(int64_t j, int64_t c) const {
    const uint8_t* p = rows[j] + c * bytes_of(K);
    return K == Record::f32 ? load_floats(p) : K == Record::f16 ? load_f16(p) : load_bf16(p);
  }
  const uint8_t* rows[kPositions];
};

// acc[r] += Σ_j p[r][j] v[j], columns [c, c + 16 V).
template <int R, int V, class Values>
void value_rows(const float* p, const Values& values, int64_t c, int64_t j0, int64_t j1, int64_t wide,
                float* acc) {
  acc += c;
  F s[R][V];
  AUTARK_UNROLL(kTileRows)
  for (int r = 0; r < R; ++r) {
    AUTARK_UNROLL(4)
    for (int v = 0; v < V; ++v) s[r][v] = load(acc + r * wide + v * kLanes);
  }
  for (int64_t j = j0; j < j1; ++j) {
    F x[V];
    AUTARK_UNROLL(4)
    for (int v = 0; v < V; ++v) x[v] = values.at(j, c + v * kLanes);
    AUTARK_UNROLL(kTileRows)
    for (int r = 0; r < R; ++r) {
      const F one = all(p[r * kPositions + j]);
      AUTARK_UNROLL(4)
      for (int v = 0; v < V; ++v) s[r][v] = fma(one, x[v], s[r][v]);
    }
  }
  AUTARK_UNROLL(kTileRows)
  for (int r = 0; r < R; ++r) {
    AUTARK_UNROLL(4)
    for (int v = 0; v < V; ++v) store(acc + r * wide + v * kLanes, s[r][v]);
  }
}

template <int R, class Values>
void value_tile(const float* p, const Values& values, int64_t j0, int64_t j1, int64_t wide, float* acc) {
  constexpr int64_t kStep = kVectors<R> * kLanes;
  int64_t c = 0;
  for (; c + kStep <= wide; c += kStep) value_rows<R, kVectors<R>>(p, values, c, j0, j1, wide, acc);
  for (; c < wide; c += kLanes) value_rows<R, 1>(p, values, c, j0, j1, wide, acc);
}

template <class Values>
void add_values(const AttendScratch& a, const Values& values, int64_t j0, int64_t j1) {
  int64_t r = 0;
  for (; r + kTileRows <= a.rows; r += kTileRows)
    value_tile<kTileRows>(a.scores + r * kPositions, values, j0, j1, a.wide, a.acc + r * a.wide);
  for (; r < a.rows; ++r)
    value_tile<1>(a.scores + r * kPositions, values, j0, j1, a.wide, a.acc + r * a.wide);
}

template <Record K>
void add_stored_values(const AttendTask& t, const AttendScratch& a, int64_t base, int64_t from, int64_t to) {
  StoredValues<K> values;
  for (int64_t i = from; i < to; ++i)
    values.rows[i - base] = record_at(t.values, i) + t.key_head * t.value_step * bytes_of(K);
  add_values(a, values, from - base, to - base);
}

void add_values(const AttendTask& t, const AttendScratch& a, int64_t base, int64_t from, int64_t to) {
  if (a.rows > 2 * kTileRows || t.value_dim != a.wide) {
    load_values(t, base, from, to, a.wide, a.values);
    return add_values(a, ExpandedValues{a.values, a.wide}, from - base, to - base);
  }
  if (t.record == Record::f32) return add_stored_values<Record::f32>(t, a, base, from, to);
  if (t.record == Record::f16) return add_stored_values<Record::f16>(t, a, base, from, to);
  add_stored_values<Record::bf16>(t, a, base, from, to);
}

// Scores of one query to probabilities; `from` and `to` bound the positions it sees, in this block.
inline void online_softmax(float* s, int64_t from, int64_t to, float* m, float* l, float* acc, int64_t wide) {
  const F low = all(-__builtin_inff());
  F v[4];
  AUTARK_UNROLL(4)
  for (int i = 0; i < 4; ++i) v[i] = between(load(s + i * kLanes), from - i * kLanes, to - i * kLanes, low);
  const float top = max_of(max(max(v[0], v[1]), max(v[2], v[3])));
  const float next = top > *m ? top : *m;
  if (next == -__builtin_inff()) {  // sees nothing yet
    for (int i = 0; i < 4; ++i) store(s + i * kLanes, zero());
    return;
  }
  AUTARK_UNROLL(4)
  for (int i = 0; i < 4; ++i) {
    v[i] = exp_of(v[i] - all(next));
    store(s + i * kLanes, v[i]);
  }
  const float sum = sum_of((v[0] + v[1]) + (v[2] + v[3]));
  if (next != *m) {
    float keep[kLanes];
    store(keep, exp_of(all(*m - next)));
    *l *= keep[0];
    for (int64_t c = 0; c < wide; c += kLanes) store(acc + c, load(acc + c) * all(keep[0]));
  }
  *l += sum;
  *m = next;
}

void attend_block(const AttendTask& t, AttendScratch& a, int64_t base, int64_t from, int64_t to) {
  const int64_t heads = t.head_end - t.head_begin;
  load_keys(t, base, from, to, a.keys);
  int64_t r = 0;
  for (; r + kTileRows <= a.rows; r += kTileRows)
    score_rows<kTileRows>(a.q + r * t.dim, t.dim, a.keys, a.scores + r * kPositions);
  for (; r < a.rows; ++r) score_rows<1>(a.q + r * t.dim, t.dim, a.keys, a.scores + r * kPositions);
  for (r = 0; r < a.rows; ++r) {
    const int64_t p = t.position + t.token_begin + r / heads;
    const int64_t low = t.window && p - t.window + 1 > 0 ? p - t.window + 1 : 0;
    online_softmax(a.scores + r * kPositions, low - base, p + 1 - base, &a.m[r], &a.l[r], a.acc + r * a.wide,
                   a.wide);
  }
  add_values(t, a, base, from, to);
}

inline AttendScratch make_scratch(const AttendTask& t) {
  AttendScratch a;
  a.rows = (t.token_end - t.token_begin) * (t.head_end - t.head_begin);
  a.wide = (t.value_dim + kLanes - 1) / kLanes * kLanes;
  a.acc = static_cast<float*>(t.scratch);
  a.keys = a.acc + a.rows * a.wide;
  a.values = a.keys + (t.dim + kLanes - 1) / kLanes * kLanes * kPositions;
  a.scores = a.values + kPositions * a.wide;
  a.q = a.scores + a.rows * kPositions;
  clear(a.acc, a.rows * a.wide);
  clear(a.values, kPositions * a.wide);
  const int64_t heads = t.head_end - t.head_begin;
  for (int64_t r = 0; r < a.rows; ++r) {
    a.m[r] = t.sinks ? t.sinks[t.head_begin + r % heads] : -__builtin_inff();
    a.l[r] = t.sinks ? 1 : 0;
  }
  return a;
}

void attend(const AttendTask& t) {
  const int64_t heads = t.head_end - t.head_begin;
  AttendScratch a = make_scratch(t);
  for (int64_t r = 0; r < a.rows; ++r) {
    const float* q = t.q + ((t.token_begin + r / heads) * t.heads + t.head_begin + r % heads) * t.dim;
    for (int64_t c = 0; c < t.dim; ++c) a.q[r * t.dim + c] = q[c] * t.scale;
  }
  const int64_t begin = t.position + t.token_begin, end = t.position + t.token_end;
  const int64_t low = t.window && begin - t.window + 1 > 0 ? begin - t.window + 1 : 0;
  for (int64_t base = low / kPositions * kPositions; base < end; base += kPositions)
    attend_block(t, a, base, base > low ? base : low, base + kPositions < end ? base + kPositions : end);
  for (int64_t r = 0; r < a.rows; ++r) {
    float* y = t.y + ((t.token_begin + r / heads) * t.heads + t.head_begin + r % heads) * t.value_dim;
    const F by = all(1.f / a.l[r]);
    for (int64_t c = 0; c < t.value_dim; c += kLanes)
      store(y + c, load(a.acc + r * a.wide + c) * by, t.value_dim - c < kLanes ? t.value_dim - c : kLanes);
  }
}

}  // namespace
}  // namespace autark
