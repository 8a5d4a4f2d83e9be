// moe: the chosen (row, expert) pairs are sorted by expert, so that an expert's weights are read once for all
// its rows; a row's experts are added up in the order they were chosen, whatever else is in the step.
//
//   sort → [round x] → h = weight · glu(gate x, up x) → [round h] → o = down h → y = Σ_j o_j
#include <algorithm>
#include "chips/cpu/verbs.h"

namespace autark {
namespace {

// (row, expert) pairs; pair i = row · each + j sits at place[i] in the order of the experts.
struct SortedPairs {
  int64_t rows, each, experts;  // each: experts a row
  const int32_t* ids;
  int64_t* begin;   // [experts + 1], places
  int64_t* active;  // experts that have rows
  int64_t* pair;    // [place]
  int64_t* place;   // [pair]

  int64_t count() const { return rows * each; }
  int64_t expert_at(int64_t place_) const {
    return std::upper_bound(begin, begin + experts + 1, place_) - begin - 1;
  }
};

// What official code rounds on the way; all none in a run that does not repeat it.
struct OfficialRounding {
  Round x = Round::none, products = Round::none;  // what gate and up read and write
  Round h = Round::none, down = Round::none;      // h itself, then as down reads it
  Round out = Round::none;
};

// What a product reads: rounded rows, or a pointer to each float row; at places.
struct PlacedRows {
  RoundedBlock* rounded = nullptr;
  const float** floats = nullptr;
};

// One expert's share of a chunk.
struct ExpertChunk {
  int64_t expert, first, rows;  // places of its rows
  int64_t begin, end;           // panels
};

struct MoePlan {
  const Recorder* on;
  SortedPairs pairs;
  OfficialRounding official;
  int64_t dim, inner;                    // of x and y, of h
  const Panels *gate, *up, *down;        // one an expert
  PanelCut inner_cut, outer_cut;         // of one expert
  int64_t *inner_chunks, *outer_chunks;  // of the step; known when the pairs are sorted
  Tensor x, weights, h, o, y;
  PlacedRows gate_x, up_x, down_h;
  Gate act;
  float limit;
};

SortedPairs make_pairs(Recorder& on, const Tensor& ids, int64_t experts) {
  SortedPairs p{.rows = ids.rows(), .each = ids.cols(), .experts = experts, .ids = ids.i32()};
  p.begin = on.step_memory.take_of<int64_t>(experts + 1);
  p.active = on.step_memory.take_of<int64_t>(experts);
  p.pair = on.step_memory.take_of<int64_t>(p.count());
  p.place = on.step_memory.take_of<int64_t>(p.count());
  return p;
}

// Gives how many experts have rows.
int64_t sort_pairs(const SortedPairs& p) {
  std::fill_n(p.begin, p.experts + 1, 0);
  for (int64_t i = 0; i < p.count(); ++i) {
    AUTARK_CHECK(p.ids[i] >= 0 && p.ids[i] < p.experts);
    ++p.begin[p.ids[i] + 1];
  }
  int64_t n = 0;
  for (int64_t e = 0; e < p.experts; ++e) {
    if (p.begin[e + 1]) p.active[n++] = e;
    p.begin[e + 1] += p.begin[e];
  }
  for (int64_t i = 0; i < p.count(); ++i) {  // begin[e] runs to its end, and is put back below
    p.place[i] = p.begin[p.ids[i]]++;
    p.pair[p.place[i]] = i;
  }
  for (int64_t e = p.experts; e > 0; --e) p.begin[e] = p.begin[e - 1];
  p.begin[0] = 0;
  return n;
}

// The pointers to a plan's rows are filled when the pairs are sorted; rounded rows have room where a product
// takes them.
void place_rows(Recorder& on, Rounding::Inputs inputs, MoePlan& m) {
  const auto rounds = [&](const Panels* w) {
    return inputs == Rounding::Inputs::int8 && takes_rounded(w->kind);
  };
  const auto room = [&](int64_t width) {
    return on.results.take_of<RoundedBlock>(m.pairs.count() * (width / kBlock));
  };
  m.gate_x.floats = m.up_x.floats = on.step_memory.take_of<const float*>(m.pairs.count());
  m.down_h.floats = on.step_memory.take_of<const float*>(m.pairs.count());
  RoundedBlock* x = rounds(m.gate) || rounds(m.up) ? room(m.dim) : nullptr;
  if (rounds(m.gate)) m.gate_x.rounded = x;
  if (rounds(m.up)) m.up_x.rounded = x;
  if (rounds(m.down)) m.down_h.rounded = room(m.inner);
}

MoePlan* make_plan(Recorder& on, Rounding::Inputs inputs, Tensor x, const Choice& to, const Weight& gate,
                   const Weight& up, const Weight& down) {
  const int64_t dim = x.cols(), inner = gate.rows();
  AUTARK_CHECK(gate.cols() == dim && up.rows() == inner && down.cols() == inner && down.rows() == dim);
  AUTARK_CHECK(gate.in == up.in && gate.out == up.out);
  MoePlan& m = *new (on.step_memory.take(sizeof(MoePlan))) MoePlan{};
  m.on = &on;
  if (inputs == Rounding::Inputs::official)
    m.official = {.x = gate.in, .products = gate.out, .h = Round::bf16, .down = down.in, .out = down.out};
  m.dim = dim, m.inner = inner;
  m.gate = on.prepared.of(gate, on.team).data();
  m.up = on.prepared.of(up, on.team).data();
  m.down = on.prepared.of(down, on.team).data();
  m.x = on.official(x, m.official.x);
  m.weights = to.weights;
  m.pairs = make_pairs(on, to.ids, gate.shape[0]);
  m.inner_cut = in_pairs(cut_panels(on, *m.gate, m.pairs.rows));
  m.outer_cut = cut_panels(on, *m.down, m.pairs.rows);
  m.inner_chunks = on.step_memory.take_of<int64_t>(2);
  m.outer_chunks = m.inner_chunks + 1;
  m.h = on.tensor({m.pairs.count(), inner});
  m.o = on.tensor({m.pairs.count(), dim});
  m.y = on.tensor({m.pairs.rows, dim});
  place_rows(on, inputs, m);
  return &m;
}

void record_sort(Recorder& on, const MoePlan* m, const Tensor& ids) {
  on.barrier();
  on.add(1, {ids}, {}, [m](int64_t, void*) {
    const int64_t active = sort_pairs(m->pairs);
    *m->inner_chunks = active * m->inner_cut.chunks;
    *m->outer_chunks = active * m->outer_cut.chunks;
    for (int64_t p = 0; p < m->pairs.count(); ++p) {
      m->gate_x.floats[p] = m->x.f32() + m->pairs.pair[p] / m->pairs.each * m->dim;
      m->down_h.floats[p] = m->h.f32() + p * m->inner;
    }
  });
  on.barrier();
}

// Rounds the rows at `to.floats`, [places][width], to `to.rounded`: every expert's rows are tiles of their
// own.
void record_rounding(Recorder& on, const MoePlan* m, const Tensor& from, const PlacedRows& to,
                     int64_t width) {
  if (!to.rounded) return;
  on.add_rows(m->pairs.count(), {from}, {}, [=](int64_t place, void*) {
    const int64_t e = m->pairs.expert_at(place), first = m->pairs.begin[e], blocks = width / kBlock;
    const RoundedRow r =
        m->on->rounded_row(to.rounded + first * blocks, place - first, m->pairs.begin[e + 1] - first, blocks);
    m->on->kernels.round_row(to.floats[place], width, r.first, r.stride);
  });
  on.barrier();
}

// Rounds `x` in place as official code does, once or twice.
void record_official(Recorder& on, const Tensor& x, Round first, Round second = Round::none) {
  if (first == Round::none && second == Round::none) return;
  on.add_rows(x.rows(), {x}, {x}, [=](int64_t i, void*) {
    round(first, x.row(i));
    round(second, x.row(i));
  });
  on.barrier();
}

ExpertChunk chunk_of(const SortedPairs& p, const PanelCut& cut, int64_t chunk) {
  const int64_t e = p.active[chunk / cut.chunks], begin = chunk % cut.chunks * cut.each;
  return {e, p.begin[e], p.begin[e + 1] - p.begin[e], begin, std::min(begin + cut.each, cut.panels)};
}

ProductJob job_at(const MoePlan& m, const Panels& w, const PlacedRows& x, int64_t first) {
  const bool rounded = x.rounded != nullptr;
  return {&m.on->kernels, &w, rounded ? x.rounded + first * w.blocks : nullptr, x.floats + first, nullptr};
}

// h of `count` places from `place` on, outputs from `at` on, whose products are a and b.
void join(const MoePlan& m, float* a, float* b, int64_t place, int64_t count, int64_t at) {
  const int64_t n = std::min(kPairWide, m.inner - at);
  round(m.official.products, {a, static_cast<size_t>(count * kPairWide)});
  round(m.official.products, {b, static_cast<size_t>(count * kPairWide)});
  for (int64_t i = 0; i < count; ++i) {
    float* z = m.h.f32() + (place + i) * m.inner + at;
    m.on->kernels.glu(a + i * kPairWide, b + i * kPairWide, n, m.act, m.limit, z);
    const float weight = m.weights.f32()[m.pairs.pair[place + i]];
    for (int64_t j = 0; j < n; ++j) z[j] *= weight;
  }
}

void run_inner(const MoePlan& m, int64_t chunk, void* scratch) {
  const ExpertChunk c = chunk_of(m.pairs, m.inner_cut, chunk);
  const ProductJob gate = job_at(m, m.gate[c.expert], m.gate_x, c.first),
                   up = job_at(m, m.up[c.expert], m.up_x, c.first);
  const int64_t pass = rows_at_once(m.on->kernels.tile_rows);
  const PairScratch s(scratch, pass);
  for (int64_t p = c.begin; p < c.end; p += 2) {
    const int64_t end = std::min(p + 2, m.inner_cut.panels);
    for (int64_t row = 0; row < c.rows; row += pass) {
      const int64_t count = std::min(pass, c.rows - row);
      gate.run(p, end, row, count, s.a, kPairWide, scratch);
      up.run(p, end, row, count, s.b, kPairWide, scratch);
      join(m, s.a, s.b, c.first + row, count, p * kLanes);
    }
  }
}

void record_inner(Recorder& on, const MoePlan* m) {
  on.add_counted(m->inner_chunks, {m->x, m->weights}, {m->h},
                 [m](int64_t c, void* scratch) { run_inner(*m, c, scratch); });
  on.barrier();
}

void record_outer(Recorder& on, const MoePlan* m) {
  on.add_counted(m->outer_chunks, {m->h}, {m->o}, [m](int64_t chunk, void* scratch) {
    const ExpertChunk c = chunk_of(m->pairs, m->outer_cut, chunk);
    job_at(*m, m->down[c.expert], m->down_h, c.first)
        .run(c.begin, c.end, 0, c.rows, m->o.f32() + c.first * m->dim + c.begin * kLanes, m->dim, scratch);
  });
}

void record_sum(Recorder& on, const MoePlan* m) {
  on.add_rows(m->pairs.rows, {m->o}, {m->y}, [m](int64_t t, void*) {
    const int64_t* place = m->pairs.place + t * m->pairs.each;
    float* y = m->y.f32() + t * m->dim;
    std::copy_n(m->o.f32() + place[0] * m->dim, m->dim, y);
    for (int64_t j = 1; j < m->pairs.each; ++j)
      m->on->kernels.add(y, m->o.f32() + place[j] * m->dim, m->dim, y);
  });
}

}  // namespace

Tensor record_moe(Recorder& on, Rounding::Inputs inputs, Tensor x, Choice to, const Weight& gate,
                  const Weight& up, const Weight& down, Act act, float limit) {
  MoePlan* m = make_plan(on, inputs, x, to, gate, up, down);
  m->act = gate_of(act);
  m->limit = limit;
  record_sort(on, m, to.ids);
  record_rounding(on, m, m->x, m->gate_x.rounded ? m->gate_x : m->up_x, m->dim);
  record_inner(on, m);
  record_official(on, m->h, m->official.h, m->official.down);
  record_rounding(on, m, m->h, m->down_h, m->inner);
  record_outer(on, m);
  record_official(on, m->o, m->official.out);
  record_sum(on, m);
  return m->y;
}

}  // namespace autark
