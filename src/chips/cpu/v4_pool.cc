// Pooling: each window that a step completes is a row, made by one chunk from the tail and the step's tokens.
// Sequences with few tokens have their tail extended in the same chunk, so that decoding waits once; for
// longer ones that is an operation of its own, after all windows.
#include <algorithm>
#include "chips/cpu/v4_rows.h"
#include "chips/cpu/v4_verbs.h"

namespace autark {
namespace {

constexpr int64_t kFewTokens = 4;

struct PoolPlan {
  const Recorder* on;
  bool official;
  const float *kv, *gate;  // [tokens][wide]
  int64_t wide, dim, ratio;
  const float *ape, *norm;
  float eps;
  const Rope* rope;
  bool hadamard;
  StateView rows, tail;

  bool overlaps() const { return wide == 2 * dim; }
  const V4Kernels& kernels() const { return on->kernels.v4(); }
};

struct PoolTask {
  int64_t seq, begin, end;  // windows
  bool extends;             // the tail afterwards
};

// Token p of sequence `seq`, channels from `at` on.
PooledRow token_row(const PoolPlan& p, int64_t seq, int64_t token, int64_t at) {
  const int64_t start = p.tail.length[seq];
  if (token < start) {
    const auto* stored = reinterpret_cast<const float*>(record_of(p.tail, seq, token));
    return {stored + at, stored + p.wide + at, nullptr};
  }
  const int64_t row = (p.tail.sequences[seq].first + token - start) * p.wide + at;
  return {p.kv + row, p.gate + row, p.ape + token % p.ratio * p.wide + at};
}

// In place: norm, rope at the window's first token, for index keys Hadamard.
void finish_row(const PoolPlan& p, int64_t window, std::span<float> row) {
  const auto round_official = [&] {
    if (p.official) round(Round::bf16, row);
  };
  round_official();
  p.on->kernels.rms_norm(row.data(), p.norm, p.eps, p.dim, row.data());
  round_official();
  rotate(row, window * p.ratio, *p.rope, /*inverse=*/false, p.official ? AngleAs::f32 : AngleAs::exact);
  round_official();
  if (p.hadamard) p.kernels().hadamard(row.data(), 1, p.dim, p.official, row.data());
}

void make_row(const PoolPlan& p, int64_t seq, int64_t window, void* scratch) {
  auto* tokens = static_cast<PooledRow*>(scratch);
  float* row = reinterpret_cast<float*>(tokens + 2 * p.ratio);
  const int64_t own = window * p.ratio, first = std::max<int64_t>(0, own - (p.overlaps() ? p.ratio : 0));
  int64_t n = 0;
  for (int64_t token = first; token < own + p.ratio; ++token)
    tokens[n++] = token_row(p, seq, token, p.overlaps() && token >= own ? p.dim : 0);
  p.kernels().pool(tokens, n, p.dim, row);
  finish_row(p, window, {row, static_cast<size_t>(p.dim)});
  store_row(p.kernels(), p.rows, seq, window, row);
}

// Values, then gates, of the step's last tokens.
void extend_tail(const PoolPlan& p, int64_t seq) {
  const Span span = p.tail.sequences[seq];
  const int64_t start = p.tail.length[seq], room = p.tail.ring ? p.tail.ring : span.count;
  for (int64_t token = start + std::max<int64_t>(0, span.count - room); token < start + span.count; ++token) {
    const PooledRow row = token_row(p, seq, token, 0);
    auto* to = reinterpret_cast<float*>(record_of(p.tail, seq, token));
    std::copy_n(row.value, p.wide, to);
    p.on->kernels.add(row.gate, row.ape, p.wide, to + p.wide);
  }
}

// Sequences with many tokens have a task for each window.
std::span<PoolTask> make_tasks(Recorder& on, const BlockView& into) {
  int64_t n = 0;
  const int64_t sequences = std::ssize(into.tail.sequences);
  for (int seq = 0; seq < sequences; ++seq) n += 1 + into.whole_after(seq) - into.whole_before(seq);
  PoolTask* tasks = on.step_memory.take_of<PoolTask>(n);
  n = 0;
  for (int seq = 0; seq < sequences; ++seq) {
    const int64_t begin = into.whole_before(seq), end = into.whole_after(seq);
    const int count = into.tail.sequences[seq].count;
    if (count > 0 && count <= kFewTokens) {
      tasks[n++] = {seq, begin, end, true};
    } else {
      for (int64_t w = begin; w < end; ++w) tasks[n++] = {seq, w, w + 1, false};
    }
  }
  return {tasks, static_cast<size_t>(n)};
}

}  // namespace

void record_pool(Recorder& on, bool official, Tensor kv, Tensor gate, const Pool& how,
                 const BlockView& into) {
  const StateView &rows = into.rows, &tail = into.tail;
  AUTARK_CHECK(kv.cols() == gate.cols() && kv.cols() == how.ape.cols() && tail.width == 2 * kv.cols());
  AUTARK_CHECK(tail.stored == Format::f32 && tail.simulated == Format::f32);
  auto* p = new (on.step_memory.take(sizeof(PoolPlan))) PoolPlan{&on,
                                                                 official,
                                                                 kv.f32(),
                                                                 gate.f32(),
                                                                 kv.cols(),
                                                                 how.norm.cols(),
                                                                 rows.tokens_per_row,
                                                                 how.ape.values,
                                                                 how.norm.values,
                                                                 how.eps,
                                                                 &how.rope,
                                                                 how.hadamard,
                                                                 rows,
                                                                 tail};
  const std::span<PoolTask> tasks = make_tasks(on, into);
  on.add(std::ssize(tasks), {kv, gate, tail}, {rows, tail}, [p, tasks](int64_t c, void* scratch) {
    const PoolTask& t = tasks[c];
    for (int64_t w = t.begin; w < t.end; ++w) make_row(*p, t.seq, w, scratch);
    if (t.extends) extend_tail(*p, t.seq);
  });
  const bool later = std::ranges::any_of(tail.sequences, [](Span s) { return s.count > kFewTokens; });
  if (!later) return;
  on.add(std::ssize(tail.sequences), {kv, gate}, {tail}, [p](int64_t seq, void*) {
    if (p->tail.sequences[seq].count > kFewTokens) extend_tail(*p, seq);
  });
}

}  // namespace autark
