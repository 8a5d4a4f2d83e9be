#include "chips/cpu/cpu_chip.h"
#include <algorithm>
#include <cmath>
#include "chips/cpu/isa.h"
#include "chips/cpu/recorder.h"
#include "chips/cpu/topology.h"
#include "chips/cpu/v4_group.h"
#include "chips/cpu/verbs.h"

namespace autark {
namespace {

class CpuChip final : public Chip {
 public:
  CpuChip(const Kernels& kernels, int threads, const ChipOptions& o)
      : on_(kernels, threads, o.times, o.store),
        inputs_(o.inputs),
        eager_(o.eager),
        comm_(o.comm),
        v4_(make_cpu_v4(on_, *this, eager_)) {}

  const char* name() const override { return "cpu"; }
  Rounding::Inputs inputs() const override { return inputs_; }
  std::vector<std::pair<std::string, std::string>> kernels() const override {
    const Kernels& k = on_.kernels;
    const bool int8 = inputs_ == Rounding::Inputs::int8;
    const std::string threads =
        std::to_string(on_.team.size()) + (on_.team.size() == 1 ? " thread" : " threads");
    return {{"linear, moe (block formats)",
             int8 ? std::string(k.rounded_name) + ", int8 activations" : k.float_name},
            {"linear, moe (F32, F16, BF16)", k.float_name},
            {"linear (FP8, BF16) after official rounding", k.bf16_product ? k.bf16_name : k.float_name},
            {"attention", k.float_name},
            {"norms, rope, activations", k.isa},
            {"team", threads}};
  }

  Tensor scratch(Shape s, Format f) override { return {on_.step_memory.take(row_bytes(f, s.numel())), f, s}; }
  Tensor result(Shape s, Format f) override { return on_.tensor(s, f); }
  void reset() override {
    on_.reset();
    angles_.clear();
  }
  void wait() override {
    on_.play();
    angles_.clear();
  }
  Tensor carry(Tensor x) override { return ran(on_.carry(x)); }
  void host(const Operands& reads, const Operands& writes, std::function<void()> work) override {
    on_.add_host(reads, writes, std::move(work));
    forget_angles(writes);
    ran();
  }
  void each(int64_t count, const Operands& reads, const Operands& writes,
            std::function<void(int64_t)> work) override {
    if (count > 0) on_.add_each(count, reads, writes, std::move(work));
    forget_angles(writes);
    ran();
  }

  Tensor embedding(const Weight& table, Tensor ids, float scale) override;
  Tensor gather(Tensor x, Tensor ids) override;
  Tensor linear(Tensor x, const Weight& w, const Vector& bias) override {
    return ran(record_linear(on_, inputs_, x, w, bias));
  }
  Tensor grouped_linear(Tensor x, const Weight& w) override {
    if (official() && !official_groups(w)) return Chip::grouped_linear(x, w);
    return ran(record_grouped_linear(on_, inputs_, x, w));
  }
  Tensor rms_norm(Tensor x, const Vector& gain, float eps) override;
  Tensor rope(Tensor x, Tensor pos, const Rope& rope, bool inverse) override;
  Tensor attention(Tensor q, Tensor k, Tensor v, StateView ks, StateView vs, Attend how) override {
    const Tensor y = record_attention(on_, q, k, v, ks, vs, how);
    return ran(official() ? on_.official(y, Round::bf16) : y);
  }
  Tensor add(Tensor a, Tensor b) override;
  Tensor glu(Tensor gate, Tensor up, Act act, float limit) override;
  bool attends(Format record) const override { return attends_records(record); }
  Choice route(Tensor logits, const Vector& bias, Tensor fixed, const Routing& how, Tensor* margin) override {
    return ran(record_route(on_, logits, bias, fixed, how, margin));
  }
  Tensor moe(Tensor x, Choice to, const Weight& gate, const Weight& up, const Weight& down, Act act,
             float limit, const ExpertBiases& biases) override {
    return ran(record_moe(on_, inputs_, x, to, gate, up, down, act, limit, biases));
  }
  Tensor gated_delta_rule(Tensor qkv, Tensor a, Tensor b, const DeltaRule& rule, ReplayView memory) override {
    return ran(record_delta_rule(on_, qkv, a, b, rule, memory));
  }
  Tensor causal_conv(Tensor x, const Vector& taps, StateView before) override {
    return ran(record_causal_conv(on_, x, taps, before));
  }
  Comm* comm() const override { return comm_; }
  V4Ops& v4() override { return *v4_; }
  Tensor add_rms_norm(Tensor* x, Tensor y, const Vector& gain, float eps) override;
  Tensor ffn(Tensor x, const Weight& gate, const Weight& up, const Weight& down, Act act,
             float limit) override {
    if (official()) return Chip::ffn(x, gate, up, down, act, limit);
    return ran(record_ffn(on_, inputs_, x, gate, up, down, act, limit));
  }

 private:
  struct Angles {  // cosines and sines of one rope at the step's positions, [row][dims / 2] each
    Bytes positions;
    const Rope* rope;
    bool inverse;
    float *cosine, *sine;
  };

  void ran() {
    if (eager_) wait();
  }
  bool official() const { return inputs_ == Rounding::Inputs::official; }
  // Rounds n results of a verb as official code does, in official runs.
  auto finisher() const {
    return [round = official() ? on_.kernels.v4().round_bf16 : nullptr](float* y, int64_t n) {
      if (round) round(y, n, y);
    };
  }
  template <class T>
  T ran(T result) {
    ran();
    return result;
  }
  // Calls run(row) for each row; a chunk is a range of rows.
  template <class Run>
  void each_row(int64_t rows, std::initializer_list<Bytes> reads, std::initializer_list<Bytes> writes,
                Run run) {
    on_.add_rows(rows, reads, writes, [=](int64_t i, void*) { run(i); });
  }
  void forget_angles(const Operands& changed) {
    std::erase_if(angles_, [&](const Angles& a) {
      return std::ranges::any_of(changed, [&](const Operand& o) { return Bytes(o).overlaps(a.positions); });
    });
  }
  RoundedBlock** offer(Tensor y);
  Tensor head_norm(Tensor x, float eps);
  Angles angles(Tensor pos, const Rope& rope, bool inverse);

  Recorder on_;
  const Rounding::Inputs inputs_;
  const bool eager_;
  Comm* const comm_;
  const std::unique_ptr<V4Ops> v4_;
  std::vector<Angles> angles_;  // of this step, reused by all layers
};

Tensor CpuChip::embedding(const Weight& table, Tensor ids, float scale) {
  const bool whole = table.format == Format::i32;
  const int64_t n = table.cols();
  Tensor y = on_.tensor({ids.shape[0], n}, whole ? Format::i32 : Format::f32);
  const Weight w = table;
  each_row(ids.shape[0], {ids}, {y}, [=, ids = ids.i32()](int64_t i) {
    AUTARK_CHECK(ids[i] >= 0 && ids[i] < w.rows());
    if (whole) {
      std::memcpy(y.i32() + i * n, w.parts[0].codes + ids[i] * n * 4, n * 4);
    } else {
      decode_row(w, ids[i], y.row(i));
      for (float& v : y.row(i)) v *= scale;
    }
  });
  return ran(y);
}

Tensor CpuChip::gather(Tensor x, Tensor ids) {
  Shape s = x.shape;
  s.d[0] = ids.shape[0];
  Tensor y = on_.tensor(s, x.format);
  const int64_t bytes = 4 * s.numel() / std::max<int64_t>(1, s[0]), rows = x.shape[0];
  each_row(s[0], {x, ids}, {y}, [=, ids = ids.i32()](int64_t i) {
    AUTARK_CHECK(ids[i] >= 0 && ids[i] < rows);
    std::memcpy(static_cast<std::byte*>(y.data) + i * bytes,
                static_cast<const std::byte*>(x.data) + ids[i] * bytes, bytes);
  });
  return ran(y);
}

// A slot for the int8 form of y, which a product may request before the verb runs (Recorder::offer_rounding).
RoundedBlock** CpuChip::offer(Tensor y) {
  auto** slot = on_.step_memory.take_of<RoundedBlock*>(1);
  *slot = nullptr;
  if (y.cols() % kBlock == 0 && !eager_ && !official()) on_.offer_rounding(y, slot);
  return slot;
}

Tensor CpuChip::head_norm(Tensor x, float eps) {
  Tensor y = on_.tensor(x.shape);
  each_row(x.rows(), {x}, {y}, [=, norm = on_.kernels.v4().head_norm](int64_t i) {
    norm(x.f32() + i * x.cols(), x.cols(), eps, y.f32() + i * x.cols());
  });
  return ran(y);
}

Tensor CpuChip::rms_norm(Tensor x, const Vector& gain, float eps) {
  AUTARK_CHECK(!gain || x.cols() == gain.cols());
  Tensor y = on_.tensor(x.shape);
  const int64_t n = x.cols(), rows = x.rows();
  if (!gain && official()) return head_norm(x, eps);
  RoundedBlock** slot = offer(y);
  each_row(rows, {x}, {y},
           [=, on = &on_, finish = finisher(), x = x.f32(), g = gain.values, y = y.f32()](int64_t i) {
             on->kernels.rms_norm(x + i * n, g, eps, n, y + i * n);
             finish(y + i * n, n);
             on->round_if_asked(slot, y + i * n, i, rows, n);
           });
  return ran(y);
}

Tensor CpuChip::add_rms_norm(Tensor* x, Tensor y, const Vector& gain, float eps) {
  AUTARK_CHECK(x->shape == y.shape && (!gain || y.cols() == gain.cols()));
  if (official()) return Chip::add_rms_norm(x, y, gain, eps);
  Tensor sum = on_.tensor(y.shape), z = on_.tensor(y.shape);
  const int64_t n = y.cols(), rows = y.rows();
  RoundedBlock** slot = offer(z);
  each_row(rows, {*x, y}, {sum, z},
           [=, on = &on_, x = x->f32(), y = y.f32(), g = gain.values, s = sum.f32(), z = z.f32()](int64_t i) {
             on->kernels.add(x + i * n, y + i * n, n, s + i * n);
             on->kernels.rms_norm(s + i * n, g, eps, n, z + i * n);
             on->round_if_asked(slot, z + i * n, i, rows, n);
           });
  *x = sum;
  return ran(z);
}

// Finds or computes the table of a rope at these positions.
CpuChip::Angles CpuChip::angles(Tensor pos, const Rope& rope, bool inverse) {
  for (const Angles& a : angles_) {
    if (a.positions.begin == pos.data && a.rope == &rope && a.inverse == inverse) return a;
  }
  const int64_t rows = pos.shape[0], half = rope.dims() / 2;
  // All layers use them, so they must outlive carry().
  Tensor c = scratch({rows, half}, Format::f32), s = scratch({rows, half}, Format::f32);
  each_row(rows, {pos}, {c, s},
           [=, as = angle_as(inputs_), pos = pos.i32(), r = &rope, c = c.f32(), s = s.f32()](int64_t i) {
             for (int64_t j = 0; j < half; ++j) {
               const Rotation t = rotation(*r, j, pos[i], inverse, as);
               c[i * half + j] = t.cosine;
               s[i * half + j] = t.sine;
             }
           });
  return angles_.emplace_back(Angles{pos, &rope, inverse, c.f32(), s.f32()});
}

Tensor CpuChip::rope(Tensor x, Tensor pos, const Rope& rope, bool inverse) {
  AUTARK_CHECK(x.shape.rank == 3 && rope.dims() <= x.cols() && pos.shape[0] == x.shape[0]);
  Tensor y = on_.tensor(x.shape);
  const Angles a = angles(pos, rope, inverse);
  const int64_t heads = x.shape[1], dim = x.cols(), half = rope.dims() / 2;
  const int64_t at = rope.tail ? dim - rope.dims() : 0;
  const bool near = rope.pairing == Rope::Pairing::neighbours;
  const Tensor table{a.cosine, Format::f32, {x.shape[0], half}},
      table2{a.sine, Format::f32, {x.shape[0], half}};
  each_row(x.shape[0], {x, table, table2}, {y},
           [=, k = &on_.kernels, finish = finisher(), x = x.f32(), y = y.f32()](int64_t i) {
             for (int64_t h = i * heads; h < (i + 1) * heads; ++h) {
               if (2 * half < dim) std::memcpy(y + h * dim, x + h * dim, dim * 4);
               k->rotate(x + h * dim + at, a.cosine + i * half, a.sine + i * half, half, near,
                         y + h * dim + at);
               finish(y + h * dim, dim);
             }
           });
  return ran(y);
}

// Element-wise verbs are divided into pieces of this many values, a multiple of every vector width.
constexpr int64_t kPiece = 4096;

Tensor CpuChip::add(Tensor a, Tensor b) {
  AUTARK_CHECK(a.shape.numel() == b.shape.numel());
  Tensor y = on_.tensor(a.shape);
  const int64_t n = a.shape.numel();
  each_row((n + kPiece - 1) / kPiece, {a, b}, {y},
           [=, k = &on_.kernels, finish = finisher(), a = a.f32(), b = b.f32(), y = y.f32()](int64_t i) {
             const int64_t at = i * kPiece, count = std::min(kPiece, n - at);
             k->add(a + at, b + at, count, y + at);
             finish(y + at, count);
           });
  return ran(y);
}

Tensor CpuChip::glu(Tensor gate, Tensor up, Act act, float limit) {
  AUTARK_CHECK(gate.shape.numel() == up.shape.numel());
  Tensor y = on_.tensor(gate.shape);
  const int64_t n = gate.shape.numel();
  each_row((n + kPiece - 1) / kPiece, {gate, up}, {y},
           [=, k = &on_.kernels, finish = finisher(), g = gate.f32(), u = up.f32(), y = y.f32()](int64_t i) {
             const int64_t at = i * kPiece, count = std::min(kPiece, n - at);
             k->glu(g + at, u + at, count, gate_of(act), limit, y + at);
             finish(y + at, count);
           });
  return ran(y);
}

}  // namespace

Result<std::unique_ptr<Chip>> make_cpu_chip(const ChipOptions& o) {
  if (o.threads < 0 || o.threads > 4096)
    return Error{Code::invalid, "--threads must lie between 0 (one per core) and 4096"};
  AUTARK_TRY(const Kernels* kernels, kernels_for(o.isa));
  const int threads = o.threads ? o.threads : static_cast<int>(usable_cores().size());
  return std::unique_ptr<Chip>(std::make_unique<CpuChip>(*kernels, threads, o));
}

}  // namespace autark
