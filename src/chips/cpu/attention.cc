// attention: first the step's own rows go where the kernels read them, then (sequence, key head, queries)
// tasks run, heaviest first. Own rows go straight to the pages, unless that would overwrite rows of a ring
// that this step's queries still see; then old and own rows are laid side by side in the arena, and the
// ring is written afterwards (the contract of chips/rows.h).
#include <algorithm>
#include "chips/cpu/verbs.h"

namespace autark {
namespace {

struct Stream {  // one of keys and values
  Rows rows;
  const float* fresh;
  int64_t row_bytes;
};

struct Sequence {
  int64_t first, count, start;  // rows in the step, tokens before it
  int64_t from;                 // first position its queries see
  std::byte* side[2];           // positions from `from`, or null: the pages
};

struct Fill {                    // one chunk of rows on their way to pages or side
  int64_t sequence, begin, end;  // positions
};

struct Plan {
  Stream streams[2];
  Record record;
  Sequence* sequences;
  int64_t sequence_count;
};

Record record_of(Format f) {
  switch (f) {
    case Format::f32:
      return Record::f32;
    case Format::f16:
      return Record::f16;
    case Format::bf16:
      return Record::bf16;
    default:
      AUTARK_CHECK(!"attention reads records of f32, f16 and bf16");
  }
}

std::byte* page_row(const Stream& s, int64_t seq, int64_t row) {
  const int64_t slot = s.rows.ring ? row % s.rows.ring : row, page = slot / s.rows.page_rows;
  AUTARK_CHECK(page < std::ssize(s.rows.pages[seq]));
  return s.rows.pages[seq][page] + slot % s.rows.page_rows * s.row_bytes;
}

std::byte* row_for(const Plan& p, int which, int64_t seq, int64_t row) {
  const Sequence& q = p.sequences[seq];
  const Stream& s = p.streams[which];
  return q.side[which] ? q.side[which] + (row - q.from) * s.row_bytes : page_row(s, seq, row);
}

void put_own(const Plan& p, const Kernels& k, int which, int64_t seq, int64_t row) {
  const Stream& s = p.streams[which];
  const Sequence& q = p.sequences[seq];
  const float* x = s.fresh + (q.first + row - q.start) * s.rows.width;
  auto* to = reinterpret_cast<unsigned char*>(row_for(p, which, seq, row));
  if (s.rows.record != Format::f32 || s.rows.codes == Format::f32) {
    k.encode(p.record, x, s.rows.width, to);
  } else {  // float storage that pretends to be another record
    std::memcpy(to, x, s.row_bytes);
    quantise(s.rows.codes, {reinterpret_cast<float*>(to), static_cast<size_t>(s.rows.width)});
  }
}

void fill(const Plan& p, const Kernels& k, const Fill& f) {
  const Sequence& q = p.sequences[f.sequence];
  for (int which = 0; which < 2; ++which) {
    for (int64_t row = f.begin; row < f.end; ++row) {
      if (row >= q.start) {
        put_own(p, k, which, f.sequence, row);
      } else {  // only into the side
        std::memcpy(row_for(p, which, f.sequence, row), page_row(p.streams[which], f.sequence, row),
                    p.streams[which].row_bytes);
      }
    }
  }
}

// A ring's last own rows, from the side to the pages.
void write_back(const Plan& p, int64_t seq) {
  const Sequence& q = p.sequences[seq];
  for (int which = 0; which < 2; ++which) {
    const Stream& s = p.streams[which];
    const int64_t end = q.start + q.count, kept = std::min<int64_t>(q.count, s.rows.ring);
    for (int64_t row = end - kept; row < end; ++row)
      std::memcpy(page_row(s, seq, row), row_for(p, which, seq, row), s.row_bytes);
  }
}

Plan make_plan(Recorder& on, Tensor k, Tensor v, const Rows& ks, const Rows& vs, Attend how, bool* sides) {
  Plan p{.streams = {{ks, k.f32(), row_bytes(ks.record, ks.width)},
                     {vs, v.f32(), row_bytes(vs.record, vs.width)}},
         .record = record_of(ks.record)};
  AUTARK_CHECK(vs.record == ks.record && vs.ring == ks.ring);
  p.sequence_count = std::ssize(ks.sequences);
  p.sequences = on.plans.take_of<Sequence>(p.sequence_count);
  *sides = false;
  for (int64_t i = 0; i < p.sequence_count; ++i) {
    Sequence& q = p.sequences[i];
    q = {ks.sequences[i].first, ks.sequences[i].count, ks.length[i], 0, {nullptr, nullptr}};
    q.from = how.window ? std::max<int64_t>(0, q.start - how.window + 1) : 0;
    const int64_t rows = q.start + q.count - q.from;
    if (!ks.ring || rows <= ks.ring || q.count == 0) continue;
    *sides = true;
    for (int which = 0; which < 2; ++which)
      q.side[which] = on.results.take_of<std::byte>(rows * p.streams[which].row_bytes);
  }
  return p;
}

// One slot a page row: what the kernels follow.
RecordSource source_of(const Plan& p, int which, int64_t seq, std::byte* const* side) {
  const Stream& s = p.streams[which];
  const Sequence& q = p.sequences[seq];
  if (q.side[which])
    return {reinterpret_cast<const unsigned char* const*>(side), INT64_MAX, s.row_bytes, 0, q.from};
  return {reinterpret_cast<const unsigned char* const*>(s.rows.pages[seq].data()), s.rows.page_rows,
          s.row_bytes, s.rows.ring, 0};
}

void record_fill(Recorder& on, const Plan& p, const Tensor& k, const Tensor& v) {
  constexpr int64_t kRowsEach = 16;
  int64_t n = 0;
  const auto begin = [&](const Sequence& q) { return q.side[0] ? q.from : q.start; };
  for (int64_t i = 0; i < p.sequence_count; ++i) {
    const Sequence& q = p.sequences[i];
    n += (q.start + q.count - begin(q) + kRowsEach - 1) / kRowsEach;
  }
  Fill* fills = on.plans.take_of<Fill>(n);
  n = 0;
  for (int64_t i = 0; i < p.sequence_count; ++i) {
    const Sequence& q = p.sequences[i];
    for (int64_t row = begin(q); row < q.start + q.count; row += kRowsEach)
      fills[n++] = {i, row, std::min(row + kRowsEach, q.start + q.count)};
  }
  on.add(n, {k, v}, {}, [p, fills, kernels = &on.kernels](int64_t c, void*) { fill(p, *kernels, fills[c]); });
}

}  // namespace

Tensor record_attention(Recorder& on, Tensor q, Tensor k, Tensor v, const Rows& ks, const Rows& vs,
                        Attend how) {
  const int64_t H = q.shape[1], d = q.cols(), key_heads = k.shape[1], group = H / key_heads;
  AUTARK_CHECK(key_heads * d == ks.width && vs.width == ks.width && (!ks.ring || how.window <= ks.keep));
  AUTARK_CHECK(H % key_heads == 0 && d <= kHeadDimMax);
  Tensor y = on.tensor(q.shape);
  bool sides;
  const Plan p = make_plan(on, k, v, ks, vs, how, &sides);
  record_fill(on, p, k, v);
  on.meet();

  // Few queries and few key heads: the heads of a group part, so that every thread has some.
  int64_t tokens = 0;
  for (int64_t i = 0; i < p.sequence_count; ++i) tokens += p.sequences[i].count;
  int64_t heads = std::min(group, kQueriesMax);
  while (heads > 1 && tokens * key_heads * ((group + heads - 1) / heads) < on.team.size())
    heads = (heads + 1) / 2;
  const int64_t tokens_each = std::max<int64_t>(1, kQueriesMax / heads), parts = (group + heads - 1) / heads;
  int64_t n = 0;
  for (int64_t i = 0; i < p.sequence_count; ++i)
    n += (p.sequences[i].count + tokens_each - 1) / tokens_each * key_heads * parts;
  AttendTask* tasks = on.plans.take_of<AttendTask>(n);
  AttendTask* next = tasks;
  for (int64_t i = 0; i < p.sequence_count; ++i) {
    const Sequence& s = p.sequences[i];
    auto** side = on.plans.take_of<std::byte*>(2);
    side[0] = s.side[0];
    side[1] = s.side[1];
    const AttendTask whole{.q = q.f32() + s.first * H * d,
                           .y = y.f32() + s.first * H * d,
                           .heads = H,
                           .dim = d,
                           .head_begin = 0,
                           .head_end = 0,
                           .key_head = 0,
                           .token_begin = 0,
                           .token_end = 0,
                           .position = s.start,
                           .window = how.window,
                           .scale = how.scale,
                           .record = p.record,
                           .keys = source_of(p, 0, i, side),
                           .values = source_of(p, 1, i, side + 1),
                           .scratch = nullptr};
    for (int64_t end = s.count; end > 0; end -= tokens_each) {
      for (int64_t part = 0; part < key_heads * parts; ++part) {
        AttendTask& t = *next++ = whole;
        t.key_head = part / parts;
        t.head_begin = t.key_head * group + part % parts * heads;
        t.head_end = std::min(t.head_begin + heads, (t.key_head + 1) * group);
        t.token_begin = std::max<int64_t>(0, end - tokens_each);
        t.token_end = end;
      }
    }
  }
  on.add(n, {q}, {y}, [tasks, kernels = &on.kernels](int64_t c, void* scratch) {
    AttendTask t = tasks[c];
    t.scratch = scratch;
    kernels->attend(t);
  });
  if (sides) {
    on.meet();
    on.add(p.sequence_count, {}, {}, [p](int64_t i, void*) {
      if (p.sequences[i].side[0]) write_back(p, i);
    });
  }
  return y;
}

}  // namespace autark
