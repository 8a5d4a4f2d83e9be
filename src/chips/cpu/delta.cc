// gated_delta_rule and causal_conv. The delta rule takes three operations: rows (q and k become directions, g and
// its sums), heads (one task for each sequence and value head), and the step's inputs are put into their ring.
#include <algorithm>
#include <cmath>
#include "chips/cpu/verbs.h"

namespace autark {
namespace {

struct DeltaPlan {
  DeltaRule rule;
  ReplayView memory;
  Tensor qkv, a, b, q, beta, own, y;
};

int64_t block_of(int64_t token) {
  return token / kDeltaBlock * kDeltaBlock;
}

const std::byte* ring_row(const StateView& r, int64_t seq, int64_t row) {
  const int64_t slot = row % r.ring;
  return r.pages[seq][slot / r.page_rows] + slot % r.page_rows * row_bytes(r.stored, r.width);
}

void normalise(const Kernels& k, const float* x, int64_t n, float by, float* y) {
  k.rms_norm(x, nullptr, 1e-6f / static_cast<float>(n), n, y);  // x √n / length
  for (int64_t c = 0; c < n; ++c) y[c] *= by;
}

// The rows of one sequence, in order: G is a sum over a block's tokens.
void prepare_rows(const DeltaPlan& p, const Kernels& k, int64_t seq) {
  const DeltaRule& d = p.rule;
  const Span span = p.memory.state.sequences[seq];
  const int64_t start = p.memory.inputs.length[seq], K = d.key_heads * d.key_dim, N = d.value_heads;
  const float by = 1 / std::sqrt(static_cast<float>(d.key_dim));
  const float* before =
      start % kDeltaBlock
          ? reinterpret_cast<const float*>(ring_row(p.memory.inputs, seq, start - 1)) + p.own.cols() - N
          : nullptr;
  for (int64_t i = span.first; i < span.first + span.count; ++i) {
    const float* x = p.qkv.row(i).data();
    float* own = p.own.row(i).data();
    for (int64_t h = 0; h < K; h += d.key_dim) {
      normalise(k, x + h, d.key_dim, by * by, p.q.row(i).data() + h);
      normalise(k, x + K + h, d.key_dim, by, own + h);
    }
    float* sums = own + p.own.cols() - N;
    if ((start + i - span.first) % kDeltaBlock == 0) before = nullptr;
    for (int64_t h = 0; h < N; ++h) {
      const float z = p.a.row(i)[h] + d.dt_bias[h];
      sums[h] = (before ? before[h] : 0) + d.decay[h] * (z > 20 ? z : std::log1p(std::exp(z)));
      p.beta.row(i)[h] = 1 / (1 + std::exp(-p.b.row(i)[h]));
    }
    before = sums;
  }
}

void run_head(const DeltaPlan& p, const Kernels& k, int64_t seq, int64_t h, void* scratch) {
  const DeltaRule& d = p.rule;
  const StateView &state = p.memory.state, &inputs = p.memory.inputs;
  const Span span = state.sequences[seq];
  if (span.count == 0) return;
  const int64_t key = d.tiled ? h % d.key_heads : h / (d.value_heads / d.key_heads);
  const int64_t K = d.key_heads * d.key_dim, wide = p.own.cols(), start = state.length[seq];
  auto* whole = reinterpret_cast<float*>(state.pages[seq][0]);
  k.delta_rule({.q = p.q.row(span.first).data() + key * d.key_dim,
                .v = p.qkv.row(span.first).data() + 2 * K + h * d.value_dim,
                .beta = p.beta.row(span.first).data() + h,
                .q_step = K,
                .v_step = p.qkv.cols(),
                .beta_step = d.value_heads,
                .y = p.y.row(span.first).data() + h * d.value_dim,
                .y_step = p.y.cols(),
                .past = {reinterpret_cast<const unsigned char* const*>(inputs.pages[seq].data()),
                         inputs.page_rows, row_bytes(inputs.stored, inputs.width), inputs.ring, 0},
                .own = p.own.row(span.first).data(),
                .width = wide,
                .key_at = key * d.key_dim,
                .u_at = K + h * d.value_dim,
                .sum_at = wide - d.value_heads + h,
                .key_dim = d.key_dim,
                .value_dim = d.value_dim,
                .base = block_of(state.settled[seq]),
                .kept = block_of(state.settles[seq]),
                .start = start,
                .end = start + span.count,
                .state = whole + h * d.key_dim * d.value_dim,
                .scratch = scratch});
}

}  // namespace

Tensor record_delta_rule(Recorder& on, Tensor qkv, Tensor a, Tensor b, const DeltaRule& d,
                         const ReplayView& memory) {
  const int64_t rows = qkv.rows(), sequences = std::ssize(memory.state.sequences);
  AUTARK_CHECK(memory.inputs.stored == Format::f32 && memory.state.stored == Format::f32);
  AUTARK_CHECK(memory.inputs.ring >= kDeltaBlock && memory.inputs.width == delta_input_values(d));
  AUTARK_CHECK(memory.state.width == delta_state_values(d) && memory.state.ring == 1);
  AUTARK_CHECK(d.key_dim <= kDeltaDimMax && d.value_dim <= kDeltaDimMax);
  AUTARK_CHECK(qkv.cols() == 2 * d.key_heads * d.key_dim + d.value_heads * d.value_dim);
  auto* p =
      new (on.step_memory.take(sizeof(DeltaPlan))) DeltaPlan{d,
                                                             memory,
                                                             qkv,
                                                             a,
                                                             b,
                                                             on.tensor({rows, d.key_heads * d.key_dim}),
                                                             on.tensor({rows, d.value_heads}),
                                                             on.tensor({rows, delta_input_values(d)}),
                                                             on.tensor({rows, d.value_heads * d.value_dim})};
  on.add(sequences, {qkv, a, b, memory.inputs}, {p->q, p->beta, p->own},
         [p, k = &on.kernels](int64_t seq, void*) { prepare_rows(*p, *k, seq); });
  on.add(sequences * d.value_heads, {qkv, p->q, p->beta, memory.inputs}, {p->y, p->own, memory.state},
         [p, k = &on.kernels](int64_t i, void* scratch) {
           run_head(*p, *k, i / p->rule.value_heads, i % p->rule.value_heads, scratch);
         });
  on.add(sequences, {p->own}, {memory.inputs},
         [p](int64_t seq, void*) { append(p->memory.inputs, static_cast<int>(seq), p->own); });
  return p->y;
}

Tensor record_causal_conv(Recorder& on, Tensor x, const Vector& taps, const StateView& before) {
  const int64_t T = taps.cols(), n = x.cols();
  AUTARK_CHECK(taps.size() == n * T && T > 1 && T <= 16 && before.window_rows == T - 1);
  AUTARK_CHECK(before.stored == Format::f32 && before.width == n);
  const Tensor y = on.tensor(x.shape), turned = on.tensor({T, n});
  on.add_rows(T, {}, {turned}, [=](int64_t j, void*) {
    for (int64_t c = 0; c < n; ++c) turned.row(j)[c] = taps[c * T + j];
  });
  const int64_t sequences = std::ssize(before.sequences);
  on.add(sequences, {x, turned, before}, {y}, [=, k = &on.kernels](int64_t seq, void*) {
    const Span span = before.sequences[seq];
    const int64_t start = before.length[seq];
    for (int64_t t = start; t < start + span.count; ++t) {
      const float* rows[16];
      for (int64_t j = 0; j < T; ++j) {
        const int64_t at = t - T + 1 + j;
        rows[j] = at < 0        ? nullptr
                  : at >= start ? x.row(span.first + at - start).data()
                                : reinterpret_cast<const float*>(ring_row(before, seq, at));
      }
      k->conv_row(rows, turned.f32(), T, n, y.row(span.first + t - start).data());
    }
  });
  on.add(sequences, {x}, {before}, [=](int64_t seq, void*) { append(before, static_cast<int>(seq), x); });
  return y;
}

}  // namespace autark
