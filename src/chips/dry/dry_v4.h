// The V4 verbs, counted: the bytes that index and attention read are those of the stored records.
#pragma once
#include <algorithm>
#include "chips/registry.h"
#include "chips/v4_ops.h"

namespace autark {

class DryV4 final : public V4Ops {
 public:
  explicit DryV4(Cost* c) : c_(*c) {}
  Tensor hc_spread(Tensor x, int n) override { return out({x.rows(), n, x.cols()}); }
  Mix hc_mix(Tensor x, const Weight& fn, const Vector& scale, const Vector& base, float, float,
             int) override {
    const int64_t n = x.shape[1];
    AUTARK_CHECK(fn.cols() == n * x.shape[2]);
    count(x.shape[0], fn);
    c_.weight_bytes += bytes_of(scale) + bytes_of(base);
    return {out({x.shape[0], n}), out({x.shape[0], n}), out({x.shape[0], n, n})};
  }
  Tensor hc_pre(Tensor x, Tensor) override { return out({x.shape[0], x.shape[2]}); }
  Tensor hc_read(Tensor x, const MixParameters& of, const Vector& gain, Mix* mix) override {
    *mix = hc_mix(x, of.fn, of.scale, of.base, of.norm_eps, of.eps, of.sinkhorn_iters);
    AUTARK_CHECK(gain.cols() == x.cols());
    c_.weight_bytes += bytes_of(gain);
    return out({x.shape[0], x.cols()});
  }
  Tensor hc_post(Tensor y, Tensor x, Tensor, Tensor) override {
    AUTARK_CHECK(y.cols() == x.cols());
    return out(x.shape);
  }
  void pool(Tensor kv, Tensor gate, const Pool& how, BlockView into) override {
    AUTARK_CHECK(kv.cols() == gate.cols() && kv.cols() == how.ape.cols());
    AUTARK_CHECK(into.rows.width == how.norm.cols() && into.tail.width == 2 * kv.cols());
    c_.weight_bytes += bytes_of(how.ape) + bytes_of(how.norm);
    ++c_.ops;
  }
  Tensor hadamard(Tensor x) override { return out(x.shape); }
  Tensor quantise(Tensor x, Format) override { return out(x.shape); }
  Tensor index_top_k(Tensor q, Tensor w, BlockView keys, int k, Tensor*) override {
    AUTARK_CHECK(q.shape[1] == w.cols() && q.cols() == keys.rows.width);
    const StateView& r = keys.rows;
    for (size_t s = 0; s < r.sequences.size(); ++s) {
      const double n = (r.length[s] + r.sequences[s].count) / r.tokens_per_row;
      c_.flops += 2.0 * q.shape[1] * q.cols() * r.sequences[s].count * n;
      c_.kv_bytes += n * row_bytes(r.stored, r.width);
    }
    return {nullptr, Format::i32, {q.shape[0], k}};
  }
  Tensor sparse_attention(Tensor q, Tensor, StateView window, BlockView far, Tensor picks,
                          const Vector& sink) override {
    AUTARK_CHECK(q.shape[1] == sink.size() && q.cols() == window.width);
    c_.weight_bytes += bytes_of(sink);
    for (size_t s = 0; s < window.sequences.size(); ++s) {
      const int64_t rows = window.sequences[s].count, all = window.length[s] + rows;
      const int64_t near = std::min<int64_t>(all, window.window_rows),
                    old = far.rows.width ? all / far.rows.tokens_per_row : 0;
      const double n = near + (picks ? std::min(old, picks.cols()) : old);
      c_.flops += 4.0 * q.shape[1] * q.cols() * rows * n;
      c_.kv_bytes += near * row_bytes(window.stored, window.width);
      if (old) c_.kv_bytes += (n - near) * row_bytes(far.rows.stored, far.rows.width);
    }
    return out(q.shape);
  }
  Tensor block_attention(Tensor q, Tensor, StateView window, const Vector& sink) override {
    AUTARK_CHECK(q.shape[1] == sink.size() && q.cols() == window.width);
    c_.weight_bytes += bytes_of(sink);
    for (size_t s = 0; s < window.sequences.size(); ++s) {
      const int64_t rows = window.sequences[s].count,
                    near = std::min<int64_t>(window.length[s], window.window_rows);
      c_.flops += 4.0 * q.shape[1] * q.cols() * rows * (near + rows);
      c_.kv_bytes += near * row_bytes(window.stored, window.width);
    }
    return out(q.shape);
  }
  void extend(StateView, Tensor) override { ++c_.ops; }

 private:
  void count(int64_t rows, const Weight& w) {
    c_.flops += 2.0 * rows * w.shape.numel();
    c_.weight_bytes += bytes_of(w);
  }
  Tensor out(Shape s) {
    ++c_.ops;
    return {nullptr, Format::f32, s};
  }
  Cost& c_;
};

}  // namespace autark
