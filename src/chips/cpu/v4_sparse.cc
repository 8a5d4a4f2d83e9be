// Sparse attention. First the window's rows are laid side by side as floats, the step's own as their record
// gives them back. Far rows are expanded by the task that has all heads of a token; where a token's heads are
// several tasks, an operation before them expands each row once. The ring is written at the end.
#include <algorithm>
#include "chips/cpu/v4_rows.h"
#include "chips/cpu/v4_verbs.h"

namespace autark {
namespace {

struct NearRows {  // of one sequence, as floats: positions [from, …)
  int64_t from;
  float* rows;
};

struct SparsePlan {
  const V4Kernels* k;
  bool to_bf16;
  const float* q;
  float* y;
  const float *kv, *sink;
  int64_t heads, dim;
  StateView window, far;  // far.width 0: there are none
  const int32_t* picks;   // null: all that is visible
  int64_t picks_each;
  const int32_t* seq;  // of each token
  NearRows* near;      // of each sequence
  bool whole_block;    // every query sees all rows of its sequence's step
  int64_t heads_each;  // of a task
  float* expanded;     // far rows of each token, `far_each` apart; null: tasks read the records
  int64_t far_each;

  int64_t position(int64_t token) const {
    return window.length[seq[token]] + token - window.sequences[seq[token]].first;
  }
  int64_t far_count(int64_t token) const {  // with picks: places, of which some may be empty
    if (!far.width) return 0;
    return picks ? picks_each : (position(token) + 1) / far.tokens_per_row;
  }
  int64_t far_row(int64_t token, int64_t i) const { return picks ? picks[token * picks_each + i] : i; }
};

// Positions [from, end) of each sequence: those that its queries see and that the ring holds, then the
// step's.
void lay_out_near(Recorder& on, SparsePlan* p) {
  const StateView& w = p->window;
  p->near = on.step_memory.take_of<NearRows>(std::ssize(w.sequences));
  for (size_t seq = 0; seq < w.sequences.size(); ++seq) {
    const int64_t seen = p->whole_block ? w.window_rows : w.window_rows - 1;
    NearRows& n = p->near[seq];
    n.from = std::max<int64_t>(0, w.length[seq] - seen);
    n.rows =
        on.results.take_of<float>((w.length[seq] + w.sequences[seq].count - n.from) * entry_stride(p->dim));
  }
}

void put_near_row(const SparsePlan& p, int64_t seq, int64_t row) {
  const int64_t start = p.window.length[seq];
  float* to = p.near[seq].rows + (row - p.near[seq].from) * entry_stride(p.dim);
  if (row < start) return load_row(*p.k, p.window, seq, row, to);
  as_stored(*p.k, p.window, p.kv + (p.window.sequences[seq].first + row - start) * p.dim, to);
}

struct RowRange {
  int64_t seq, begin, end;
};

// Ranges of rows of all sequences, from where `begin` says to the end of the step.
template <class Begin>
std::span<RowRange> make_ranges(Recorder& on, const StateView& r, Begin begin) {
  constexpr int64_t kRowsEach = 16;
  const int64_t sequences = std::ssize(r.sequences);
  const auto end = [&](int64_t seq) { return r.length[seq] + r.sequences[seq].count; };
  int64_t n = 0;
  for (int64_t seq = 0; seq < sequences; ++seq) n += (end(seq) - begin(seq) + kRowsEach - 1) / kRowsEach;
  RowRange* ranges = on.step_memory.take_of<RowRange>(n);
  n = 0;
  for (int64_t seq = 0; seq < sequences; ++seq)
    for (int64_t row = begin(seq); row < end(seq); row += kRowsEach)
      ranges[n++] = {seq, row, std::min(row + kRowsEach, end(seq))};
  return {ranges, static_cast<size_t>(n)};
}

// Far rows of one token, where its tasks find them; what is not there is left alone.
void expand_far(const SparsePlan& p, int64_t token, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < std::min(end, p.far_count(token)); ++i) {
    const int64_t row = p.far_row(token, i);
    if (row >= 0)
      load_row(*p.k, p.far, p.seq[token], row, p.expanded + (token * p.far_each + i) * entry_stride(p.dim));
  }
}

Bytes bytes_of_near(const SparsePlan& p) {
  return Bytes(p.near[0].rows, 1);  // all are written by one operation
}

void record_expansion(Recorder& on, const SparsePlan* p, const Tensor& kv, const Tensor& picks) {
  constexpr int64_t kRowsEach = 16;
  const std::span<RowRange> near = make_ranges(on, p->window, [p](int64_t seq) { return p->near[seq].from; });
  const int64_t tokens = p->expanded ? kv.shape[0] : 0, runs = (p->far_each + kRowsEach - 1) / kRowsEach;
  on.add(std::ssize(near) + tokens * runs, {kv, p->window, p->far, picks}, {bytes_of_near(*p)},
         [p, near, runs](int64_t c, void*) {
           const int64_t far = c - std::ssize(near);
           if (far >= 0)
             return expand_far(*p, far / runs, far % runs * kRowsEach, (far % runs + 1) * kRowsEach);
           for (int64_t row = near[c].begin; row < near[c].end; ++row) put_near_row(*p, near[c].seq, row);
         });
}

// Where the far entries of a token lie, in their order.
int64_t find_far(const SparsePlan& p, int64_t token, const unsigned char** far) {
  int64_t n = 0;
  for (int64_t i = 0; i < p.far_count(token); ++i) {
    const int64_t row = p.far_row(token, i);
    if (row < 0) continue;
    far[n++] = p.expanded ? reinterpret_cast<const unsigned char*>(p.expanded + (token * p.far_each + i) *
                                                                                    entry_stride(p.dim))
                          : reinterpret_cast<const unsigned char*>(record_of(p.far, p.seq[token], row));
  }
  return n;
}

void run_task(const SparsePlan& p, int64_t token, int64_t head, void* scratch) {
  const int64_t seq = p.seq[token], at = p.position(token);
  const NearRows& near = p.near[seq];
  const int64_t end = p.whole_block ? p.window.length[seq] + p.window.sequences[seq].count : at + 1;
  const int64_t from = p.whole_block ? near.from : std::max<int64_t>(0, at + 1 - p.window.window_rows);
  auto** far = static_cast<const unsigned char**>(scratch);
  const int64_t far_count = find_far(p, token, far);
  p.k->sparse({.q = p.q + (token * p.heads + head) * p.dim,
               .y = p.y + (token * p.heads + head) * p.dim,
               .sink = p.sink + head,
               .heads = std::min(p.heads_each, p.heads - head),
               .dim = p.dim,
               .near = near.rows + (from - near.from) * entry_stride(p.dim),
               .near_count = end - from,
               .near_slots = p.whole_block ? end - from : p.window.window_rows,
               .far = far,
               .far_count = far_count,
               .far_records = !p.expanded && p.far.stored != Format::f32,
               .to_bf16 = p.to_bf16,
               .scratch = far + (far_count + 7) / 8 * 8});
}

void record_tasks(Recorder& on, const SparsePlan* p, const Tensor& q, const Tensor& picks, const Tensor& y) {
  const int64_t parts = (p->heads + p->heads_each - 1) / p->heads_each, n = q.shape[0] * parts;
  on.add(n, {q, p->far, picks, bytes_of_near(*p)}, {y}, [=](int64_t c, void* scratch) {
    const int64_t i = n - 1 - c;  // the last tokens see most
    run_task(*p, i / parts, i % parts * p->heads_each, scratch);
  });
}

// Few tokens: their heads are shared out, and far rows expanded before.
void split_heads(Recorder& on, SparsePlan* p, int64_t tokens) {
  constexpr int64_t kTasksPerThread = 2, kHeadsMax = 64, kHeadsLeast = 4;
  p->heads_each = std::min(p->heads, kHeadsMax);
  const auto tasks = [&] { return tokens * ((p->heads + p->heads_each - 1) / p->heads_each); };
  while (p->heads_each > kHeadsLeast && on.team.size() > 1 && tasks() < on.team.size() * kTasksPerThread)
    p->heads_each = (p->heads_each + 1) / 2;
  int64_t far = 0;
  for (int64_t t = 0; t < tokens; ++t) far = std::max(far, p->far_count(t));
  const bool records = p->far.stored != Format::f32;
  const bool readable = p->far.stored == Format::v4_kv584 && (p->dim - 64) % 64 == 0;
  if (!records || (readable && p->heads_each >= p->heads)) return;
  p->far_each = far;
  p->expanded = on.results.take_of<float>(tokens * far * entry_stride(p->dim));
}

SparsePlan* make_plan(Recorder& on, const Tensor& q, const Tensor& kv, const StateView& window,
                      const Vector& sink, const Tensor& y) {
  AUTARK_CHECK(q.shape[1] == sink.size() && q.cols() == window.width);
  return new (on.step_memory.take(sizeof(SparsePlan)))
      SparsePlan{.k = &on.kernels.v4(),
                 .to_bf16 = false,
                 .q = q.f32(),
                 .y = y.f32(),
                 .kv = kv.f32(),
                 .sink = sink.values,
                 .heads = q.shape[1],
                 .dim = q.cols(),
                 .window = window,
                 .seq = sequences_of(on, window, q.shape[0])};
}

void record_attention(Recorder& on, SparsePlan* p, const Tensor& q, const Tensor& kv, const Tensor& picks,
                      const Tensor& y) {
  lay_out_near(on, p);
  split_heads(on, p, q.shape[0]);
  record_expansion(on, p, kv, picks);
  record_tasks(on, p, q, picks, y);
}

}  // namespace

Tensor record_sparse_attention(Recorder& on, bool to_bf16, Tensor q, Tensor kv, const StateView& window,
                               const BlockView& far, Tensor picks, const Vector& sink) {
  const Tensor y = on.tensor(q.shape);
  if (q.shape[0] == 0) return y;
  SparsePlan* p = make_plan(on, q, kv, window, sink, y);
  p->to_bf16 = to_bf16;
  p->far = far.rows;
  p->picks = picks ? picks.i32() : nullptr;
  p->picks_each = picks ? picks.cols() : 0;
  record_attention(on, p, q, kv, picks, y);
  record_extend(on, window, kv);
  return y;
}

Tensor record_block_attention(Recorder& on, Tensor q, Tensor kv, const StateView& window,
                              const Vector& sink) {
  const Tensor y = on.tensor(q.shape);
  if (q.shape[0] == 0) return y;
  SparsePlan* p = make_plan(on, q, kv, window, sink, y);
  p->whole_block = true;
  record_attention(on, p, q, kv, {}, y);
  return y;
}

void record_extend(Recorder& on, const StateView& window, Tensor kv) {
  const std::span<RowRange> ranges = make_ranges(on, window, [&](int64_t seq) { return window.length[seq]; });
  on.add(std::ssize(ranges), {kv}, {window}, [=, k = &on.kernels.v4(), x = kv.f32()](int64_t c, void*) {
    append_rows(*k, window, ranges[c].seq, x, ranges[c].begin, ranges[c].end);
  });
}

}  // namespace autark
