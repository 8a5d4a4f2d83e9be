// moe: the chosen (row, expert) pairs are sorted by expert, so that an expert's weights are read once for all
// its rows; a row's experts are added up in the order they were chosen, whatever else is in the step.
//
//   sort → [place rounded x] → h = weight · glu(gate x, up x), rounded → o = down h → y = Σ_j o_j
//
// Biases of gate and up are added by the products, those of down, times the weight, in the sum.
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
  Rounded rounded;
  int64_t step = 0;  // blocks from one place to the next
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
  Rounded rounded_x;  // of the rows, not of the places
  PlacedRows gate_x, up_x, down_h;
  Gate act;
  float limit;
  const float *gate_bias, *up_bias, *down_bias;  // of all experts, or null
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

// The rows of x as a product of `kind` reads them.
PlacedRows place_x(Recorder& on, Rounding::Inputs inputs, MoePlan& m, Kind kind) {
  if (!rounds(inputs, kind)) {
    m.x = on.official(m.x, m.official.x);
    return {.floats = on.step_memory.take_of<const float*>(m.pairs.count())};
  }
  m.rounded_x = on.rounded(m.x, inputs, m.official.x);
  return {.rounded = on.room_for_rounded(m.pairs.count(), m.dim, inputs), .step = m.dim / kBlock};
}

// The pointers to a plan's rows are filled when the pairs are sorted.
void place_rows(Recorder& on, Rounding::Inputs inputs, MoePlan& m) {
  m.gate_x = place_x(on, inputs, m, m.gate->kind);
  m.up_x = rounds(inputs, m.gate->kind) == rounds(inputs, m.up->kind) ? m.gate_x
                                                                      : place_x(on, inputs, m, m.up->kind);
  m.down_h.floats = on.step_memory.take_of<const float*>(m.pairs.count());
  if (rounds(inputs, m.down->kind)) {
    m.down_h.rounded = on.room_for_rounded(m.pairs.count(), m.inner, inputs);
    m.down_h.step = m.inner / kBlock;
  }
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
  AUTARK_CHECK(m.official.products != Round::e4m3_b128 && m.official.out != Round::e4m3_b128);
  m.dim = dim, m.inner = inner;
  m.gate = on.prepared.of(gate, on.team).data();
  m.up = on.prepared.of(up, on.team).data();
  m.down = on.prepared.of(down, on.team).data();
  m.x = x;
  m.weights = to.weights;
  m.pairs = make_pairs(on, to.ids, gate.shape[0]);
  m.inner_cut = in_multiples(cut_panels(on, *m.gate, m.pairs.rows), kPairPanels);
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
      const float* row = m->x.f32() + m->pairs.pair[p] / m->pairs.each * m->dim;
      if (m->gate_x.floats) m->gate_x.floats[p] = row;
      if (m->up_x.floats) m->up_x.floats[p] = row;
      m->down_h.floats[p] = m->h.f32() + p * m->inner;
    }
  });
  on.barrier();
}

// The rows of expert e at `x`: tiles of their own.
Rounded rows_of_expert(const MoePlan& m, const PlacedRows& x, int64_t e) {
  return {x.rounded.blocks + m.pairs.begin[e] * x.step, x.rounded.low};
}

void copy_row(RoundedRow from, RoundedRow to, int64_t blocks) {
  for (int64_t b = 0; b < blocks; ++b) {
    to.first[b * to.stride] = from.first[b * from.stride];
    if (to.low) to.first[b * to.stride + to.low] = from.first[b * from.stride + from.low];
  }
}

// Copies rounded rows of x to their places.
void record_gather(Recorder& on, const MoePlan* m) {
  const PlacedRows* to = m->gate_x.step ? &m->gate_x : &m->up_x;
  if (!to->step) return;
  on.add_rows(m->pairs.count(), {}, {}, [m, to](int64_t place, void*) {
    const int64_t e = m->pairs.expert_at(place), first = m->pairs.begin[e];
    copy_row(m->on->rounded_row(m->rounded_x, m->pairs.pair[place] / m->pairs.each, m->pairs.rows, to->step),
             m->on->rounded_row(rows_of_expert(*m, *to, e), place - first, m->pairs.begin[e + 1] - first,
                                to->step),
             to->step);
  });
  on.barrier();
}

ExpertChunk chunk_of(const SortedPairs& p, const PanelCut& cut, int64_t chunk) {
  const int64_t e = p.active[chunk / cut.chunks], begin = chunk % cut.chunks * cut.each;
  return {e, p.begin[e], p.begin[e + 1] - p.begin[e], begin, std::min(begin + cut.each, cut.panels)};
}

// `bias` has a row for each expert, or is null.
ProductJob job_at(const MoePlan& m, const Panels& w, const PlacedRows& x, int64_t expert, Round out,
                  const float* bias = nullptr) {
  ProductJob job{&m.on->kernels, &w, {}, nullptr, bias ? bias + expert * w.out : nullptr};
  job.out = out;
  if (x.rounded.blocks)
    job.rounded = rows_of_expert(m, x, expert);
  else
    job.floats = x.floats + m.pairs.begin[expert];
  return job;
}

// Row i of an expert, outputs from `at` on, whose products are a and b: h, then as down reads it.
void join(const MoePlan& m, const ExpertChunk& c, const float* a, const float* b, int64_t i, int64_t at) {
  const Kernels& k = m.on->kernels;
  const int64_t n = std::min(kPairWide, m.inner - at), place = c.first + i;
  float* h = m.h.f32() + place * m.inner + at;
  k.glu(a, b, n, m.act, m.limit, h);
  const float weight = m.weights.f32()[m.pairs.pair[place]];
  for (int64_t j = 0; j < n; ++j) h[j] *= weight;
  if (m.official.h == Round::bf16) k.v4().round_bf16(h, n, h);
  if (!m.down_h.rounded.blocks) return round(m.official.down, {h, static_cast<size_t>(n)});
  RoundedRow to = m.on->rounded_row(rows_of_expert(m, m.down_h, c.expert), i, c.rows, m.down->blocks);
  to.first += at / kBlock * to.stride;
  m.on->round_row(h, n, m.official.down, to);
}

void run_inner(const MoePlan& m, int64_t chunk, void* scratch) {
  const ExpertChunk c = chunk_of(m.pairs, m.inner_cut, chunk);
  const Round out = m.official.products;
  const ProductJob gate = job_at(m, m.gate[c.expert], m.gate_x, c.expert, out, m.gate_bias),
                   up = job_at(m, m.up[c.expert], m.up_x, c.expert, out, m.up_bias);
  const int64_t pass = rows_at_once(m.on->kernels.tile_rows);
  const PairScratch s(scratch, pass);
  for (int64_t p = c.begin; p < c.end; p += kPairPanels) {
    const int64_t end = std::min(p + kPairPanels, c.end);
    for (int64_t row = 0; row < c.rows; row += pass) {
      const int64_t count = std::min(pass, c.rows - row);
      prefetch_start(up.w->bytes + p * up.w->panel_bytes);
      gate.run(p, end, row, count, s.a, kPairWide, scratch);
      up.run(p, end, row, count, s.b, kPairWide, scratch);
      for (int64_t i = 0; i < count; ++i)
        join(m, c, s.a + i * kPairWide, s.b + i * kPairWide, row + i, p * kLanes);
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
    job_at(*m, m->down[c.expert], m->down_h, c.expert, m->official.out)
        .run(c.begin, c.end, 0, c.rows, m->o.f32() + c.first * m->dim + c.begin * kLanes, m->dim, scratch);
  });
  const auto begin = [](const void* plan, int64_t chunk) {
    const auto& of = *static_cast<const MoePlan*>(plan);
    const ExpertChunk c = chunk_of(of.pairs, of.outer_cut, chunk);
    return of.down[c.expert].bytes + c.begin * of.down->panel_bytes;
  };
  on.expect_reads(begin, m);
}

// y += Σ_j weight_j · bias of expert j, for n channels of row t from `at` on.
void add_biases(const MoePlan& m, int64_t t, int64_t at, int64_t n, float* y) {
  for (int64_t j = t * m.pairs.each; j < (t + 1) * m.pairs.each; ++j) {
    const float* bias = m.down_bias + m.pairs.ids[j] * m.dim + at;
    const float weight = m.weights.f32()[j];
    for (int64_t c = 0; c < n; ++c) y[c] += weight * bias[c];
  }
}

void record_sum(Recorder& on, const MoePlan* m) {
  constexpr int64_t kPiece = 1024;  // channels
  const int64_t pieces = (m->dim + kPiece - 1) / kPiece;
  on.add_rows(m->pairs.rows * pieces, {m->o, m->weights}, {m->y}, [=](int64_t i, void*) {
    const int64_t t = i / pieces, at = i % pieces * kPiece, n = std::min(kPiece, m->dim - at);
    const int64_t* place = m->pairs.place + t * m->pairs.each;
    float* y = m->y.f32() + t * m->dim + at;
    std::copy_n(m->o.f32() + place[0] * m->dim + at, n, y);
    if (m->down_bias) add_biases(*m, t, at, n, y);
    for (int64_t j = 1; j < m->pairs.each; ++j)
      m->on->kernels.add(y, m->o.f32() + place[j] * m->dim + at, n, y);
  });
}

}  // namespace

Tensor record_moe(Recorder& on, Rounding::Inputs inputs, Tensor x, Choice to, const Weight& gate,
                  const Weight& up, const Weight& down, Act act, float limit, const ExpertBiases& biases) {
  MoePlan* m = make_plan(on, inputs, x, to, gate, up, down);
  m->act = gate_of(act);
  m->limit = limit;
  m->gate_bias = biases.gate.values, m->up_bias = biases.up.values, m->down_bias = biases.down.values;
  record_sort(on, m, to.ids);
  record_gather(on, m);
  record_inner(on, m);
  record_outer(on, m);
  record_sum(on, m);
  return m->y;
}

}  // namespace autark
