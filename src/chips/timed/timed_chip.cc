#include "chips/timed/timed_chip.h"
#include "chips/v4_ops.h"

namespace autark {
namespace {

// The group of one verb, for as long as the verb is being asked for.
class Within {
 public:
  Within(VerbTimes& times, VerbGroup group) : times_(times) { times_.now = group; }
  ~Within() { times_.now = VerbGroup::other; }
  Within(const Within&) = delete;
  Within& operator=(const Within&) = delete;

 private:
  VerbTimes& times_;
};

class TimedV4 final : public V4Ops {
 public:
  TimedV4(V4Ops& on, VerbTimes& times) : on_(on), times_(times) {}

  Tensor hc_spread(Tensor x, int copies) override {
    const Within g(times_, VerbGroup::hyper_connections);
    return on_.hc_spread(x, copies);
  }
  Mix hc_mix(Tensor x, const Weight& fn, const Vector& scale, const Vector& base, float norm_eps, float eps,
             int sinkhorn_iters) override {
    const Within g(times_, VerbGroup::hyper_connections);
    return on_.hc_mix(x, fn, scale, base, norm_eps, eps, sinkhorn_iters);
  }
  Tensor hc_pre(Tensor x, Tensor pre) override {
    const Within g(times_, VerbGroup::hyper_connections);
    return on_.hc_pre(x, pre);
  }
  Tensor hc_read(Tensor x, const MixParameters& of, const Vector& gain, Mix* mix) override {
    const Within g(times_, VerbGroup::hyper_connections);
    return on_.hc_read(x, of, gain, mix);
  }
  Tensor hc_post(Tensor y, Tensor x, Tensor post, Tensor comb) override {
    const Within g(times_, VerbGroup::hyper_connections);
    return on_.hc_post(y, x, post, comb);
  }
  void pool(Tensor kv, Tensor gate, const Pool& how, BlockView into) override {
    const Within g(times_, VerbGroup::attention);
    on_.pool(kv, gate, how, into);
  }
  Tensor hadamard(Tensor x) override {
    const Within g(times_, VerbGroup::attention);
    return on_.hadamard(x);
  }
  Tensor quantise(Tensor x, Format f) override {
    const Within g(times_, VerbGroup::attention);
    return on_.quantise(x, f);
  }
  Tensor index_top_k(Tensor q, Tensor head_weights, BlockView keys, int k, Tensor* scores) override {
    const Within g(times_, VerbGroup::attention);
    return on_.index_top_k(q, head_weights, keys, k, scores);
  }
  Tensor sparse_attention(Tensor q, Tensor kv, StateView window, BlockView far, Tensor picks,
                          const Vector& sink) override {
    const Within g(times_, VerbGroup::attention);
    return on_.sparse_attention(q, kv, window, far, picks, sink);
  }
  Tensor block_attention(Tensor q, Tensor kv, StateView window, const Vector& sink) override {
    const Within g(times_, VerbGroup::attention);
    return on_.block_attention(q, kv, window, sink);
  }
  void extend(StateView window, Tensor kv) override {
    const Within g(times_, VerbGroup::attention);
    on_.extend(window, kv);
  }

 private:
  V4Ops& on_;
  VerbTimes& times_;
};

class TimedChip final : public Chip {
 public:
  TimedChip(std::unique_ptr<Chip> on, VerbTimes& times)
      : on_(std::move(on)), times_(times), v4_(on_->v4(), times) {}

  const char* name() const override { return on_->name(); }
  std::vector<std::pair<std::string, std::string>> kernels() const override { return on_->kernels(); }
  Tensor scratch(Shape s, Format f) override { return on_->scratch(s, f); }
  Tensor result(Shape s, Format f) override { return on_->result(s, f); }
  void reset() override { on_->reset(); }
  void wait() override { on_->wait(); }
  Tensor carry(Tensor x) override { return on_->carry(x); }
  void host(const Operands& reads, const Operands& writes, std::function<void()> work) override {
    on_->host(reads, writes, std::move(work));
  }
  void each(int64_t count, const Operands& reads, const Operands& writes,
            std::function<void(int64_t)> work) override {
    on_->each(count, reads, writes, std::move(work));
  }
  Tensor upload(std::span<const int32_t> values) override { return on_->upload(values); }
  Tensor upload(std::span<const float> values, Shape s) override { return on_->upload(values, s); }
  std::span<const float> read(Tensor x) override { return on_->read(x); }
  std::span<const int32_t> read_ids(Tensor x) override { return on_->read_ids(x); }
  StateMemory state_memory(int64_t bytes) override { return on_->state_memory(bytes); }
  void copy_out(const std::byte* state, std::span<std::byte> to) override { on_->copy_out(state, to); }
  void copy_in(std::span<const std::byte> from, std::byte* state) override { on_->copy_in(from, state); }
  Rounding::Inputs inputs() const override { return on_->inputs(); }
  bool attends(Format record) const override { return on_->attends(record); }

  Tensor embedding(const Weight& table, Tensor ids, float scale) override {
    return on_->embedding(table, ids, scale);
  }
  Tensor gather(Tensor x, Tensor ids) override { return on_->gather(x, ids); }
  Tensor rms_norm(Tensor x, const Vector& gain, float eps) override { return on_->rms_norm(x, gain, eps); }
  Tensor rope(Tensor x, Tensor pos, const Rope& rope, bool inverse) override {
    return on_->rope(x, pos, rope, inverse);
  }
  Tensor add(Tensor a, Tensor b) override { return on_->add(a, b); }
  Tensor glu(Tensor gate, Tensor up, Act act, float limit) override { return on_->glu(gate, up, act, limit); }
  Tensor add_rms_norm(Tensor* x, Tensor y, const Vector& gain, float eps) override {
    return on_->add_rms_norm(x, y, gain, eps);
  }
  Tensor concat(std::span<const Tensor> parts) override { return on_->concat(parts); }
  Tensor slice(Tensor x, int64_t first, int64_t count) override { return on_->slice(x, first, count); }
  Comm* comm() const override { return on_->comm(); }
  Tensor all_sum(Tensor x) override { return on_->all_sum(x); }
  Tensor all_gather(Tensor x, int64_t cols) override { return on_->all_gather(x, cols); }
  V4Ops& v4() override { return v4_; }

  Tensor linear(Tensor x, const Weight& w, const Vector& bias) override {
    const bool head = times_.head_rows > 0 && w.rows() == times_.head_rows;
    const Within g(times_, head ? VerbGroup::head : VerbGroup::dense);
    return on_->linear(x, w, bias);
  }
  Tensor grouped_linear(Tensor x, const Weight& w) override {
    const Within g(times_, VerbGroup::dense);
    return on_->grouped_linear(x, w);
  }
  Tensor ffn(Tensor x, const Weight& gate, const Weight& up, const Weight& down, Act act,
             float limit) override {
    const Within g(times_, VerbGroup::dense);
    return on_->ffn(x, gate, up, down, act, limit);
  }
  Tensor attention(Tensor q, Tensor k, Tensor v, StateView ks, StateView vs, Attend how) override {
    const Within g(times_, VerbGroup::attention);
    return on_->attention(q, k, v, ks, vs, how);
  }
  Tensor causal_conv(Tensor x, const Vector& taps, StateView before) override {
    const Within g(times_, VerbGroup::attention);
    return on_->causal_conv(x, taps, before);
  }
  Tensor gated_delta_rule(Tensor qkv, Tensor a, Tensor b, const DeltaRule& rule, ReplayView memory) override {
    const Within g(times_, VerbGroup::attention);
    return on_->gated_delta_rule(qkv, a, b, rule, memory);
  }
  Choice route(Tensor logits, const Vector& bias, Tensor fixed, const Routing& how, Tensor* margin) override {
    const Within g(times_, VerbGroup::routing);
    return on_->route(logits, bias, fixed, how, margin);
  }
  Tensor moe(Tensor x, Choice to, const Weight& gate, const Weight& up, const Weight& down, Act act,
             float limit, const ExpertBiases& biases) override {
    const Within g(times_, VerbGroup::experts);
    return on_->moe(x, to, gate, up, down, act, limit, biases);
  }

 private:
  std::unique_ptr<Chip> on_;
  VerbTimes& times_;
  TimedV4 v4_;
};

}  // namespace

std::unique_ptr<Chip> make_timed_chip(std::unique_ptr<Chip> chip, VerbTimes& times) {
  return std::make_unique<TimedChip>(std::move(chip), times);
}

}  // namespace autark
