// V4's attention core: heads of one token over entries that are both keys and values, for every ISA.
//
// Slots go in blocks of kSlotBlock, in their given order, with a running maximum m and sum l:
//   s = q·e / √dim     m' = max(m, max s)     p = exp(s − m')     l ← l e^(m − m') + Σ p
//   acc ← acc e^(m − m') + Σ p e              y = acc / (l + exp(sink − m))
// A product's lane adds every 16th channel, then the lanes go together in pairs; values go entry by entry. So
// a head's bits depend neither on the heads beside it nor on where the entries lie.
#pragma once
#include "chips/cpu/v4_kernels.h"

namespace autark {
namespace {

constexpr int kHeadTile = 4;   // heads that share a load of an entry
constexpr int kEntryTile = 4;  // entries that share a load of a query

// s[h][e] = q_h · entry_e, of H heads and E entries.
template <int H, int E>
void dot_tile(const float* q, int64_t dim, const float* const* entries, float* s) {
  F a[H][E];
  AUTARK_UNROLL(4)
  for (int h = 0; h < H; ++h) {
    AUTARK_UNROLL(4)
    for (int e = 0; e < E; ++e) a[h][e] = zero();
  }
  int64_t c = 0;
  const auto step = [&](auto read) {
    F x[E];
    AUTARK_UNROLL(4)
    for (int e = 0; e < E; ++e) x[e] = read(entries[e] + c);
    AUTARK_UNROLL(4)
    for (int h = 0; h < H; ++h) {
      const F one = read(q + h * dim + c);
      AUTARK_UNROLL(4)
      for (int e = 0; e < E; ++e) a[h][e] = fma(one, x[e], a[h][e]);
    }
  };
  for (; c + kLanes <= dim; c += kLanes) step([](const float* p) { return load(p); });
  if (c < dim) step([=](const float* p) { return load(p, dim - c); });
  AUTARK_UNROLL(4)
  for (int h = 0; h < H; ++h) {
    AUTARK_UNROLL(4)
    for (int e = 0; e < E; ++e) s[h * kSlotBlock + e] = sum_of(a[h][e]);
  }
}

// Scores of all heads with a block of entries, some of which stay in the first cache while all queries pass.
// REQUIRES: pointers up to a multiple of kEntryTile.
void dot_block(const float* q, int64_t heads, int64_t dim, const float* const* entries, int64_t count,
               float* scores) {
  constexpr int64_t kGroup = 2 * kEntryTile;
  for (int64_t group = 0; group < count; group += kGroup) {
    const int64_t end = count - group < kGroup ? count : group + kGroup;
    int64_t h = 0;
    for (; h + kHeadTile <= heads; h += kHeadTile)
      for (int64_t e = group; e < end; e += kEntryTile)
        dot_tile<kHeadTile, kEntryTile>(q + h * dim, dim, entries + e, scores + h * kSlotBlock + e);
    for (; h < heads; ++h)
      for (int64_t e = group; e < end; e += kEntryTile)
        dot_tile<1, kEntryTile>(q + h * dim, dim, entries + e, scores + h * kSlotBlock + e);
  }
}

// acc[h] += Σ_e p[h][e] entry_e, V vectors of channels from `at` on.
template <int H, int V>
void sum_tile(const float* p, const float* const* entries, int64_t count, int64_t at, int64_t dim,
              int64_t wide, float* acc) {
  F a[H][V];
  AUTARK_UNROLL(4)
  for (int h = 0; h < H; ++h) {
    AUTARK_UNROLL(4)
    for (int v = 0; v < V; ++v) a[h][v] = load(acc + h * wide + at + v * kLanes);
  }
  for (int64_t e = 0; e < count; ++e) {
    F x[V];
    AUTARK_UNROLL(4)
    for (int v = 0; v < V; ++v)
      x[v] = V == 1 ? load(entries[e] + at, lanes_left(dim, at)) : load(entries[e] + at + v * kLanes);
    AUTARK_UNROLL(4)
    for (int h = 0; h < H; ++h) {
      const F one = all(p[h * kSlotBlock + e]);
      AUTARK_UNROLL(4)
      for (int v = 0; v < V; ++v) a[h][v] = fma(one, x[v], a[h][v]);
    }
  }
  AUTARK_UNROLL(4)
  for (int h = 0; h < H; ++h) {
    AUTARK_UNROLL(4)
    for (int v = 0; v < V; ++v) store(acc + h * wide + at + v * kLanes, a[h][v]);
  }
}

// Channels of one piece stay in the first cache while all heads pass.
template <int V>
void sum_piece(const float* p, int64_t heads, const float* const* entries, int64_t count, int64_t at,
               int64_t dim, int64_t wide, float* acc) {
  int64_t h = 0;
  for (; h + kHeadTile <= heads; h += kHeadTile)
    sum_tile<kHeadTile, V>(p + h * kSlotBlock, entries, count, at, dim, wide, acc + h * wide);
  for (; h < heads; ++h) sum_tile<1, V>(p + h * kSlotBlock, entries, count, at, dim, wide, acc + h * wide);
}

void sum_block(const float* p, int64_t heads, const float* const* entries, int64_t count, int64_t dim,
               int64_t wide, float* acc) {
  int64_t at = 0;
  for (; at + 4 * kLanes <= dim; at += 4 * kLanes) sum_piece<4>(p, heads, entries, count, at, dim, wide, acc);
  for (; at < dim; at += kLanes) sum_piece<1>(p, heads, entries, count, at, dim, wide, acc);
}

struct SparseScratch {
  float *acc, *scores, *rows;  // [heads][wide], [heads][kSlotBlock], [kSlotBlock][wide]
  float *m, *l;                // [heads]
  int64_t wide;
};

inline SparseScratch lay_out(const SparseTask& t) {
  SparseScratch a;
  a.wide = entry_stride(t.dim);
  a.acc = static_cast<float*>(t.scratch);
  a.scores = a.acc + t.heads * a.wide;
  a.rows = a.scores + t.heads * kSlotBlock;
  a.m = a.rows + kSlotBlock * a.wide;
  a.l = a.m + t.heads;
  for (int64_t i = 0; i < t.heads * a.wide; i += kLanes) store(a.acc + i, zero());
  for (int64_t h = 0; h < t.heads; ++h) a.m[h] = -__builtin_inff(), a.l[h] = 0;
  return a;
}

// Scores of one head to what its entries weigh.
inline void soften_block(const SparseTask& t, const SparseScratch& a, int64_t h, int64_t count, float scale) {
  float* s = a.scores + h * kSlotBlock;
  float* acc = a.acc + h * a.wide;
  const F low = all(-__builtin_inff());
  F v[4];
  for (int i = 0; i < 4; ++i) v[i] = between(load(s + i * kLanes) * all(scale), 0, count - i * kLanes, low);
  const float top = max_of(max(max(v[0], v[1]), max(v[2], v[3])));
  const float next = top > a.m[h] ? top : a.m[h];
  for (int i = 0; i < 4; ++i) {
    v[i] = exp_of(v[i] - all(next));
    store(s + i * kLanes, t.to_bf16 ? as_bf16(v[i]) : v[i]);
  }
  if (next != a.m[h]) {
    float keep[kLanes];
    store(keep, exp_of(all(a.m[h] - next)));
    a.l[h] *= keep[0];
    for (int64_t c = 0; c < a.wide; c += kLanes) store(acc + c, load(acc + c) * all(keep[0]));
  }
  a.l[h] += sum_of((v[0] + v[1]) + (v[2] + v[3]));
  a.m[h] = next;
}

void sparse_block(const SparseTask& t, const SparseScratch& a, const float** entries, int64_t count) {
  for (int64_t e = count; e % kEntryTile; ++e) entries[e] = entries[0];
  for (int64_t i = 0; i < t.heads * kSlotBlock; i += kLanes) store(a.scores + i, zero());
  dot_block(t.q, t.heads, t.dim, entries, count, a.scores);
  const float scale = 1 / __builtin_sqrtf(static_cast<float>(t.dim));
  for (int64_t h = 0; h < t.heads; ++h) soften_block(t, a, h, count, scale);
  sum_block(a.scores, t.heads, entries, count, t.dim, a.wide, a.acc);
}

// The entries of slots [from, from + kSlotBlock); how many there are.
inline int64_t entries_of(const SparseTask& t, const SparseScratch& a, int64_t from, const float** entries) {
  int64_t n = 0;
  for (int64_t slot = from; slot < from + kSlotBlock; ++slot) {
    const int64_t far = slot - t.near_slots;
    if (slot < t.near_count) {
      entries[n++] = t.near + slot * entry_stride(t.dim);
    } else if (far >= 0 && far < t.far_count) {
      const float* row = reinterpret_cast<const float*>(t.far[far]);
      if (t.far_records) {
        decode_kv(t.far[far], t.dim, a.rows + n * a.wide);
        row = a.rows + n * a.wide;
      }
      entries[n++] = row;
    }
  }
  return n;
}

void sparse(const SparseTask& t) {
  const SparseScratch a = lay_out(t);
  const float* entries[kSlotBlock];
  for (int64_t from = 0; from < t.near_slots + t.far_count; from += kSlotBlock) {
    const int64_t count = entries_of(t, a, from, entries);
    if (count) sparse_block(t, a, entries, count);
  }
  for (int64_t h = 0; h < t.heads; ++h) {
    float rest[kLanes];
    store(rest, exp_of(all(t.sink[h] - a.m[h])));
    const F sum = all(a.l[h] + rest[0]);
    for (int64_t c = 0; c < t.dim; c += kLanes) {
      const F y = load(a.acc + h * a.wide + c) / sum;
      store(t.y + h * t.dim + c, t.to_bf16 ? as_bf16(y) : y, lanes_left(t.dim, c));
    }
  }
}

}  // namespace
}  // namespace autark
