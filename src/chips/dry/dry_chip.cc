// A chip that computes nothing and counts the cost of every verb. The planner and `inspect` run the real
// model files on it, so their estimates always match the code.
#include <algorithm>
#include "chips/dry/dry_v4.h"
#include "chips/registry.h"
#include "chips/routing.h"
namespace autark {
namespace {
class DryChip final : public Chip {
 public:
  explicit DryChip(Cost* c) : c_(*c), v4_(c) {}
  const char* name() const override { return "dry"; }
  Tensor scratch(Shape s, Format f) override { return {nullptr, f, s}; }
  void reset() override {}
  void host(const Operands&, const Operands&, std::function<void()>) override {}
  Tensor upload(std::span<const int32_t> v) override { return {nullptr, Format::i32, {std::ssize(v)}}; }
  Tensor upload(std::span<const float>, Shape s) override { return {nullptr, Format::f32, s}; }
  Tensor embedding(const Weight& t, Tensor ids, float) override {
    Tensor y = out({ids.shape[0], t.cols()});
    if (t.format == Format::i32) y.format = Format::i32;
    return y;
  }
  Tensor gather(Tensor x, Tensor ids) override {
    Tensor y = x;
    y.shape.d[0] = ids.shape[0];
    ++c_.ops;
    return y;
  }
  Tensor linear(Tensor x, const Weight& w, const Vector&) override {
    AUTARK_CHECK(x.cols() == w.cols());
    count_product(w, x.rows());
    c_.weight_bytes += bytes_of(w);
    return out({x.rows(), w.rows()});
  }
  Tensor rms_norm(Tensor x, const Vector& gain, float) override {
    AUTARK_CHECK(!gain || gain.cols() == x.cols());
    if (gain) c_.weight_bytes += bytes_of(gain);
    return out(x.shape);
  }
  Tensor rope(Tensor x, Tensor, const Rope& r, bool) override {
    AUTARK_CHECK(r.dims() <= x.cols());
    return out(x.shape);
  }
  Tensor attention(Tensor q, Tensor k, Tensor v, StateView ks, StateView vs, Attend how) override {
    const int64_t dim = value_dim(k, v, how);
    const double per_row = 2.0 * q.shape[1] * (q.cols() + dim);
    for (size_t s = 0; s < ks.sequences.size(); ++s) {
      const int64_t rows = ks.sequences[s].count, all = ks.length[s] + rows;
      const int64_t n = how.window ? std::min<int64_t>(all, how.window) : all;
      c_.flops += per_row * rows * n;
      c_.kv_bytes += n * (row_bytes(ks.stored, ks.width) + (v ? row_bytes(vs.stored, vs.width) : 0));
    }
    for (const StateView* r : {&ks, &vs})
      if (r->width && std::ranges::count(c_.attended, r->stored) == 0) c_.attended.push_back(r->stored);
    return out({q.shape[0], q.shape[1], dim});
  }
  V4Ops& v4() override { return v4_; }
  Tensor add(Tensor a, Tensor) override { return out(a.shape); }
  Tensor glu(Tensor g, Tensor, Act, float) override { return out(g.shape); }
  Choice route(Tensor logits, const Vector& bias, Tensor fixed, const Routing& how, Tensor*) override {
    check_routing(how, logits, bias, fixed);
    if (bias) c_.weight_bytes += bytes_of(bias);
    return {{nullptr, Format::i32, {logits.rows(), how.k}}, out({logits.rows(), how.k})};
  }
  // Each row multiplies S by k and by q, and adds an outer product to it; S is read once a sequence and step.
  Tensor gated_delta_rule(Tensor qkv, Tensor, Tensor, const DeltaRule& rule, ReplayView memory) override {
    c_.flops += 6.0 * qkv.rows() * delta_state_values(rule);
    c_.kv_bytes += 4.0 * std::ssize(memory.state.sequences) * delta_state_values(rule);
    return out({qkv.rows(), rule.value_heads * rule.value_dim});
  }
  Tensor causal_conv(Tensor x, const Vector& taps, StateView) override {
    c_.flops += 2.0 * x.rows() * taps.size();
    c_.weight_bytes += bytes_of(taps);
    return out(x.shape);
  }
  Tensor grouped_linear(Tensor x, const Weight& w) override {
    AUTARK_CHECK(x.cols() == w.shape[0] * w.cols());
    count_product(w, x.rows());
    c_.weight_bytes += bytes_of(w);
    return out({x.rows(), w.shape[0] * w.rows()});
  }
  Tensor moe(Tensor x, Choice to, const Weight& gate, const Weight& up, const Weight& down, Act, float,
             const ExpertBiases&) override {
    for (const Weight* w : {&gate, &up, &down}) {
      const double experts = double(w->shape[0]), chosen = double(to.ids.shape.numel());
      count_product(*w, chosen / experts);
      c_.weight_bytes += distinct(x.rows(), double(to.ids.cols()), experts) / experts * bytes_of(*w);
    }
    return out(x.shape);
  }

 private:
  // Each value of w is used by `rows` rows.
  void count_product(const Weight& w, double rows) {
    const double flops = 2.0 * rows * w.shape.numel();
    c_.flops += flops;
    c_.product_flops[w.format] += flops;
  }
  // How many of `all` experts are chosen at least once when each row chooses `k`, whatever the others do.
  static double distinct(int64_t rows, double k, double all) {
    double n = 0;
    for (int64_t i = 0; i < rows; ++i) n += k * (1 - n / all);
    return n;
  }
  Tensor out(Shape s) {
    ++c_.ops;
    return {nullptr, Format::f32, s};
  }
  Cost& c_;
  DryV4 v4_;
};
}  // namespace
std::unique_ptr<Chip> make_dry_chip(Cost* c) {
  return std::make_unique<DryChip>(c);
}
}  // namespace autark
