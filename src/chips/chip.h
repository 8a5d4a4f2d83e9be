// Chip: what a model may ask of hardware. The required group must be implemented by every chip; the rest
// has a default body written with it and host(), so a new chip runs every model before it is fast.
//
// Verbs are asynchronous: they may run now or record themselves; results are valid after wait(). Shapes,
// spans and lengths are known at once, values never are, so a model file cannot branch on data. What a
// verb takes by reference belongs to the model; what Rows point to stays until wait().
//
// A tensor lives in the chip's memory, and so does the state of sequences. Values get there by upload(), by a
// verb, or as a Weight or a Vector, and come back by read(). Other code must not follow a tensor's address,
// with one exception: work that host() or each() runs may use the operands that it names, at their addresses.
// A chip whose memory the processor cannot address gives out addresses of a mirror and copies the named
// operands.
#pragma once
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>
#include "chips/operand.h"
#include "chips/rope.h"
#include "chips/rows.h"
#include "tensor/rounding.h"
#include "tensor/vector.h"
#include "tensor/weight.h"

namespace autark {

class Comm;   // cluster/comm.h
class V4Ops;  // chips/v4_ops.h: verbs only DeepSeek-V4-style models use

struct Attend {
  float scale = 0;
  int window = 0;         // positions a query sees, its own included; 0: all
  int64_t value_dim = 0;  // channels of a value head; 0: as many as v has, or as a key head
};
// Channels of a value head of attention().
inline int64_t value_dim(const Tensor& k, const Tensor& v, const Attend& how) {
  return how.value_dim ? how.value_dim : (v ? v : k).cols();
}
// How a router's logits become a choice of experts and their weights; see Chip::route.
struct Routing {
  enum class Score : uint8_t { softmax, sigmoid, sqrt_softplus };
  Score score = Score::softmax;
  int k = 0;                 // experts a row
  int groups = 1;            // of equally many consecutive experts
  int groups_kept = 1;       // how many groups a row chooses from
  bool renormalise = false;  // the weights of a row sum to `scale`
  float scale = 1;
  float sum_least = 0;  // renormalise divides by no less than this
};
struct Choice {  // of route, for each row
  Tensor ids, weights;
};
enum class Act : uint8_t { silu, gelu_tanh };

// A block of a chip's memory for state, given back when destroyed; null when there was no room.
using StateMemory = std::unique_ptr<std::byte, std::function<void(std::byte*)>>;

class Chip {
 public:
  Chip();
  virtual ~Chip();
  virtual const char* name() const = 0;
  // What serves each verb group: {"linear q4_k", "avx512-vnni"} …; start-up and doctor print it.
  virtual std::vector<std::pair<std::string, std::string>> kernels() const { return {{"all verbs", name()}}; }

  // --- memory and time ----------------------------------------------------
  virtual Tensor scratch(Shape s, Format f = Format::f32) = 0;  // until reset()
  virtual Tensor result(Shape s, Format f = Format::f32) {
    return scratch(s, f);
  }  // until carry() or reset()
  virtual void reset() = 0;
  virtual void wait() {}
  // x, to be read on; everything else that verbs made since reset() may be given back (scratch() stays). A
  // model calls it between layers, so that a step needs the memory of one.
  virtual Tensor carry(Tensor x) { return x; }
  // Runs `work` on the host, in its turn among the verbs: composite verbs are written with it. `reads` and
  // `writes` are all tensors and state that it touches; what it writes in part is in both.
  virtual void host(const Operands& /*reads*/, const Operands& /*writes*/, std::function<void()> work) {
    work();
  }
  // The same for work(0) … work(count − 1), which do not depend on each other: several may run at once.
  virtual void each(int64_t count, const Operands& reads, const Operands& writes,
                    std::function<void(int64_t)> work) {
    host(reads, writes, [count, work = std::move(work)] {
      for (int64_t i = 0; i < count; ++i) work(i);
    });
  }

  // --- to and from the host -----------------------------------------------
  // A copy of host values in the chip's memory, until reset(). The values are read at once.
  virtual Tensor upload(std::span<const int32_t> values);
  virtual Tensor upload(std::span<const float> values, Shape s);
  // The values of an f32 or an i32 tensor for the host, valid as long as the tensor; none for an empty one.
  // REQUIRES: wait() was called since the tensor's verb.
  virtual std::span<const float> read(Tensor x);
  virtual std::span<const int32_t> read_ids(Tensor x);
  // Memory for the state of sequences; Rows of steps on this chip point into it. The chip outlives it.
  // Untouched memory costs nothing.
  virtual StateMemory state_memory(int64_t bytes);
  // Copies state to the host and back. REQUIRES: wait() was called since the last verb.
  virtual void copy_out(const std::byte* state, std::span<std::byte> to);
  virtual void copy_in(std::span<const std::byte> from, std::byte* state);

  // official: products round as their Weight says, every other verb's result to bf16.
  virtual Rounding::Inputs inputs() const { return Rounding::Inputs::f32; }

  // --- required -----------------------------------------------------------
  // scale · table[ids]; i32 tables come as they are.
  virtual Tensor rows(const Weight& table, Tensor ids, float scale = 1) = 0;
  virtual Tensor pick(Tensor x, Tensor ids) = 0;  // x[ids], along the first dim; x is f32 or i32
  virtual Tensor linear(Tensor x, const Weight& w, const Vector& bias = {}) = 0;  // x wᵀ + bias
  virtual Tensor rms_norm(Tensor x, const Vector& gain, float eps) = 0;           // empty gain: all ones
  // x [tokens, heads, dim]
  virtual Tensor rope(Tensor x, Tensor pos, const Rope& rope, bool inverse = false) = 0;
  // q [tokens, heads, dim], k [tokens, key heads, dim], v [tokens, key heads, value_dim]; the result is
  // [tokens, heads, value_dim]. Query heads share a key head in groups. Without v and vs (both empty) the
  // values are the first value_dim channels of each key head. Extends the streams; the contract is in rows.h.
  virtual Tensor attention(Tensor q, Tensor k, Tensor v, Rows ks, Rows vs, Attend how) = 0;
  // Whether attention() reads rows that lie in pages as `record`.
  virtual bool attends(Format /*record*/) const { return true; }
  virtual Tensor add(Tensor a, Tensor b) = 0;
  // act(gate)·up. A limit > 0 clamps first: gate from above, up on both sides.
  virtual Tensor glu(Tensor gate, Tensor up, Act act = Act::silu, float limit = 0) = 0;
  // p = score(logits), [rows, experts]. Chosen are the k experts with the largest p + bias, ties to the lower
  // id, or `fixed` [rows, k] where it is given; weights = scale · p of the chosen, divided by their sum with
  // renormalise. With groups, an expert outside the groups_kept groups whose two best p + bias have the
  // largest sums counts as −∞. Softmax without bias and groups compares the logits, whose order is the same.
  // `margin`: [rows], how much what is compared of the last chosen is above that of the next; ∞ where there
  // is none, or `fixed`.
  virtual Choice route(Tensor logits, const Vector& bias, Tensor fixed, const Routing& how,
                       Tensor* margin = nullptr) = 0;
  // Σ_j down_e (weights_j · glu(gate_e x, up_e x)), e = ids_j
  virtual Tensor moe(Tensor x, Choice to, const Weight& gate, const Weight& up, const Weight& down,
                     Act act = Act::silu, float limit = 0) = 0;

  // --- tensor-parallel group ----------------------------------------------
  // This chip as a rank of its group; null: it is alone. Not owned.
  virtual Comm* comm() const { return nullptr; }
  // The sum of all ranks' x, in place.
  virtual Tensor all_sum(Tensor x);
  // All ranks' columns side by side, in the order of ranks: [rows, cols]. x itself if it has all columns
  // already.
  virtual Tensor all_gather(Tensor x, int64_t cols);

  // --- fused, optional ----------------------------------------------------
  virtual Tensor add_rms_norm(Tensor* x, Tensor y, const Vector& gain, float eps) {
    *x = add(*x, y);
    return rms_norm(*x, gain, eps);
  }
  // w [groups, out, in]: w_g x_g for each group, side by side, where x_g are the g-th `in` channels of x.
  virtual Tensor grouped_linear(Tensor x, const Weight& w);
  // down · glu(gate x, up x): the feed-forward of one expert, or of a dense layer.
  virtual Tensor ffn(Tensor x, const Weight& gate, const Weight& up, const Weight& down, Act act = Act::silu,
                     float limit = 0) {
    return linear(glu(linear(x, gate), linear(x, up), act, limit), down);
  }

  // The parts beside each other: [rows, Σ cols].
  virtual Tensor concat(std::span<const Tensor> parts);

  // --- verb groups of one model family ------------------------------------
  virtual V4Ops& v4();  // default: composite

 private:
  std::unique_ptr<V4Ops> composite_v4_;
};

}  // namespace autark
