// The default bodies of causal_conv and gated_delta_rule: plain loops with f64 sums, the oracle of other chips.
// A block of tokens has the positions [64 m, 64 m + 64), S_m is the state before it. With G_i, the sum of g from
// the block's start to token i,
//
//   u_i = σ(b_i) (v_i − e^{G_i} S_mᵀ k_i − Σ_{j<i} e^{G_i − G_j} (k_j·k_i) u_j)
//   o_i = e^{G_i} S_mᵀ q_i + Σ_{j≤i} e^{G_i − G_j} (k_j·q_i) u_j
//   S_{m+1} = e^{G_63} S_m + Σ_j e^{G_63 − G_j} k_j ⊗ u_j
//
// which is the recurrence of chip.h, written out from the block's start.
#include <algorithm>
#include <cmath>
#include "chips/chip.h"

namespace autark {
namespace {

// One sequence of a step.
class DeltaSequence {
 public:
  DeltaSequence(const DeltaRule& d, Tensor qkv, Tensor a, Tensor b, const ReplayView& memory, int seq,
                Tensor y)
      : d_(d),
        qkv_(qkv),
        a_(a),
        b_(b),
        y_(y),
        memory_(memory),
        seq_(seq),
        span_(memory.state.sequences[seq]),
        start_(memory.state.length[seq]),
        end_(start_ + span_.count),
        base_(border(memory.state.settled[seq])),
        kept_(border(memory.state.settles[seq])),
        wide_(delta_input_values(d)),
        state_(delta_state_values(d)),
        rows_((end_ - base_) * wide_) {}

  void run() {
    if (base_ > 0) load(memory_.state, seq_, 0, state_);
    for (int64_t t = base_; t < start_; ++t) load(memory_.inputs, seq_, t, row(t));
    for (int64_t block = base_; block < end_; block += kDeltaBlock) {
      if (block == kept_) keep();
      for (int64_t t = std::max(block, start_); t < std::min(block + kDeltaBlock, end_); ++t)
        for (int64_t h = 0; h < d_.value_heads; ++h) token(block, t, h);
      if (block + kDeltaBlock <= end_) advance(block);
    }
    if (border(end_) == kept_) keep();
    for (int64_t t = std::max(start_, end_ - memory_.inputs.ring); t < end_; ++t)
      store(memory_.inputs, seq_, t, row(t));
  }

 private:
  static int64_t border(int64_t token) { return token / kDeltaBlock * kDeltaBlock; }
  std::span<float> row(int64_t t) { return {&rows_[(t - base_) * wide_], size_t(wide_)}; }
  int64_t key_head(int64_t h) const {
    return d_.tiled ? h % d_.key_heads : h / (d_.value_heads / d_.key_heads);
  }
  float* key(int64_t t, int64_t h) { return &row(t)[key_head(h) * d_.key_dim]; }
  float* input(int64_t t, int64_t h) { return &row(t)[d_.key_heads * d_.key_dim + h * d_.value_dim]; }
  float& decay(int64_t t, int64_t h) { return row(t)[wide_ - d_.value_heads + h]; }  // G
  float* state(int64_t h) { return &state_[h * d_.key_dim * d_.value_dim]; }
  void keep() {
    if (kept_ > base_) store(memory_.state, seq_, 0, state_);
  }

  // x divided by its length, and by √key_dim if `scaled`.
  std::vector<float> direction(const float* x, bool scaled) const {
    double squares = 1e-6;
    for (int64_t c = 0; c < d_.key_dim; ++c) squares += double(x[c]) * x[c];
    const double by = std::sqrt(squares * (scaled ? double(d_.key_dim) : 1.0));
    std::vector<float> y(d_.key_dim);
    for (int64_t c = 0; c < d_.key_dim; ++c) y[c] = static_cast<float>(x[c] / by);
    return y;
  }
  double dot(const float* x, const float* y) const {
    double sum = 0;
    for (int64_t c = 0; c < d_.key_dim; ++c) sum += double(x[c]) * y[c];
    return sum;
  }

  void token(int64_t block, int64_t t, int64_t h) {
    const int64_t at = span_.first + t - start_, K = d_.key_heads * d_.key_dim;
    const float* x = qkv_.row(at).data();
    const std::vector<float> q = direction(x + key_head(h) * d_.key_dim, true);
    std::ranges::copy(direction(x + K + key_head(h) * d_.key_dim, false), key(t, h));
    const double z = double(a_.row(at)[h]) + d_.dt_bias[h];
    const double softplus = z > 20 ? z : std::log1p(std::exp(z));
    decay(t, h) = static_cast<float>((t > block ? decay(t - 1, h) : 0) + d_.decay[h] * softplus);
    const double beta = 1 / (1 + std::exp(-double(b_.row(at)[h])));
    const std::vector<double> seen = read(block, t, h, key(t, h), t);
    for (int64_t c = 0; c < d_.value_dim; ++c)
      input(t, h)[c] = static_cast<float>(beta * (x[2 * K + h * d_.value_dim + c] - seen[c]));
    const std::vector<double> out = read(block, t, h, q.data(), t + 1);
    for (int64_t c = 0; c < d_.value_dim; ++c) y_.row(at)[h * d_.value_dim + c] = static_cast<float>(out[c]);
  }

  // Sᵀ x for the state that has decayed up to token t and has the inputs of tokens [block, end).
  std::vector<double> read(int64_t block, int64_t t, int64_t h, const float* x, int64_t end) {
    std::vector<double> y(d_.value_dim);
    const double whole = std::exp(double(decay(t, h)));
    for (int64_t k = 0; k < d_.key_dim; ++k)
      for (int64_t c = 0; c < d_.value_dim; ++c) y[c] += whole * x[k] * state(h)[k * d_.value_dim + c];
    for (int64_t j = block; j < end; ++j) {
      const double part = std::exp(double(decay(t, h)) - decay(j, h)) * dot(key(j, h), x);
      for (int64_t c = 0; c < d_.value_dim; ++c) y[c] += part * input(j, h)[c];
    }
    return y;
  }

  void advance(int64_t block) {
    const int64_t last = block + kDeltaBlock - 1;
    for (int64_t h = 0; h < d_.value_heads; ++h) {
      for (int64_t k = 0; k < d_.key_dim; ++k) {
        for (int64_t c = 0; c < d_.value_dim; ++c) {
          float& s = state(h)[k * d_.value_dim + c];
          double sum = std::exp(double(decay(last, h))) * s;
          for (int64_t j = block; j <= last; ++j)
            sum += std::exp(double(decay(last, h)) - decay(j, h)) * key(j, h)[k] * input(j, h)[c];
          s = static_cast<float>(sum);
        }
      }
    }
  }

  const DeltaRule& d_;
  const Tensor qkv_, a_, b_, y_;
  const ReplayView& memory_;
  const int seq_;
  const Span span_;
  const int64_t start_, end_;  // positions of the step's tokens
  const int64_t base_, kept_;  // where the stored state stands, before and after
  const int64_t wide_;
  std::vector<float> state_, rows_;  // rows of inputs from base_ on
};

void check_rule(const DeltaRule& d, const Tensor& qkv, const Tensor& a, const ReplayView& memory) {
  AUTARK_CHECK(d.key_heads > 0 && d.value_heads % d.key_heads == 0);
  AUTARK_CHECK(qkv.cols() == 2 * d.key_heads * d.key_dim + d.value_heads * d.value_dim);
  AUTARK_CHECK(a.cols() == d.value_heads && a.rows() == qkv.rows());
  AUTARK_CHECK(memory.state.width == delta_state_values(d) && memory.inputs.width == delta_input_values(d));
  AUTARK_CHECK(memory.inputs.ring >= kDeltaBlock && memory.state.stored == Format::f32);
}

}  // namespace

Tensor Chip::gated_delta_rule(Tensor qkv, Tensor a, Tensor b, const DeltaRule& rule, ReplayView memory) {
  check_rule(rule, qkv, a, memory);
  const Tensor y = result({qkv.rows(), rule.value_heads * rule.value_dim});
  each(std::ssize(memory.state.sequences), {qkv, a, b, memory.state, memory.inputs},
       {y, memory.state, memory.inputs},
       [=](int64_t seq) { DeltaSequence(rule, qkv, a, b, memory, int(seq), y).run(); });
  return y;
}

Tensor Chip::causal_conv(Tensor x, const Vector& taps, StateView before) {
  const int64_t T = taps.cols();
  AUTARK_CHECK(taps.size() == x.cols() * T && T > 1 && before.window_rows == T - 1);
  const Tensor y = result(x.shape);
  each(std::ssize(before.sequences), {x, before}, {y, before}, [=](int64_t i) {
    const int seq = int(i);
    const Span span = before.sequences[seq];
    const int64_t start = before.length[seq], from = std::max<int64_t>(0, start - T + 1);
    const std::vector<float> rows = seen(before, seq, x, from);
    for (int64_t t = start; t < start + span.count; ++t) {
      for (int64_t c = 0; c < x.cols(); ++c) {
        double sum = 0;
        for (int64_t j = std::max<int64_t>(0, T - 1 - t); j < T; ++j)
          sum += double(taps[c * T + j]) * rows[(t - T + 1 + j - from) * x.cols() + c];
        y.row(span.first + t - start)[c] = static_cast<float>(sum / (1 + std::exp(-sum)));
      }
    }
    append(before, seq, x);
  });
  return y;
}

}  // namespace autark
