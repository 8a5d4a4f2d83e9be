// attention: first the step's own rows are written to where the kernels read them, then tasks of (sequence,
// key head, queries) run, heaviest first. Own rows are written directly to the pages, unless that would
// overwrite rows of a ring that this step's queries still see. In that case old and own rows are copied side
// by side into the arena, and the ring is written afterwards (the contract of chips/state_view.h).
#include <algorithm>
#include "chips/cpu/verbs.h"

namespace autark {
namespace {

struct Stream {
  StateView view;
  const float* fresh;
  int64_t row_bytes;
};

struct Sequence {
  int64_t first, count, start;  // rows in the step; tokens before it
  int64_t from;                 // first position that its queries see
  std::byte* side[2];           // per stream: positions from `from` on; null: read the pages
};

struct StagedRows {              // one chunk of rows to copy to pages or side
  int64_t sequence, begin, end;  // positions
};

struct Plan {
  Stream streams[2];  // keys, values
  int stream_count;   // 1: values are channels of the key rows
  Record record;
  Sequence* sequences;
  int64_t sequence_count;
  bool sides;  // whether any sequence has a side
  int64_t heads, key_heads, dim, value_dim;
};

Record record_of(Format f) {
  AUTARK_CHECK(attends_records(f));
  return f == Format::f32 ? Record::f32 : f == Format::f16 ? Record::f16 : Record::bf16;
}

std::byte* page_row(const Stream& s, int64_t seq, int64_t row) {
  const int64_t slot = s.view.ring ? row % s.view.ring : row, page = slot / s.view.page_rows;
  AUTARK_CHECK(page < std::ssize(s.view.pages[seq]));
  return s.view.pages[seq][page] + slot % s.view.page_rows * s.row_bytes;
}

std::byte* row_for(const Plan& p, int which, int64_t seq, int64_t row) {
  const Sequence& q = p.sequences[seq];
  const Stream& s = p.streams[which];
  return q.side[which] ? q.side[which] + (row - q.from) * s.row_bytes : page_row(s, seq, row);
}

void write_row(const Plan& p, const Kernels& k, int which, int64_t seq, int64_t row) {
  const Stream& s = p.streams[which];
  const Sequence& q = p.sequences[seq];
  const float* x = s.fresh + (q.first + row - q.start) * s.view.width;
  auto* to = reinterpret_cast<unsigned char*>(row_for(p, which, seq, row));
  if (s.view.stored != Format::f32 || s.view.simulated == Format::f32) {
    k.encode(p.record, x, s.view.width, to);
  } else {  // f32 storage that simulates another record
    std::memcpy(to, x, s.row_bytes);
    quantise(s.view.simulated, {reinterpret_cast<float*>(to), static_cast<size_t>(s.view.width)});
  }
}

void stage_rows(const Plan& p, const Kernels& k, const StagedRows& f) {
  const Sequence& q = p.sequences[f.sequence];
  for (int which = 0; which < p.stream_count; ++which) {
    for (int64_t row = f.begin; row < f.end; ++row) {
      if (row >= q.start) {
        write_row(p, k, which, f.sequence, row);
      } else {  // needed only in the side
        std::memcpy(row_for(p, which, f.sequence, row), page_row(p.streams[which], f.sequence, row),
                    p.streams[which].row_bytes);
      }
    }
  }
}

// Copies the last own rows of a ring from the side to the pages.
void write_back(const Plan& p, int64_t seq) {
  const Sequence& q = p.sequences[seq];
  for (int which = 0; which < p.stream_count; ++which) {
    const Stream& s = p.streams[which];
    const int64_t end = q.start + q.count, kept = std::min<int64_t>(q.count, s.view.ring);
    for (int64_t row = end - kept; row < end; ++row)
      std::memcpy(page_row(s, seq, row), row_for(p, which, seq, row), s.row_bytes);
  }
}

// A sequence gets a side if its rows from `from` on are more than its ring holds.
Sequence make_sequence(Recorder& on, const Plan& p, int64_t i, int window) {
  const StateView& r = p.streams[0].view;
  Sequence q{r.sequences[i].first, r.sequences[i].count, r.length[i], 0, {nullptr, nullptr}};
  q.from = window ? std::max<int64_t>(0, q.start - window + 1) : 0;
  const int64_t rows = q.start + q.count - q.from;
  if (!r.ring || rows <= r.ring || q.count == 0) return q;
  for (int which = 0; which < p.stream_count; ++which)
    q.side[which] = on.results.take_of<std::byte>(rows * p.streams[which].row_bytes);
  return q;
}

Plan make_plan(Recorder& on, Tensor q, Tensor k, Tensor v, const StateView& ks, const StateView& vs,
               Attend how) {
  const int64_t dim = value_dim(k, v, how);
  Plan p{.streams = {{ks, k.f32(), row_bytes(ks.stored, ks.width)}},
         .stream_count = v ? 2 : 1,
         .record = record_of(ks.stored),
         .sequences = on.step_memory.take_of<Sequence>(std::ssize(ks.sequences)),
         .sequence_count = std::ssize(ks.sequences),
         .sides = false,
         .heads = q.shape[1],
         .key_heads = k.shape[1],
         .dim = q.cols(),
         .value_dim = dim};
  if (v) p.streams[1] = {vs, v.f32(), row_bytes(vs.stored, vs.width)};
  AUTARK_CHECK(p.heads % p.key_heads == 0 && p.dim == k.cols() && p.dim <= kHeadDimMax && dim <= kHeadDimMax);
  AUTARK_CHECK(p.key_heads * p.dim == ks.width && (!ks.ring || how.window <= ks.window_rows));
  AUTARK_CHECK(v ? p.key_heads * dim == vs.width && v.cols() == dim : dim <= p.dim);
  AUTARK_CHECK(!v || (vs.stored == ks.stored && vs.ring == ks.ring));
  for (int64_t i = 0; i < p.sequence_count; ++i) {
    p.sequences[i] = make_sequence(on, p, i, how.window);
    p.sides |= p.sequences[i].side[0] != nullptr;
  }
  return p;
}

// The stream's rows as the kernels find them: its pages, or the side as one endless page.
RecordSource source_of(const Plan& p, int which, int64_t seq, std::byte* const* side) {
  const Stream& s = p.streams[which];
  const Sequence& q = p.sequences[seq];
  if (q.side[which])
    return {reinterpret_cast<const unsigned char* const*>(side), INT64_MAX, s.row_bytes, 0, q.from};
  return {reinterpret_cast<const unsigned char* const*>(s.view.pages[seq].data()), s.view.page_rows,
          s.row_bytes, s.view.ring, 0};
}

void record_fill(Recorder& on, const Plan& p, const Tensor& k, const Tensor& v) {
  constexpr int64_t kRowsEach = 16;
  int64_t n = 0;
  const auto begin = [&](const Sequence& q) { return q.side[0] ? q.from : q.start; };
  for (int64_t i = 0; i < p.sequence_count; ++i) {
    const Sequence& q = p.sequences[i];
    n += (q.start + q.count - begin(q) + kRowsEach - 1) / kRowsEach;
  }
  StagedRows* staged = on.step_memory.take_of<StagedRows>(n);
  n = 0;
  for (int64_t i = 0; i < p.sequence_count; ++i) {
    const Sequence& q = p.sequences[i];
    for (int64_t row = begin(q); row < q.start + q.count; row += kRowsEach)
      staged[n++] = {i, row, std::min(row + kRowsEach, q.start + q.count)};
  }
  on.add(n, {k, v}, {p.streams[0].view, p.streams[1].view},
         [p, staged, kernels = &on.kernels](int64_t c, void*) { stage_rows(p, *kernels, staged[c]); });
}

// The values that all tasks of a sequence share.
AttendTask task_of(Recorder& on, const Plan& p, int64_t seq, Attend how, const Tensor& q, const Tensor& y) {
  const Sequence& s = p.sequences[seq];
  auto** side = on.step_memory.take_of<std::byte*>(2);
  std::copy_n(s.side, 2, side);
  AttendTask t{};
  t.q = q.f32() + s.first * p.heads * p.dim;
  t.y = y.f32() + s.first * p.heads * p.value_dim;
  t.sinks = how.sinks.values;
  t.heads = p.heads, t.dim = p.dim, t.value_dim = p.value_dim;
  t.position = s.start, t.window = how.window, t.scale = how.scale, t.record = p.record;
  t.keys = source_of(p, 0, seq, side);
  const int values = p.stream_count - 1;
  t.values = source_of(p, values, seq, side + values);
  t.value_step = values ? p.value_dim : p.dim;
  return t;
}

// Appends the tasks of one sequence. Its last tokens come first, because they see most positions.
AttendTask* put_tasks(const Plan& p, const TaskSplit& by, int64_t count, const AttendTask& whole,
                      AttendTask* next) {
  const int64_t group = p.heads / p.key_heads;
  for (int64_t end = count; end > 0; end -= by.tokens) {
    for (int64_t part = 0; part < p.key_heads * by.parts; ++part) {
      AttendTask& t = *next++ = whole;
      t.key_head = part / by.parts;
      t.head_begin = t.key_head * group + part % by.parts * by.heads;
      t.head_end = std::min(t.head_begin + by.heads, (t.key_head + 1) * group);
      t.token_begin = std::max<int64_t>(0, end - by.tokens);
      t.token_end = end;
    }
  }
  return next;
}

void record_tasks(Recorder& on, const Plan& p, Attend how, const Tensor& q, const Tensor& y) {
  int64_t tokens = 0, n = 0;
  for (int64_t i = 0; i < p.sequence_count; ++i) tokens += p.sequences[i].count;
  const TaskSplit by = split_tasks(tokens, p.key_heads, p.heads / p.key_heads, on.team.size());
  for (int64_t i = 0; i < p.sequence_count; ++i)
    n += (p.sequences[i].count + by.tokens - 1) / by.tokens * p.key_heads * by.parts;
  AttendTask* tasks = on.step_memory.take_of<AttendTask>(n);
  AttendTask* next = tasks;
  for (int64_t i = 0; i < p.sequence_count; ++i)
    next = put_tasks(p, by, p.sequences[i].count, task_of(on, p, i, how, q, y), next);
  on.add(n, {q, p.streams[0].view, p.streams[1].view}, {y},
         [tasks, kernels = &on.kernels](int64_t c, void* scratch) {
           AttendTask t = tasks[c];
           t.scratch = scratch;
           kernels->attend(t);
         });
}

}  // namespace

bool attends_records(Format f) {
  return f == Format::f32 || f == Format::f16 || f == Format::bf16;
}

TaskSplit split_tasks(int64_t tokens, int64_t key_heads, int64_t group, int64_t threads) {
  int64_t heads = std::min(group, kQueriesMax);
  const auto parts = [&] { return (group + heads - 1) / heads; };
  while (heads > 1 && tokens * key_heads * parts() < threads) heads = (heads + 1) / 2;
  return {std::max<int64_t>(1, kQueriesMax / heads), heads, parts()};
}

Tensor record_attention(Recorder& on, Tensor q, Tensor k, Tensor v, const StateView& ks, const StateView& vs,
                        Attend how) {
  const Plan p = make_plan(on, q, k, v, ks, vs, how);
  const Tensor y = on.tensor({q.shape[0], p.heads, p.value_dim});
  record_fill(on, p, k, v);
  on.barrier();
  record_tasks(on, p, how, q, y);
  if (!p.sides) return y;
  on.barrier();
  on.add(p.sequence_count, {}, {ks, vs}, [p](int64_t i, void*) {
    if (p.sequences[i].side[0]) write_back(p, i);
  });
  return y;
}

}  // namespace autark
