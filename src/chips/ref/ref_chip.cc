// The oracle: plain loops, f32 values, f64 sums, no SIMD. Every other chip is tested against it. The result
// of a row depends only on that row and its sequence, so any batching gives the same bits. With official
// inputs it repeats the rounding points of a model's official code.
#include "chips/ref/ref_chip.h"
#include <algorithm>
#include <cmath>
#include <deque>
#include <numbers>
#include <numeric>
#include "chips/routing.h"
#include "tensor/bf16.h"

namespace autark {
namespace {

float activate(Act act, float x) {
  if (act == Act::silu) return x / (1 + std::exp(-x));
  if (act == Act::sigmoid) return 1 / (1 + std::exp(-x));
  if (act == Act::quick_gelu_up1) return x / (1 + std::exp(-1.702f * x));
  const float c = std::sqrt(2 / std::numbers::pi_v<float>);
  return 0.5f * x * (1 + std::tanh(c * (x + 0.044715f * x * x * x)));
}

float gated(Act act, float limit, float gate, float up) {
  if (limit > 0) {
    gate = std::min(gate, limit);  // from above only
    up = std::clamp(up, -limit, limit);
  }
  return activate(act, gate) * (act == Act::quick_gelu_up1 ? up + 1 : up);
}

double dot(std::span<const float> a, std::span<const float> b) {
  double s = 0;
  for (size_t i = 0; i < a.size(); ++i) s += double(a[i]) * b[i];
  return s;
}

class RefChip final : public Chip {
 public:
  RefChip(Comm* comm, Rounding::Inputs inputs) : comm_(comm), inputs_(inputs) {
    AUTARK_CHECK(inputs != Rounding::Inputs::int8);  // int8 is for fast chips only
  }
  const char* name() const override { return "ref"; }
  Rounding::Inputs inputs() const override { return inputs_; }

  Tensor scratch(Shape s, Format f) override {
    return {arena_.emplace_back(row_bytes(f, s.numel())).data(), f, s};
  }
  void reset() override { arena_.clear(); }

  Tensor embedding(const Weight& table, Tensor ids, float scale) override {
    const bool whole_numbers = table.format == Format::i32;
    Tensor y = scratch({ids.shape[0], table.cols()}, whole_numbers ? Format::i32 : Format::f32);
    for (int64_t i = 0; i < ids.shape[0]; ++i) {
      const int64_t id = ids.i32()[i];
      AUTARK_CHECK(id >= 0 && id < table.rows());
      if (whole_numbers) {
        auto* t = reinterpret_cast<const int32_t*>(table.parts[0].codes);
        std::copy_n(t + id * y.cols(), y.cols(), y.i32() + i * y.cols());
      } else {
        decode_row(table, id, y.row(i));
        for (float& v : y.row(i)) v *= scale;
      }
    }
    return y;
  }
  Tensor gather(Tensor x, Tensor ids) override {
    Shape s = x.shape;
    s.d[0] = ids.shape[0];
    Tensor y = scratch(s, x.format);
    const int64_t bytes = row_bytes(x.format, s.numel() / std::max<int64_t>(1, s[0]));
    const auto at = [bytes](Tensor t, int64_t row) { return static_cast<std::byte*>(t.data) + row * bytes; };
    for (int64_t i = 0; i < s[0]; ++i) std::copy_n(at(x, ids.i32()[i]), bytes, at(y, i));
    return y;
  }
  Tensor linear(Tensor x, const Weight& w, const Vector& bias) override {
    AUTARK_CHECK(x.cols() == w.cols() && w.shape.rank == 2);
    Tensor y = scratch({x.rows(), w.rows()}, Format::f32), in = rounded(x, w.in);
    std::vector<float> row(w.cols());
    for (int64_t o = 0; o < w.rows(); ++o) {
      decode_row(w, o, row);
      for (int64_t i = 0; i < x.rows(); ++i) y.row(i)[o] = dot(in.row(i), row) + (bias ? bias[o] : 0);
    }
    return rounded(y, w.out);
  }
  Tensor rms_norm(Tensor x, const Vector& gain, float eps) override {
    AUTARK_CHECK(!gain || x.cols() == gain.cols());
    Tensor y = scratch(x.shape, Format::f32);
    for (int64_t i = 0; i < x.rows(); ++i) {
      const auto a = x.row(i);
      const bool plain = gain || inputs_ != Rounding::Inputs::official;
      const float r = plain ? 1 / std::sqrt(float(dot(a, a) / x.cols()) + eps) : head_factor(a, eps);
      for (int64_t k = 0; k < x.cols(); ++k) y.row(i)[k] = a[k] * r * (gain ? gain[k] : 1);
    }
    return rounded(y);
  }
  Tensor rope(Tensor x, Tensor pos, const Rope& rope, bool inverse) override {
    Tensor y = scratch(x.shape, Format::f32);
    std::copy_n(x.f32(), x.shape.numel(), y.f32());
    for (int64_t r = 0; r < x.rows(); ++r)
      rotate(y.row(r), pos.i32()[r / x.shape[1]], rope, inverse, angle_as(inputs_));
    return rounded(y);
  }
  Tensor attention(Tensor q, Tensor k, Tensor v, StateView ks, StateView vs, Attend how) override {
    const int64_t dim = value_dim(k, v, how);
    AUTARK_CHECK(k.shape[1] * k.shape[2] == ks.width && (!ks.ring || how.window <= ks.window_rows));
    AUTARK_CHECK(v ? v.cols() == dim && v.shape[1] * dim == vs.width : dim <= k.cols());
    Tensor y = scratch({q.shape[0], q.shape[1], dim}, Format::f32);
    for (size_t seq = 0; seq < ks.sequences.size(); ++seq) attend(q, k, v, ks, vs, how, seq, y);
    return rounded(y);
  }
  Tensor add(Tensor a, Tensor b) override {
    Tensor y = scratch(a.shape, Format::f32);
    for (int64_t i = 0; i < a.shape.numel(); ++i) y.f32()[i] = a.f32()[i] + b.f32()[i];
    return rounded(y);
  }
  Tensor glu(Tensor gate, Tensor up, Act act, float limit) override {
    Tensor y = scratch(gate.shape, Format::f32);
    for (int64_t i = 0; i < gate.shape.numel(); ++i)
      y.f32()[i] = gated(act, limit, gate.f32()[i], up.f32()[i]);
    return rounded(y);
  }
  Choice route(Tensor logits, const Vector& bias, Tensor fixed, const Routing& how, Tensor* margin) override {
    check_routing(how, logits, bias, fixed);
    const int64_t T = logits.rows(), k = how.k;
    Choice to{scratch({T, k}, Format::i32), scratch({T, k}, Format::f32)};
    if (margin) *margin = scratch({T}, Format::f32);
    for (int64_t t = 0; t < T; ++t) {
      const std::vector<float> p = probabilities(how.score, logits.row(t));
      std::vector<float> compared = compares_logits(how, bool(bias)) ? copy_of(logits.row(t)) : p;
      for (int64_t e = 0; bias && e < std::ssize(p); ++e) compared[e] += bias[e];
      mask_groups(how, compared);
      const std::vector<int32_t> order =
          fixed ? copy_of(std::span(fixed.i32() + t * k, k)) : best_first(compared);
      std::copy_n(order.begin(), k, to.ids.i32() + t * k);
      const bool more = !fixed && std::ssize(order) > k;
      if (margin) margin->f32()[t] = more ? compared[order[k - 1]] - compared[order[k]] : INFINITY;
      if (how.score == Routing::Score::softmax)
        weigh_softmax(how, logits.row(t), order, to.weights.row(t));
      else
        weigh(how, p, order, to.weights.row(t));
    }
    return to;
  }
  Tensor moe(Tensor x, Choice to, const Weight& gate, const Weight& up, const Weight& down, Act act,
             float limit, const ExpertBiases& biases) override {
    Tensor y = scratch(x.shape, Format::f32);
    std::fill_n(y.f32(), y.shape.numel(), 0.f);
    const int64_t K = to.ids.cols();
    for (int64_t i = 0; i < x.rows() * K; ++i) {
      const int64_t t = i / K, e = to.ids.i32()[i];
      const std::vector<float> in(x.row(t).begin(), x.row(t).end());
      const float weight = to.weights.f32()[i];
      std::vector<float> h = times(gate.expert(e), in), u = times(up.expert(e), in);
      add_row(biases.gate, e, 1, h);
      add_row(biases.up, e, 1, u);
      for (size_t c = 0; c < h.size(); ++c) h[c] = weight * gated(act, limit, h[c], u[c]);
      round_official(Round::bf16, h);
      std::vector<float> o = times(down.expert(e), h);
      add_row(biases.down, e, weight, o);
      for (size_t c = 0; c < o.size(); ++c) y.row(t)[c] += o[c];
    }
    return y;
  }
  Comm* comm() const override { return comm_; }

 private:
  void round_official(Round how, std::span<float> x) const {
    if (inputs_ == Rounding::Inputs::official) round(how, x);
  }
  // 1 / RMS as the official code computes it for norms without a gain: every step in bf16.
  static float head_factor(std::span<const float> a, float eps) {
    const auto bf16 = [](float v) { return decode_bf16(encode_bf16(v)); };
    double squares = 0;
    for (float v : a) squares += bf16(v * v);
    return bf16(1 / std::sqrt(bf16(bf16(squares / a.size()) + eps)));
  }
  Tensor rounded(Tensor x, Round how = Round::bf16) {  // x itself if nothing is rounded
    if (inputs_ != Rounding::Inputs::official || how == Round::none) return x;
    Tensor y = scratch(x.shape, Format::f32);
    std::copy_n(x.f32(), x.shape.numel(), y.f32());
    for (int64_t i = 0; i < y.rows(); ++i) round(how, y.row(i));
    return y;
  }
  std::vector<float> times(const Weight& w, std::vector<float> x) const {  // w x
    round_official(w.in, x);
    std::vector<float> row(w.cols()), y(w.rows());
    for (int64_t o = 0; o < w.rows(); ++o) {
      decode_row(w, o, row);
      y[o] = dot(x, row);
    }
    round_official(w.out, y);
    return y;
  }
  // y += factor · row e of v, if there is a v.
  static void add_row(const Vector& v, int64_t e, float factor, std::vector<float>& y) {
    for (size_t c = 0; v && c < y.size(); ++c) y[c] += factor * v.row(e)[c];
  }
  template <class T>
  static std::vector<std::remove_const_t<T>> copy_of(std::span<T> x) {
    return {x.begin(), x.end()};
  }
  // p of all experts of a row.
  static std::vector<float> probabilities(Routing::Score score, std::span<const float> logits) {
    std::vector<float> p = copy_of(logits);
    if (score != Routing::Score::softmax) {
      for (float& v : p) v = routing_score(score, v);
      return p;
    }
    const float top = *std::ranges::max_element(p);
    double sum = 0;
    for (float& v : p) sum += v = std::exp(v - top);
    for (float& v : p) v = v / sum;
    return p;
  }
  // All ids, the largest score first, ties to the lower id, NaN last.
  static std::vector<int32_t> best_first(std::vector<float> score) {
    std::vector<int32_t> order(score.size());
    std::iota(order.begin(), order.end(), 0);
    for (float& v : score) v = std::isnan(v) ? -INFINITY : v;
    std::ranges::stable_sort(order, [&](int a, int b) { return score[a] > score[b]; });
    return order;
  }
  // Weights of the first k of `order` from their p.
  static void weigh(const Routing& how, std::span<const float> p, std::span<const int32_t> order,
                    std::span<float> weights) {
    float sum = 0;
    for (int j = 0; j < how.k; ++j) sum += p[order[j]];
    sum = how.renormalise ? std::max(sum, how.sum_least) : 1;
    for (int j = 0; j < how.k; ++j) weights[j] = p[order[j]] / sum * how.scale;
  }
  // Softmax weights in float64 from the logits.
  static void weigh_softmax(const Routing& how, std::span<const float> logits, std::span<const int32_t> order,
                            std::span<float> weights) {
    const float top = *std::ranges::max_element(logits);
    double all = 0, chosen = 0;
    for (const int32_t e : best_first(copy_of(logits))) all += std::exp(logits[e] - top);
    for (int j = 0; j < how.k; ++j) chosen += std::exp(logits[order[j]] - top);
    const double sum = how.renormalise ? std::max(chosen, how.sum_least * all) : all;
    for (int j = 0; j < how.k; ++j)
      weights[j] = static_cast<float>(std::exp(logits[order[j]] - top) / sum) * how.scale;
  }
  // The queries of one sequence, one by one; then stores the step's keys and values.
  static void attend(Tensor q, Tensor k, Tensor v, const StateView& ks, const StateView& vs, Attend how,
                     int seq, Tensor y) {
    const Span span = ks.sequences[seq];
    const int64_t H = q.shape[1], d = q.cols(), group = H / k.shape[1], dim = y.cols();
    const int64_t start = ks.length[seq],
                  from = how.window ? std::max<int64_t>(0, start - how.window + 1) : 0;
    const std::vector<float> keys = seen(ks, seq, k, from),
                             own = v ? seen(vs, seq, v, from) : std::vector<float>();
    const std::vector<float>& values = v ? own : keys;
    const int64_t wide = ks.width, value_wide = v ? vs.width : wide, value_step = v ? dim : d;
    std::vector<double> p(start + span.count - from);
    for (int64_t i = 0; i < span.count * H; ++i) {
      const int64_t t = i / H, h = i % H, row = (span.first + t) * H + h, off = h / group * d;
      const int64_t end = start + t + 1 - from,
                    first = how.window ? std::max<int64_t>(0, end - how.window) : 0;
      const double sink = how.sinks ? how.sinks[h] : -INFINITY;
      double top = sink;
      for (int64_t j = first; j < end; ++j)
        top = std::max(top, p[j] = how.scale * dot(q.row(row), {&keys[j * wide + off], size_t(d)}));
      double sum = how.sinks ? std::exp(sink - top) : 0;
      for (int64_t j = first; j < end; ++j) sum += p[j] = std::exp(p[j] - top);
      for (int64_t c = 0; c < dim; ++c) {
        double s = 0;
        for (int64_t j = first; j < end; ++j) s += p[j] * values[j * value_wide + h / group * value_step + c];
        y.row(row)[c] = s / sum;
      }
    }
    append(ks, seq, k);
    if (v) append(vs, seq, v);
  }

  std::deque<std::vector<std::byte>> arena_;
  Comm* comm_;
  const Rounding::Inputs inputs_;
};

}  // namespace

std::unique_ptr<Chip> make_ref_chip(Comm* comm, Rounding::Inputs inputs) {
  return std::make_unique<RefChip>(comm, inputs);
}

}  // namespace autark
