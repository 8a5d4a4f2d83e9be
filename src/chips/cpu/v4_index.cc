// The index: queries become codes for integer products, keys are expanded by the block for many queries, then
// each query's best rows are selected. Keys that are no E2M1 records, and queries that such codes cannot
// hold, are multiplied as floats; a query chooses by its own values alone.
#include <algorithm>
#include <bit>
#include <cmath>
#include "chips/cpu/v4_rows.h"
#include "chips/cpu/v4_verbs.h"

namespace autark {
namespace {

constexpr int64_t kQueriesEach = 16;  // that share an expanded block of keys

struct IndexPlan {
  const V4Kernels* k;
  bool to_bf16, codes;  // codes: keys are records that integers serve
  const float *q, *head_weights;
  int64_t heads, dim;
  StateView keys;
  const int32_t* seq;  // of each token
  IndexQuery* queries;
  bool* whole;  // of each token: integers hold its queries
  float* scores;
  int64_t stride;  // of scores
  int64_t top;
  int32_t* ids;

  int64_t visible(int64_t token) const {
    const int64_t s = seq[token];
    return (keys.length[s] + token - keys.sequences[s].first + 1) / keys.tokens_per_row;
  }
};

struct ScoreTask {
  int64_t begin, end;  // tokens of one sequence
  int64_t from, to;    // keys
};

// Panels of weights serve the float products too: [heads] in their order.
void record_queries(Recorder& on, IndexPlan* p, const Tensor& q, const Tensor& head_weights) {
  const int64_t T = q.shape[0], panels = index_panels(p->heads), runs = p->dim / 32;
  p->queries = on.step_memory.take_of<IndexQuery>(T);
  p->whole = on.step_memory.take_of<bool>(T);
  for (int64_t t = 0; t < T; ++t)
    p->queries[t] = {on.results.take_of<uint8_t>(panels * runs * 32 * kLanes),
                     on.results.take_of<float>(panels * runs * kLanes),
                     on.results.take_of<float>(panels * kLanes), panels, runs};
  const float norm = 1 / std::sqrt(static_cast<float>(p->dim * p->heads));
  on.add_rows(T, {q, head_weights}, {Bytes(p->whole, T)}, [=](int64_t t, void*) {
    const bool whole = p->k->index_query(p->q + t * p->heads * p->dim, p->head_weights + t * p->heads,
                                         p->heads, p->dim, norm, p->to_bf16, p->queries[t]);
    p->whole[t] = whole && p->codes;
  });
}

KeyBlock lay_out_keys(int64_t dim, void* scratch) {
  const int64_t runs = dim / 32;
  auto* sums = static_cast<int32_t*>(scratch);
  float* scales = reinterpret_cast<float*>(sums + kKeyBlockRows * runs);
  return {dim, runs, reinterpret_cast<int8_t*>(scales + kKeyBlockRows * runs), sums, scales};
}

// One block of keys against the tokens of a task that see some of it.
void score_codes(const IndexPlan& p, const ScoreTask& t, int64_t from, int64_t seq, void* scratch) {
  const KeyBlock block = lay_out_keys(p.dim, scratch);
  const unsigned char* records[kKeyBlockRows];
  const int64_t all = std::min(t.to, p.visible(t.end - 1)) - from;
  for (int64_t i = 0; i < std::min(all, kKeyBlockRows); ++i)
    records[i] = reinterpret_cast<const unsigned char*>(record_of(p.keys, seq, from + i));
  bool expanded = false;
  for (int64_t token = t.begin; token < t.end; ++token) {
    const int64_t n = std::min({t.to, p.visible(token), from + kKeyBlockRows}) - from;
    if (n <= 0 || !p.whole[token]) continue;
    if (!expanded) p.k->index_keys(records, std::min(all, kKeyBlockRows), block);
    expanded = true;
    p.k->index_scores(p.queries[token], block, n, p.to_bf16, p.scores + token * p.stride + from);
  }
}

void score_floats(const IndexPlan& p, const ScoreTask& t, int64_t from, int64_t seq, void* scratch) {
  float* rows = static_cast<float*>(scratch);
  const float* pointers[kKeyBlockRows];
  int64_t expanded = 0;
  for (int64_t token = t.begin; token < t.end; ++token) {
    const int64_t n = std::min({t.to, p.visible(token), from + kKeyBlockRows}) - from;
    if (n <= 0 || p.whole[token]) continue;
    for (; expanded < n; ++expanded) {
      pointers[expanded] = rows + expanded * p.dim;
      load_row(*p.k, p.keys, seq, from + expanded, rows + expanded * p.dim);
    }
    p.k->index_float_scores(p.q + token * p.heads * p.dim, p.queries[token].weights, p.heads, p.dim,
                            {pointers, n}, p.to_bf16, rows + kKeyBlockRows * p.dim,
                            p.scores + token * p.stride + from);
  }
}

std::span<ScoreTask> make_tasks(Recorder& on, const IndexPlan& p) {
  const auto each_task = [&](auto put) {
    for (const Span& s : p.keys.sequences) {
      for (int64_t begin = s.first; begin < s.first + s.count; begin += kQueriesEach) {
        const int64_t end = std::min<int64_t>(begin + kQueriesEach, s.first + s.count);
        const int64_t each = s.count < kQueriesEach ? 4 * kKeyBlockRows : 32 * kKeyBlockRows;
        for (int64_t from = 0; from < p.visible(end - 1); from += each)
          put(ScoreTask{begin, end, from, std::min(from + each, p.visible(end - 1))});
      }
    }
  };
  int64_t n = 0;
  each_task([&](const ScoreTask&) { ++n; });
  ScoreTask* next = on.step_memory.take_of<ScoreTask>(n);
  const std::span<ScoreTask> tasks(next, static_cast<size_t>(n));
  each_task([&](const ScoreTask& t) { *next++ = t; });
  return tasks;
}

void record_scores(Recorder& on, const IndexPlan* p, const Tensor& q, const Tensor& scores) {
  const std::span<ScoreTask> tasks = make_tasks(on, *p);
  on.add(std::ssize(tasks), {q, p->keys, Bytes(p->whole, q.shape[0])}, {scores},
         [p, tasks](int64_t c, void* scratch) {
           const ScoreTask& t = tasks[c];
           for (int64_t from = t.from; from < t.to; from += kKeyBlockRows) {
             score_codes(*p, t, from, p->seq[t.begin], scratch);
             score_floats(*p, t, from, p->seq[t.begin], scratch);
           }
         });
}

// Ascending where scores descend; equal scores by their index. What is not a number comes last.
uint64_t order_of(float score, int64_t index) {
  if (std::isnan(score)) score = -INFINITY;
  const uint32_t u = std::bit_cast<uint32_t>(score + 0.f);  // −0 is 0
  const uint32_t ascending = u & 0x80000000 ? ~u : u | 0x80000000;
  return static_cast<uint64_t>(~ascending) << 32 | static_cast<uint32_t>(index);
}

constexpr int kBucketBits = 12;
int64_t bucket_of(uint64_t order) {
  return static_cast<int64_t>(order >> (64 - kBucketBits));
}

// Of `n` orders at least the k smallest, moved to the front; how many those are. Counts by the leading bits,
// then drops what lies in buckets behind the one that holds the k-th.
int64_t keep_best(uint64_t* orders, int64_t n, int64_t k) {
  int32_t count[1 << kBucketBits] = {};
  for (int64_t i = 0; i < n; ++i) ++count[bucket_of(orders[i])];
  int64_t last = 0;
  for (int64_t seen = count[0]; seen < k;) seen += count[++last];
  int64_t kept = 0;
  for (int64_t i = 0; i < n; ++i)
    if (bucket_of(orders[i]) <= last) orders[kept++] = orders[i];
  return kept;
}

// The k best of `scores`, best first; −1 behind them.
void select_top(const float* scores, int64_t n, int64_t k, uint64_t* orders, int32_t* ids) {
  for (int64_t i = 0; i < n; ++i) orders[i] = order_of(scores[i], i);
  if (n > k) n = keep_best(orders, n, k);
  if (n > k) std::nth_element(orders, orders + k, orders + n);
  const int64_t count = std::min(n, k);
  std::sort(orders, orders + count);
  for (int64_t i = 0; i < count; ++i) ids[i] = static_cast<int32_t>(orders[i]);
  std::fill(ids + count, ids + k, -1);
}

void record_selection(Recorder& on, const IndexPlan* p, const Tensor& scores, const Tensor& ids) {
  uint64_t* orders = nullptr;
  const bool small = p->stride * int64_t{sizeof(uint64_t)} <= kScratchBytes;
  if (!small) orders = on.results.take_of<uint64_t>(ids.shape[0] * p->stride);
  on.add_rows(ids.shape[0], {scores}, {ids, scores}, [=](int64_t t, void* scratch) {
    float* row = p->scores + t * p->stride;
    const int64_t n = p->visible(t);
    select_top(row, n, p->top, small ? static_cast<uint64_t*>(scratch) : orders + t * p->stride,
               p->ids + t * p->top);
    std::fill(row + n, row + p->stride, -INFINITY);
  });
}

}  // namespace

Tensor record_hadamard(Recorder& on, bool to_bf16, Tensor x) {
  const int64_t n = x.cols(), groups = (x.rows() + kLanes - 1) / kLanes;
  AUTARK_CHECK(std::has_single_bit(static_cast<uint64_t>(n)) && n >= kLanes && n <= 1024);
  const Tensor y = on.tensor(x.shape);
  on.add_rows(groups, {x}, {y}, [=, k = &on.kernels.v4()](int64_t i, void*) {
    const int64_t row = i * kLanes;
    k->hadamard(x.f32() + row * n, std::min<int64_t>(kLanes, x.rows() - row), n, to_bf16, y.f32() + row * n);
  });
  return y;
}

Tensor record_quantise(Recorder& on, Tensor x, Format f) {
  const Tensor y = on.tensor(x.shape);
  on.add_rows(x.rows(), {x}, {y}, [=, k = &on.kernels.v4()](int64_t i, void*) {
    quantise_row(*k, f, x.f32() + i * x.cols(), x.cols(), y.f32() + i * x.cols());
  });
  return y;
}

Tensor record_index_top_k(Recorder& on, bool to_bf16, Tensor q, Tensor head_weights, const BlockView& keys,
                          int k, Tensor* scores) {
  AUTARK_CHECK(q.shape[1] == head_weights.cols() && q.cols() == keys.rows.width && q.cols() % 32 == 0);
  const int64_t T = q.shape[0];
  int64_t longest = 0;
  for (int seq = 0; seq < std::ssize(keys.rows.sequences); ++seq)
    longest = std::max(longest, keys.whole_after(seq));
  const Tensor all = on.tensor({T, longest}), ids = on.tensor({T, k}, Format::i32);
  auto* p =
      new (on.step_memory.take(sizeof(IndexPlan))) IndexPlan{.k = &on.kernels.v4(),
                                                             .to_bf16 = to_bf16,
                                                             .codes = keys.rows.stored == Format::v4_key68,
                                                             .q = q.f32(),
                                                             .head_weights = head_weights.f32(),
                                                             .heads = q.shape[1],
                                                             .dim = q.cols(),
                                                             .keys = keys.rows,
                                                             .seq = sequences_of(on, keys.rows, T),
                                                             .scores = all.f32(),
                                                             .stride = longest,
                                                             .top = k,
                                                             .ids = ids.i32()};
  record_queries(on, p, q, head_weights);
  record_scores(on, p, q, all);
  record_selection(on, p, all, ids);
  if (scores) *scores = all;
  return ids;
}

}  // namespace autark
