// Chip: the operations that models use. A chip must implement the required group; the other verbs have
// default bodies written with that group and host(), so a new chip runs every model before it is fast.
//
// Verbs are asynchronous: they run at once or record themselves, and results are valid after wait(). Shapes,
// spans and lengths are known at once but values are not, so a model file cannot branch on data. Arguments
// taken by reference belong to the model and outlive the chip's use of them; what a StateView points to must
// stay until wait(). A chip is used by one thread.
//
// A tensor is in the chip's memory, and so is the state of sequences. Values get there by upload(), by a
// verb, or as a Weight or a Vector; read() returns them. Other code must not follow a tensor's address,
// with one exception: work that host() or each() runs may use the operands that it declares, at their
// addresses. A chip whose memory the processor cannot address hands out addresses of a mirror and copies
// the declared operands.
#pragma once
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>
#include "chips/operand.h"
#include "chips/rope.h"
#include "chips/state_view.h"
#include "tensor/rounding.h"
#include "tensor/vector.h"
#include "tensor/weight.h"

namespace autark {

class Comm;   // cluster/comm.h
class V4Ops;  // chips/v4_ops.h: verbs only DeepSeek-V4-style models use

// Settings of attention().
struct Attend {
  float scale = 0;        // logits are scale · q·k
  int window = 0;         // positions that a query sees, including its own; 0: all
  int64_t value_dim = 0;  // channels of a value head; 0: those of v, or of a key head without v
  Vector sinks = {};      // [heads]: one more logit of each query head, whose value is 0; empty: none
};
// Channels of a value head of attention().
inline int64_t value_dim(const Tensor& k, const Tensor& v, const Attend& how) {
  return how.value_dim ? how.value_dim : (v ? v : k).cols();
}
// How the logits of a router become a choice of experts and their weights; see Chip::route.
struct Routing {
  enum class Score : uint8_t { softmax, sigmoid, sqrt_softplus };
  Score score = Score::softmax;
  int k = 0;                 // experts per row
  int groups = 1;            // groups of equally many consecutive experts
  int groups_kept = 1;       // groups that a row chooses from
  bool renormalise = false;  // divide the weights of a row by their sum, before `scale`
  float scale = 1;
  float sum_least = 0;  // least divisor of renormalise
};
struct Choice {  // the result of route: [rows, k] i32 and f32
  Tensor ids, weights;
};
// Biases of the products of experts, [experts, outputs] each; empty: none.
struct ExpertBiases {
  Vector gate, up, down;
};
// The activation of a gated feed-forward; gelu_tanh is the tanh approximation. quick_gelu_up1 is gpt-oss's:
// x σ(1.702 x), and up + 1 takes the place of up.
enum class Act : uint8_t { silu, gelu_tanh, sigmoid, quick_gelu_up1 };
// A recurrent layer with the gated delta rule; see Chip::gated_delta_rule.
struct DeltaRule {
  int64_t key_heads = 0, value_heads = 0;  // a multiple of key_heads
  int64_t key_dim = 0, value_dim = 0;      // channels of a head
  Vector decay, dt_bias;                   // [value_heads]: −exp(A_log), and what is added to `a`
  // Value head h belongs to key head h mod key_heads; if false, to h / (value_heads / key_heads).
  bool tiled = false;
};
// Tokens of a block of gated_delta_rule. Blocks begin at multiples of it in the sequence.
inline constexpr int64_t kDeltaBlock = 64;
inline constexpr int64_t kDeltaDimMax = 512;  // channels of its heads
// Values of a row of gated_delta_rule's input stream, and of its state.
inline int64_t delta_input_values(const DeltaRule& d) {
  return d.key_heads * d.key_dim + d.value_heads * (d.value_dim + 1);
}
inline int64_t delta_state_values(const DeltaRule& d) {
  return d.value_heads * d.key_dim * d.value_dim;
}

// A block of a chip's memory for state. It is freed when destroyed and null if there was not enough memory.
using StateMemory = std::unique_ptr<std::byte, std::function<void(std::byte*)>>;

class Chip {
 public:
  Chip();
  virtual ~Chip();
  // The name that make_chip takes.
  virtual const char* name() const = 0;
  // The implementation of each verb group, as start-up and doctor print it: {"linear q4_k", "avx512-vnni"} ….
  virtual std::vector<std::pair<std::string, std::string>> kernels() const { return {{"all verbs", name()}}; }

  // --- memory and time ----------------------------------------------------
  // Uninitialised memory for a tensor: scratch() lasts until reset(), result() until carry() or reset().
  virtual Tensor scratch(Shape s, Format f = Format::f32) = 0;
  virtual Tensor result(Shape s, Format f = Format::f32) { return scratch(s, f); }
  // Frees all tensors. REQUIRES: wait() was called since the last verb, or the results are not needed.
  virtual void reset() = 0;
  // Runs all recorded verbs. Results and state are valid afterwards.
  virtual void wait() {}
  // Returns x in memory that stays valid until the next carry() or reset(). The memory of all other results
  // may be reused afterwards; scratch() stays. Models call it between layers, so a step needs the memory of
  // one layer.
  virtual Tensor carry(Tensor x) { return x; }
  // Runs `work` on the host, in order with the verbs; composite verbs are written with it. `reads` and
  // `writes` are all tensors and state that it touches. What it overwrites only in part must be in both.
  virtual void host(const Operands& /*reads*/, const Operands& /*writes*/, std::function<void()> work) {
    work();
  }
  // The same for work(0) … work(count − 1), which are independent of each other and may run at the same time.
  virtual void each(int64_t count, const Operands& reads, const Operands& writes,
                    std::function<void(int64_t)> work) {
    host(reads, writes, [count, work = std::move(work)] {
      for (int64_t i = 0; i < count; ++i) work(i);
    });
  }

  // --- to and from the host -----------------------------------------------
  // Copies host values to the chip's memory, valid until reset(). The host values are read before it returns.
  virtual Tensor upload(std::span<const int32_t> values);
  virtual Tensor upload(std::span<const float> values, Shape s);
  // Values of an f32 or i32 tensor, valid as long as the tensor; empty for an empty tensor.
  // REQUIRES: wait() was called since the tensor's verb.
  virtual std::span<const float> read(Tensor x);
  virtual std::span<const int32_t> read_ids(Tensor x);
  // Memory for the state of sequences, to which Rows point. The chip must outlive it. Pages that are never
  // written cost no memory.
  virtual StateMemory state_memory(int64_t bytes);
  // Copy state to the host and back. REQUIRES: wait() was called since the last verb.
  virtual void copy_out(const std::byte* state, std::span<std::byte> to);
  virtual void copy_in(std::span<const std::byte> from, std::byte* state);

  // How this chip rounds. official: products round as their Weight says, and norms, rope, attention, add and
  // glu round their results to bf16.
  virtual Rounding::Inputs inputs() const { return Rounding::Inputs::f32; }

  // --- required -----------------------------------------------------------
  // scale · table[ids], for a table of any weight format. Rows of an i32 table are copied unscaled.
  virtual Tensor embedding(const Weight& table, Tensor ids, float scale = 1) = 0;
  virtual Tensor gather(Tensor x, Tensor ids) = 0;  // x[ids] along the first dimension; x is f32 or i32
  virtual Tensor linear(Tensor x, const Weight& w, const Vector& bias = {}) = 0;  // x wᵀ + bias
  virtual Tensor rms_norm(Tensor x, const Vector& gain, float eps) = 0;           // empty gain: all ones
  // Rotates the heads of x [tokens, heads, dim] to positions pos [tokens]; `inverse` rotates back.
  virtual Tensor rope(Tensor x, Tensor pos, const Rope& rope, bool inverse = false) = 0;
  // q [tokens, heads, dim], k [tokens, key heads, dim], v [tokens, key heads, value_dim]; the result is
  // [tokens, heads, value_dim]. Consecutive query heads share a key head. Without v and vs (both empty)
  // the values are the first value_dim channels of each key head. Extends the streams by k and v;
  // state_view.h has the contract.
  virtual Tensor attention(Tensor q, Tensor k, Tensor v, StateView ks, StateView vs, Attend how) = 0;
  // Whether attention() can read rows stored as `record`.
  virtual bool attends(Format /*record*/) const { return true; }
  virtual Tensor add(Tensor a, Tensor b) = 0;
  // act(gate) · up. A limit > 0 clamps first: gate from above only, up on both sides.
  virtual Tensor glu(Tensor gate, Tensor up, Act act = Act::silu, float limit = 0) = 0;
  // With p = score(logits), [rows, experts], a row chooses the k experts with the largest p + bias, ties to
  // the lower id; `fixed` [rows, k], if not empty, replaces the choice. weights = scale · p of the chosen
  // experts, divided by their sum with renormalise. With groups, only the groups_kept groups whose two
  // largest p + bias have the largest sums take part. Softmax without bias and groups compares the logits,
  // whose order is the same. `margin`, if not null, becomes [rows]: the compared value of the last chosen
  // expert minus that of the next one; ∞ if there is no next one or the choice is fixed.
  virtual Choice route(Tensor logits, const Vector& bias, Tensor fixed, const Routing& how,
                       Tensor* margin = nullptr) = 0;
  // Σ_j weights_j · down_e glu(gate_e x, up_e x), e = ids_j. The weights are stacks [experts, out, in]; biases
  // are added to the products.
  virtual Tensor moe(Tensor x, Choice to, const Weight& gate, const Weight& up, const Weight& down,
                     Act act = Act::silu, float limit = 0, const ExpertBiases& biases = {}) = 0;

  // --- tensor-parallel group ----------------------------------------------
  // The tensor-parallel group and this chip's rank in it; null if the chip is alone. Not owned.
  virtual Comm* comm() const { return nullptr; }
  // Adds x over all ranks, in place.
  virtual Tensor all_sum(Tensor x);
  // All ranks' columns side by side in the order of ranks, [rows, cols]; x itself if it has `cols` columns.
  virtual Tensor all_gather(Tensor x, int64_t cols);

  // --- fused, optional ----------------------------------------------------
  // *x becomes *x + y; returns its norm.
  virtual Tensor add_rms_norm(Tensor* x, Tensor y, const Vector& gain, float eps) {
    *x = add(*x, y);
    return rms_norm(*x, gain, eps);
  }
  // w [groups, out, in]: w_g x_g for each group, side by side. x_g are the g-th `in` channels of x.
  virtual Tensor grouped_linear(Tensor x, const Weight& w);
  // down · glu(gate x, up x): the feed-forward of a dense layer or of one expert.
  virtual Tensor ffn(Tensor x, const Weight& gate, const Weight& up, const Weight& down, Act act = Act::silu,
                     float limit = 0) {
    return linear(glu(linear(x, gate), linear(x, up), act, limit), down);
  }

  // The parts side by side in the last dimension; their other dimensions are equal.
  virtual Tensor concat(std::span<const Tensor> parts);
  // Channels [first, first + count) of the last dimension.
  virtual Tensor slice(Tensor x, int64_t first, int64_t count);

  // --- recurrent layers ---------------------------------------------------
  // A causal convolution of each channel, then silu: y_t = silu(Σ_j taps[c][j] x_{t − T + 1 + j}) for taps
  // [channels, T]; x is 0 before the sequence. `before` is a ring of T − 1 rows of x, which this extends.
  virtual Tensor causal_conv(Tensor x, const Vector& taps, StateView before);
  // qkv [rows, 2 · key_heads · key_dim + value_heads · value_dim]: q of all heads, k, v. a and b are [rows,
  // value_heads]. With q and k divided by their lengths (√(Σ x² + 1e-6)) and q by √key_dim, each value head
  // has a matrix S [key_dim, value_dim], 0 at the start, and
  //   S ← e^g S,  S ← S + k ⊗ u,  u = σ(b) (v − Sᵀ k),  o = Sᵀ q,   g = decay · softplus(a + dt_bias)
  // The result is o, [rows, value_heads · value_dim].
  //
  // `state` is S after the last whole block of kDeltaBlock tokens among `settled`, one row of
  // delta_state_values(); `inputs` is a ring of kDeltaBlock rows of delta_input_values(): k of each key head, u
  // of each value head, and the sum of g since the block began. Both are f32. A token's result is computed from
  // S at the start of its block and the inputs of the block, so the bits do not depend on how a prompt is cut.
  virtual Tensor gated_delta_rule(Tensor qkv, Tensor a, Tensor b, const DeltaRule& rule, ReplayView memory);

  // --- verb groups of one model family ------------------------------------
  virtual V4Ops& v4();  // the default is the composite of v4_composite.cc

 private:
  std::unique_ptr<V4Ops> composite_v4_;
};

}  // namespace autark
