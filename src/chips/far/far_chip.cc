#include "chips/far/far_chip.h"
#include <algorithm>
#include <cstring>
#include <deque>
#include <map>
#include "chips/far/closed_pages.h"
#include "chips/ref/ref_chip.h"

namespace autark {
namespace {

int64_t bytes_of(const Tensor& t) {
  return row_bytes(t.format, t.shape.numel());
}

// All memory of the chip, indexed by address.
class FarMemory {
 public:
  enum class Kind : uint8_t { result, scratch, state, weight };

  std::byte* take(Kind kind, int64_t bytes) {
    auto block = std::make_unique<Block>(kind, bytes);
    std::byte* at = block->pages.data();
    blocks_.emplace(at, std::move(block));
    return at;
  }
  void give_back(const std::byte* at) { AUTARK_CHECK(blocks_.erase(at) == 1); }
  // A freed block keeps its address until forget_given_back(), so that no later tensor gets the same address.
  void give_back_all(Kind kind) {
    for (auto b = blocks_.begin(); b != blocks_.end();) {
      if (b->second->kind != kind) {
        ++b;
        continue;
      }
      b->second->pages.empty();
      given_back_.push_back(std::move(b->second));
      b = blocks_.erase(b);
    }
  }
  void forget_given_back() { given_back_.clear(); }
  // The pages that hold these bytes. An address outside this memory, or of a freed tensor, is an error
  // of the caller.
  ClosedPages& pages_of(const std::byte* begin, int64_t bytes) {
    auto it = blocks_.upper_bound(begin);
    AUTARK_CHECK(it != blocks_.begin());
    ClosedPages& pages = (--it)->second->pages;
    AUTARK_CHECK(pages.holds(begin, bytes));
    return pages;
  }

 private:
  struct Block {
    Block(Kind k, int64_t bytes) : kind(k), pages(bytes) {}
    Kind kind;
    ClosedPages pages;
  };
  std::map<const std::byte*, std::unique_ptr<Block>> blocks_;
  std::vector<std::unique_ptr<Block>> given_back_;
};

// Opens ranges of memory and closes them when it is destroyed.
class Opening {
 public:
  explicit Opening(FarMemory& memory) : memory_(memory) {}
  ~Opening() {
    for (const Range& r : open_) r.pages->allow(Access::none, r.begin, r.bytes);
  }
  Opening(const Opening&) = delete;
  Opening& operator=(const Opening&) = delete;

  void allow(Access what, const std::byte* begin, int64_t bytes) {
    if (bytes == 0) return;
    ClosedPages& pages = memory_.pages_of(begin, bytes);
    pages.allow(what, begin, bytes);
    open_.push_back({&pages, begin, bytes});
  }
  void allow(Access what, const Tensor& t) {
    if (t) allow(what, static_cast<const std::byte*>(t.data), bytes_of(t));
  }
  void allow(Access what, const StateView& state) {
    for (const auto& parts : state.pages) {
      for (const std::byte* part : parts) allow(what, part, part_bytes(state));
    }
  }
  void allow(Access what, const Operands& operands) {
    for (const Operand& o : operands) o.tensor() ? allow(what, *o.tensor()) : allow(what, *o.state());
  }

 private:
  struct Range {
    ClosedPages* pages;
    const std::byte* begin;
    int64_t bytes;
  };
  FarMemory& memory_;
  std::vector<Range> open_;
};

// Copies of the checkpoint's weights and vectors, made by the first verb that uses them.
class FarWeights {
 public:
  explicit FarWeights(FarMemory& memory) : memory_(memory) {}

  // The copy of a weight, open as long as `open` lives.
  Weight near(const Weight& w, Opening& open) {
    if (!w || w.parts.empty()) return w;
    const Weight one = w.parts.size() == 1 ? w : w.expert(0);
    const int64_t codes = one.rows() * row_bytes(w.format, w.cols()), scales = bytes_of(one) - codes;
    auto& parts = parts_.emplace_back();
    for (const Part& p : w.parts)
      parts.push_back({copy(p.codes, codes, open), p.scales ? copy(p.scales, scales, open) : nullptr});
    return {w.format, w.shape, parts, w.in, w.out};
  }
  Vector near(const Vector& v, Opening& open) {
    if (!v.values) return v;
    const auto* from = reinterpret_cast<const std::byte*>(v.values);
    return {reinterpret_cast<const float*>(copy(from, autark::bytes_of(v), open)), v.shape};
  }
  void forget_parts() { parts_.clear(); }  // lists made by near(); the copies stay

 private:
  static int64_t bytes_of(const Weight& w) { return autark::bytes_of(w); }

  const std::byte* copy(const std::byte* from, int64_t bytes, Opening& open) {
    auto [it, fresh] = copies_.try_emplace({from, bytes}, nullptr);
    if (fresh) it->second = memory_.take(FarMemory::Kind::weight, bytes);
    open.allow(fresh ? Access::write : Access::read, it->second, bytes);
    if (fresh) std::memcpy(it->second, from, bytes);
    return it->second;
  }

  FarMemory& memory_;
  std::map<std::pair<const std::byte*, int64_t>, std::byte*> copies_;
  std::deque<std::vector<Part>> parts_;
};

class FarChip final : public Chip {
 public:
  explicit FarChip(const ChipOptions& o) : ref_(make_ref_chip(o.comm, o.inputs)) {}

  const char* name() const override { return "far"; }
  Rounding::Inputs inputs() const override { return ref_->inputs(); }

  Tensor scratch(Shape s, Format f) override { return tensor(Kind::scratch, s, f); }
  Tensor result(Shape s, Format f) override { return tensor(Kind::result, s, f); }
  void reset() override {
    memory_.forget_given_back();
    for (const Kind k : {Kind::result, Kind::scratch}) memory_.give_back_all(k);
    copies_.clear();
    unread_ = false;
  }
  void wait() override { unread_ = false; }
  Tensor carry(Tensor x) override {
    const std::vector<std::byte> kept = values(x);
    memory_.give_back_all(Kind::result);
    return put(Kind::result, x, kept.data());
  }
  void host(const Operands& reads, const Operands& writes, std::function<void()> work) override {
    unread_ = true;
    Opening open(memory_);
    open.allow(Access::read, reads);
    open.allow(Access::write, writes);
    work();
  }

  Tensor upload(std::span<const int32_t> v) override {
    return put(Kind::scratch, {nullptr, Format::i32, {std::ssize(v)}}, v.data());
  }
  Tensor upload(std::span<const float> v, Shape s) override {
    AUTARK_CHECK(std::ssize(v) == s.numel());
    return put(Kind::scratch, {nullptr, Format::f32, s}, v.data());
  }
  std::span<const float> read(Tensor x) override {
    AUTARK_CHECK(x.format == Format::f32);
    return read_as<float>(x);
  }
  std::span<const int32_t> read_ids(Tensor x) override {
    AUTARK_CHECK(x.format == Format::i32);
    return read_as<int32_t>(x);
  }
  StateMemory state_memory(int64_t bytes) override {
    return {memory_.take(Kind::state, bytes), [this](std::byte* at) { memory_.give_back(at); }};
  }
  void copy_out(const std::byte* state, std::span<std::byte> to) override {
    AUTARK_CHECK(!unread_);
    Opening open(memory_);
    open.allow(Access::read, state, std::ssize(to));
    if (!to.empty()) std::memcpy(to.data(), state, to.size());
  }
  void copy_in(std::span<const std::byte> from, std::byte* state) override {
    AUTARK_CHECK(!unread_);
    Opening open(memory_);
    open.allow(Access::write, state, std::ssize(from));
    if (!from.empty()) std::memcpy(state, from.data(), from.size());
  }

  Tensor embedding(const Weight& table, Tensor ids, float scale) override {
    return verb({ids}, [&](Opening& o) { return ref_->embedding(weights_.near(table, o), ids, scale); });
  }
  Tensor gather(Tensor x, Tensor ids) override {
    return verb({x, ids}, [&](Opening&) { return ref_->gather(x, ids); });
  }
  Tensor linear(Tensor x, const Weight& w, const Vector& bias) override {
    return verb({x},
                [&](Opening& o) { return ref_->linear(x, weights_.near(w, o), weights_.near(bias, o)); });
  }
  Tensor rms_norm(Tensor x, const Vector& gain, float eps) override {
    return verb({x}, [&](Opening& o) { return ref_->rms_norm(x, weights_.near(gain, o), eps); });
  }
  Tensor rope(Tensor x, Tensor pos, const Rope& rope, bool inverse) override {
    return verb({x, pos}, [&](Opening&) { return ref_->rope(x, pos, rope, inverse); });
  }
  Tensor attention(Tensor q, Tensor k, Tensor v, StateView ks, StateView vs, Attend how) override {
    return verb({q, k, v}, [&](Opening& o) {
      o.allow(Access::write, Operands{ks, vs});
      how.sinks = weights_.near(how.sinks, o);
      return ref_->attention(q, k, v, ks, vs, how);
    });
  }
  Tensor add(Tensor a, Tensor b) override {
    return verb({a, b}, [&](Opening&) { return ref_->add(a, b); });
  }
  Tensor glu(Tensor gate, Tensor up, Act act, float limit) override {
    return verb({gate, up}, [&](Opening&) { return ref_->glu(gate, up, act, limit); });
  }
  Choice route(Tensor logits, const Vector& bias, Tensor fixed, const Routing& how, Tensor* margin) override {
    Choice to;
    to.weights = verb({logits, fixed}, [&](Opening& o) {
      const Choice chosen = ref_->route(logits, weights_.near(bias, o), fixed, how, margin);
      if (margin) *margin = put(Kind::result, *margin, margin->data);
      to.ids = put(Kind::result, chosen.ids, chosen.ids.data);
      return chosen.weights;
    });
    return to;
  }
  Tensor moe(Tensor x, Choice to, const Weight& gate, const Weight& up, const Weight& down, Act act,
             float limit, const ExpertBiases& biases) override {
    return verb({x, to.ids, to.weights}, [&](Opening& o) {
      const Weight g = weights_.near(gate, o), u = weights_.near(up, o), d = weights_.near(down, o);
      const ExpertBiases b{weights_.near(biases.gate, o), weights_.near(biases.up, o),
                           weights_.near(biases.down, o)};
      return ref_->moe(x, to, g, u, d, act, limit, b);
    });
  }
  Comm* comm() const override { return ref_->comm(); }

 private:
  using Kind = FarMemory::Kind;

  Tensor tensor(Kind kind, Shape s, Format f) { return {memory_.take(kind, row_bytes(f, s.numel())), f, s}; }
  // A new tensor with the shape and format of `x` and these values.
  Tensor put(Kind kind, Tensor x, const void* values) {
    const Tensor y = tensor(kind, x.shape, x.format);
    Opening open(memory_);
    open.allow(Access::write, y);
    if (bytes_of(y) > 0) std::memcpy(y.data, values, bytes_of(y));
    return y;
  }
  std::vector<std::byte> values(Tensor x) {
    Opening open(memory_);
    open.allow(Access::read, x);
    const auto* from = static_cast<const std::byte*>(x.data);
    return {from, from + bytes_of(x)};
  }
  template <class T>
  std::span<const T> read_as(Tensor x) {
    if (!x) return {};
    AUTARK_CHECK(!unread_);  // wait() comes first
    const auto& copy = copies_.emplace_back(values(x));
    return {reinterpret_cast<const T*>(copy.data()), copy.size() / sizeof(T)};
  }
  // Runs a verb of `ref` and copies its result; ref's own memory is freed.
  template <class Run>
  Tensor verb(const Operands& reads, Run run) {
    unread_ = true;
    Tensor y;
    {
      Opening open(memory_);
      open.allow(Access::read, reads);
      const Tensor made = run(open);
      y = put(Kind::result, made, made.data);
    }
    ref_->reset();
    weights_.forget_parts();
    return y;
  }

  FarMemory memory_;
  FarWeights weights_{memory_};
  std::unique_ptr<Chip> ref_;
  std::deque<std::vector<std::byte>> copies_;  // results of read()
  bool unread_ = false;                        // a verb has run since the last wait()
};

}  // namespace

Result<std::unique_ptr<Chip>> make_far_chip(const ChipOptions& o) {
  if (o.inputs != Rounding::Inputs::int8) return std::unique_ptr<Chip>(std::make_unique<FarChip>(o));
  return Error{Code::unsupported, "the far chip computes what ref does and has no 8-bit inputs"};
}

}  // namespace autark
