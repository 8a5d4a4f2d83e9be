#include "chips/cpu/v4_group.h"
#include "chips/cpu/v4_verbs.h"

namespace autark {
namespace {

class CpuV4 final : public V4Ops {
 public:
  CpuV4(Recorder& on, Chip& chip, bool eager) : on_(on), chip_(chip), eager_(eager) {}

  Tensor hc_spread(Tensor x, int copies) override { return ran(record_hc_spread(on_, x, copies)); }
  Mix hc_mix(Tensor x, const Weight& fn, const Vector& scale, const Vector& base, float norm_eps, float eps,
             int sinkhorn_iters) override {
    return ran(record_hc_mix(on_, x, {fn, scale, base, norm_eps, eps, sinkhorn_iters}));
  }
  Tensor hc_read(Tensor x, const MixParameters& of, const Vector& gain, Mix* mix) override {
    return ran(record_hc_read(on_, official(), eager_, x, of, gain, mix));
  }
  Tensor hc_pre(Tensor x, Tensor pre) override { return ran(record_hc_pre(on_, official(), x, pre)); }
  Tensor hc_post(Tensor y, Tensor x, Tensor post, Tensor comb) override {
    return ran(record_hc_post(on_, official(), y, x, post, comb));
  }
  void pool(Tensor kv, Tensor gate, const Pool& how, BlockView into) override {
    record_pool(on_, official(), kv, gate, how, into);
    ran();
  }
  Tensor hadamard(Tensor x) override { return ran(record_hadamard(on_, official(), x)); }
  Tensor quantise(Tensor x, Format f) override { return ran(record_quantise(on_, x, f)); }
  Tensor index_top_k(Tensor q, Tensor head_weights, BlockView keys, int k, Tensor* scores) override {
    return ran(record_index_top_k(on_, official(), q, head_weights, keys, k, scores));
  }
  Tensor sparse_attention(Tensor q, Tensor kv, StateView window, BlockView far, Tensor picks,
                          const Vector& sink) override {
    return ran(record_sparse_attention(on_, official(), q, kv, window, far, picks, sink));
  }
  Tensor block_attention(Tensor q, Tensor kv, StateView window, const Vector& sink) override {
    return ran(record_block_attention(on_, q, kv, window, sink));
  }
  void extend(StateView window, Tensor kv) override {
    record_extend(on_, window, kv);
    ran();
  }

 private:
  bool official() const { return chip_.inputs() == Rounding::Inputs::official; }
  void ran() {
    if (eager_) chip_.wait();
  }
  template <class T>
  T ran(T result) {
    ran();
    return result;
  }

  Recorder& on_;
  Chip& chip_;
  const bool eager_;
};

}  // namespace

std::unique_ptr<V4Ops> make_cpu_v4(Recorder& on, Chip& chip, bool eager) {
  return std::make_unique<CpuV4>(on, chip, eager);
}

}  // namespace autark
