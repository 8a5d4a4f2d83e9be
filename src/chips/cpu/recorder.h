// The recorded walk. Verbs append operations; play() lets every thread of the team walk the list, taking
// chunks of each as they come. Before an operation that touches what another one since the last such wait
// wrote, or overwrites what another one read, a thread waits until all chunks so far are done, by whomever: a
// thread that lost its core holds up no more than the chunk it has in hand.
//
// An operation is a closure of plain values, called once a chunk; chunks must not depend on each other.
// What is known when a verb is recorded (closures, tables) lies in `plans` until reset(); what operations
// write lies in `results`, and in state pages.
#pragma once
#include <cstring>
#include <deque>
#include <functional>
#include <initializer_list>
#include <new>
#include <type_traits>
#include <vector>
#include "chips/cpu/kernels.h"
#include "chips/cpu/memory.h"
#include "chips/cpu/prepare.h"
#include "chips/cpu/team.h"
#include "chips/operand.h"
#include "tensor/tensor.h"
#include "tensor/weight.h"

namespace autark {

struct Bytes {  // a range of memory that an operation reads or writes
  const std::byte *begin = nullptr, *end = nullptr;
  Bytes() = default;
  Bytes(const void* p, int64_t n) : begin(static_cast<const std::byte*>(p)), end(begin + n) {}
  Bytes(const Tensor& t) : Bytes(t.data, t.data ? t.shape.numel() * 4 : 0) {}
  // The first byte of a stream's state stands for all of it: operations name streams as a whole.
  Bytes(const Rows& state);
  Bytes(const Operand& o) : Bytes(o.tensor() ? Bytes(*o.tensor()) : Bytes(*o.state())) {}
  bool overlaps(const Bytes& o) const { return begin < o.end && o.begin < end; }
};

// Activations rounded to int8, in the kernels' tiles.
struct Rounded {
  RoundedBlock* blocks = nullptr;
};

// Where the blocks of one row lie: the first, and how far apart they are.
struct RoundedRow {
  RoundedBlock* first;
  int64_t stride;
};

class Recorder {
 public:
  Recorder(const Kernels& kernels, int threads);

  const Kernels& kernels;
  Team team;
  Arena plans, results;
  PreparedWeights prepared;

  Tensor tensor(Shape s, Format f = Format::f32) {
    return {results.take(s.numel() * 4), f, s};  // f32 and i32 only
  }
  // A copy of x that stays; every other result so far is given back, in its turn among the operations.
  Tensor carry(Tensor x);

  // How many chunks to cut `work` units into: enough for threads to even out, none smaller than `least`.
  int64_t chunks_of(int64_t work, int64_t least = 1) const;

  // run(chunk, scratch) for each chunk below `chunks`.
  template <class Run>
  void add(int64_t chunks, std::initializer_list<Bytes> reads, std::initializer_list<Bytes> writes, Run run) {
    append(chunks, nullptr, reads, writes, run);
  }
  // The same where the count is only known when the operation's turn comes.
  template <class Run>
  void add_counted(const int64_t* chunks, std::initializer_list<Bytes> reads,
                   std::initializer_list<Bytes> writes, Run run) {
    append(0, chunks, reads, writes, run);
  }
  // run(row, scratch) for each row below `rows`, a range of rows a chunk.
  template <class Run>
  void add_rows(int64_t rows, std::initializer_list<Bytes> reads, std::initializer_list<Bytes> writes,
                Run run) {
    const int64_t chunks = chunks_of(rows);
    add(chunks, reads, writes, [=](int64_t c, void* scratch) {
      for (int64_t i = rows * c / chunks; i < rows * (c + 1) / chunks; ++i) run(i, scratch);
    });
  }
  // The next operation waits for all before it.
  void meet() { meet_next_ = true; }
  // On the caller's thread.
  void add_host(const Operands& reads, const Operands& writes, std::function<void()> work);
  // work(0) … work(count − 1) on any threads.
  void add_each(int64_t count, const Operands& reads, const Operands& writes,
                std::function<void(int64_t)> work);

  void play();   // runs what was recorded, then forgets it
  void reset();  // forgets everything, gives all memory back

  // Row `row` of `rows` rounded rows of `blocks` blocks each, which begin at `base` (layout.h).
  RoundedRow rounded_row(RoundedBlock* base, int64_t row, int64_t rows, int64_t blocks) const {
    const int64_t high = kernels.tile_rows;
    const int64_t tile = static_cast<uint32_t>(row) / static_cast<uint32_t>(high) * high;
    return {base + tile * blocks + (row - tile), rows - tile < high ? rows - tile : high};
  }
  // The rounded form of x, made at most once while x stays as it is.
  Rounded rounded(Tensor x);
  // x rounded as official code does; x itself for Round::none. Made at most once while x stays as it is.
  Tensor official(Tensor x, Round how);
  // Someone has rounded x himself.
  void know_rounded(Tensor x, Rounded r) { rounded_.push_back({x, x.cols(), r}); }
  // A verb that can round what it writes says where to put it, should anyone ask before it runs.
  void offer_rounding(Tensor y, RoundedBlock** slot) { offers_.push_back({y, slot}); }
  void forget_rounded() { rounded_.clear(), offers_.clear(), official_.clear(); }

 private:
  using Call = void (*)(void* closure, int64_t chunk, void* scratch);
  struct Operation {
    Call call;
    void* closure;
    int64_t chunks;
    const int64_t* counted;
    bool meet, alone;
    int64_t next;  // atomic while playing
  };
  struct Known {
    Bytes of;
    int64_t cols;
    Rounded rounded;
  };
  struct Offer {
    Bytes of;
    RoundedBlock** slot;
  };
  struct Official {
    Bytes of;
    Round how;
    Tensor rounded;
  };

  template <class Run>
  void append(int64_t chunks, const int64_t* counted, std::initializer_list<Bytes> reads,
              std::initializer_list<Bytes> writes, Run run) {
    static_assert(std::is_trivially_destructible_v<Run>);  // nobody calls destructors of what lies in plans
    void* closure = new (plans.take(sizeof(Run))) Run(run);
    const Call call = [](void* c, int64_t chunk, void* scratch) { (*static_cast<Run*>(c))(chunk, scratch); };
    append_operation({call, closure, chunks, counted, false, false, 0}, {reads.begin(), reads.size()},
                     {writes.begin(), writes.size()});
  }
  void append_operation(Operation op, std::span<const Bytes> reads, std::span<const Bytes> writes);
  void forget_rounded(std::span<const Bytes> changed);
  void forget_operations();
  void walk(int thread);

  std::vector<Operation> operations_;
  std::vector<Bytes> read_, written_;  // since the last meeting
  bool meet_next_ = false;
  std::deque<std::function<void()>> hosted_;
  std::deque<std::function<void(int64_t)>> spread_;
  std::vector<Known> rounded_;
  std::vector<Official> official_;
  std::vector<Offer> offers_;
  std::vector<Pages> scratch_;  // a thread
  Pages carried_[2];            // what carry() kept, by turns
  int turn_ = 0;
  Count done_;  // chunks of this walk
};

}  // namespace autark
