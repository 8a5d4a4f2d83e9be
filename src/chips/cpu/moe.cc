// moe: the chosen (row, expert) pairs are sorted by expert, so that an expert's weights are read once for all
// its rows; a row's experts are added up in the order they were chosen, whatever else is in the step.
//
//   sort → [gather and round x] → h = weight · glu(gate x, up x) → [round h] → o = down h → y = Σ_j o_j
#include <algorithm>
#include "chips/cpu/verbs.h"

namespace autark {
namespace {

// The pairs in the order of their experts; pair i = row · K + j sits at place[i].
struct Routing {
  int64_t rows, each, experts;  // each: experts a row
  const int32_t* ids;
  int64_t* begin;   // [experts + 1], places
  int64_t* active;  // experts that have rows
  int64_t* pair;    // [place]
  int64_t* place;   // [pair]
  int64_t* inner_chunks;
  int64_t* outer_chunks;
  int64_t inner_cuts, outer_cuts;  // chunks an expert's products are cut into

  int64_t pairs() const { return rows * each; }
  int64_t expert_at(int64_t place_) const {
    return std::upper_bound(begin, begin + experts + 1, place_) - begin - 1;
  }
};

Routing make_routing(Recorder& on, const Choice& to, int64_t experts) {
  Routing r{.rows = to.ids.rows(), .each = to.ids.cols(), .experts = experts, .ids = to.ids.i32()};
  r.begin = on.plans.take_of<int64_t>(experts + 1);
  r.active = on.plans.take_of<int64_t>(experts);
  r.pair = on.plans.take_of<int64_t>(r.pairs());
  r.place = on.plans.take_of<int64_t>(r.pairs());
  r.inner_chunks = on.plans.take_of<int64_t>(2);
  r.outer_chunks = r.inner_chunks + 1;
  return r;
}

void sort_pairs(const Routing& r) {
  std::fill_n(r.begin, r.experts + 1, 0);
  for (int64_t i = 0; i < r.pairs(); ++i) {
    AUTARK_CHECK(r.ids[i] >= 0 && r.ids[i] < r.experts);
    ++r.begin[r.ids[i] + 1];
  }
  int64_t n = 0;
  for (int64_t e = 0; e < r.experts; ++e) {
    if (r.begin[e + 1]) r.active[n++] = e;
    r.begin[e + 1] += r.begin[e];
  }
  for (int64_t i = 0; i < r.pairs(); ++i) {  // begin[e] runs to its end, and is put back below
    r.place[i] = r.begin[r.ids[i]]++;
    r.pair[r.place[i]] = i;
  }
  for (int64_t e = r.experts; e > 0; --e) r.begin[e] = r.begin[e - 1];
  r.begin[0] = 0;
  *r.inner_chunks = n * r.inner_cuts;
  *r.outer_chunks = n * r.outer_cuts;
}

// Every expert's rows are tiles of their own.
RoundedRow place_of_rounded(const Routing& r, RoundedBlock* base, int64_t place, int64_t blocks) {
  const int64_t e = r.expert_at(place), first = r.begin[e];
  return rounded_row(base + first * blocks, place - first, r.begin[e + 1] - first, blocks);
}

// What a product reads: rounded rows or float rows, at places.
struct PlacedRows {
  RoundedBlock* rounded = nullptr;
  const float** floats = nullptr;
};

ProductJob job_at(const Kernels* k, const Panels& w, const PlacedRows& x, int64_t first) {
  return {k, &w, x.rounded ? x.rounded + first * w.blocks : nullptr, x.floats ? x.floats + first : nullptr,
          nullptr};
}

}  // namespace

Tensor record_moe(Recorder& on, Rounding::Inputs inputs, Tensor x, Choice to, const Weight& gate,
                  const Weight& up, const Weight& down, Act act, float limit) {
  constexpr int64_t kRows = 1020, kWide = 2 * kLanes;
  const Kernels* k = &on.kernels;
  const int64_t D = x.cols(), F = gate.rows();
  AUTARK_CHECK(gate.cols() == D && up.rows() == F && down.cols() == F && down.rows() == D);
  const Panels *g = on.prepared.of(gate, on.team).data(), *u = on.prepared.of(up, on.team).data(),
               *d = on.prepared.of(down, on.team).data();
  AUTARK_CHECK(gate.in == up.in && gate.out == up.out);
  const bool official = inputs == Rounding::Inputs::official;
  if (official) x = on.official(x, gate.in);
  Routing r = make_routing(on, to, gate.shape[0]);
  const bool int8 = inputs == Rounding::Inputs::int8;
  const bool round_g = int8 && takes_rounded(g->kind), round_u = int8 && takes_rounded(u->kind);
  const bool round_d = int8 && takes_rounded(d->kind);
  PanelCut inner = cut_panels(on, *g, r.rows), outer = cut_panels(on, *d, r.rows);
  inner.each = (inner.each + 1) / 2 * 2;
  inner.chunks = (inner.panels + inner.each - 1) / inner.each;
  r.inner_cuts = inner.chunks;
  r.outer_cuts = outer.chunks;

  Tensor h = on.tensor({r.pairs(), F}), o = on.tensor({r.pairs(), D}), y = on.tensor({r.rows, D});
  auto** x_rows = on.plans.take_of<const float*>(r.pairs());
  auto** h_rows = on.plans.take_of<const float*>(r.pairs());
  on.meet();
  on.add(1, {to.ids}, {}, [=, x = x.f32(), h = h.f32()](int64_t, void*) {
    sort_pairs(r);
    for (int64_t p = 0; p < r.pairs(); ++p) {
      x_rows[p] = x + r.pair[p] / r.each * D;
      h_rows[p] = h + p * F;
    }
  });
  on.meet();

  const int64_t slices = on.chunks_of(r.pairs());
  RoundedBlock* xr = nullptr;
  if (round_g || round_u) {
    xr = on.results.take_of<RoundedBlock>(r.pairs() * (D / kBlock));
    on.add(slices, {x}, {}, [=](int64_t c, void*) {
      for (int64_t p = r.pairs() * c / slices; p < r.pairs() * (c + 1) / slices; ++p) {
        const RoundedRow to = place_of_rounded(r, xr, p, D / kBlock);
        k->round_row(x_rows[p], D, to.first, to.stride);
      }
    });
    on.meet();
  }
  const PlacedRows of_gate{round_g ? xr : nullptr, x_rows}, of_up{round_u ? xr : nullptr, x_rows};
  on.add_counted(
      r.inner_chunks, {x, to.weights}, {h},
      [=, h = h.f32(), weights = to.weights.f32(), inner_out = gate.out](int64_t c, void* scratch) {
        auto* a = reinterpret_cast<float*>(static_cast<std::byte*>(scratch) + kScratchBytes / 2);
        float* b = a + kRows * kWide;
        const int64_t e = r.active[c / inner.chunks], from = c % inner.chunks * inner.each;
        const int64_t first = r.begin[e], rows = r.begin[e + 1] - first;
        const ProductJob gates = job_at(k, g[e], of_gate, first), ups = job_at(k, u[e], of_up, first);
        for (int64_t p = from; p < std::min(from + inner.each, inner.panels); p += 2) {
          const int64_t at = p * kLanes, n = std::min(kWide, F - at);
          const int64_t end = std::min(p + 2, inner.panels);
          for (int64_t row = 0; row < rows; row += kRows) {
            const int64_t m = std::min(kRows, rows - row);
            gates.run(p, end, row, m, a, kWide, scratch);
            ups.run(p, end, row, m, b, kWide, scratch);
            if (official) {
              round(inner_out, {a, static_cast<size_t>(m * kWide)});
              round(inner_out, {b, static_cast<size_t>(m * kWide)});
            }
            for (int64_t i = 0; i < m; ++i) {
              const int64_t place = first + row + i;
              float* z = h + place * F + at;
              k->glu(a + i * kWide, b + i * kWide, n, gate_of(act), limit, z);
              for (int64_t j = 0; j < n; ++j) z[j] *= weights[r.pair[place]];
            }
          }
        }
      });
  on.meet();

  if (official) {
    on.add(slices, {h}, {}, [=, how = down.in, h = h.f32()](int64_t c, void*) {
      for (int64_t p = r.pairs() * c / slices; p < r.pairs() * (c + 1) / slices; ++p) {
        const std::span<float> row(h + p * F, F);
        round(Round::bf16, row);
        round(how, row);
      }
    });
    on.meet();
  }
  RoundedBlock* hr = nullptr;
  if (round_d) {
    hr = on.results.take_of<RoundedBlock>(r.pairs() * (F / kBlock));
    on.add(slices, {h}, {}, [=](int64_t c, void*) {
      for (int64_t p = r.pairs() * c / slices; p < r.pairs() * (c + 1) / slices; ++p) {
        const RoundedRow to = place_of_rounded(r, hr, p, F / kBlock);
        k->round_row(h_rows[p], F, to.first, to.stride);
      }
    });
    on.meet();
  }
  const PlacedRows of_down{hr, h_rows};
  on.add_counted(r.outer_chunks, {h}, {o}, [=, o = o.f32()](int64_t c, void* scratch) {
    const int64_t e = r.active[c / outer.chunks], from = c % outer.chunks * outer.each;
    const int64_t first = r.begin[e], rows = r.begin[e + 1] - first;
    job_at(k, d[e], of_down, first)
        .run(from, std::min(from + outer.each, outer.panels), 0, rows, o + first * D + from * kLanes, D,
             scratch);
  });

  if (official) {
    on.add(slices, {o}, {o}, [=, how = down.out, o = o.f32()](int64_t c, void*) {
      for (int64_t p = r.pairs() * c / slices; p < r.pairs() * (c + 1) / slices; ++p)
        round(how, {o + p * D, static_cast<size_t>(D)});
    });
    on.meet();
  }
  const int64_t sums = on.chunks_of(r.rows);
  on.add(sums, {o}, {y}, [=, o = o.f32(), y = y.f32()](int64_t c, void*) {
    for (int64_t t = r.rows * c / sums; t < r.rows * (c + 1) / sums; ++t) {
      std::copy_n(o + r.place[t * r.each] * D, D, y + t * D);
      for (int64_t j = 1; j < r.each; ++j) k->add(y + t * D, o + r.place[t * r.each + j] * D, D, y + t * D);
    }
  });
  return y;
}

}  // namespace autark
