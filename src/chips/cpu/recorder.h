// Records operations and runs them. Verbs append operations to a list; play() lets every thread of the team
// go through the list. Each thread has a range of an operation's chunks and takes them from its front, so that
// it reads weights as one stream; a thread that has finished takes chunks from the back of other ranges. Before
// an operation that touches what another operation wrote since the last such wait, or overwrites what one read,
// a thread waits until all earlier chunks are done. It waits for chunks, not for threads: a preempted thread
// delays only the chunk that it is working on.
//
// An operation is a closure of plain values, called once per chunk; its chunks must be independent.
// Everything known at recording time (closures, tables) is in `step_memory` until reset(); operations write
// to `results` and to state pages.
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
#include "chips/verb_times.h"
#include "tensor/rounding.h"
#include "tensor/tensor.h"
#include "tensor/weight.h"

namespace autark {

struct Bytes {  // a range of memory that an operation reads or writes
  const std::byte *begin = nullptr, *end = nullptr;
  Bytes() = default;
  Bytes(const void* p, int64_t n) : begin(static_cast<const std::byte*>(p)), end(begin + n) {}
  Bytes(const Tensor& t) : Bytes(t.data, t.data ? t.shape.numel() * 4 : 0) {}
  // The first byte of a stream's state represents all of it: operations always name whole streams.
  Bytes(const StateView& state);
  Bytes(const Operand& o) : Bytes(o.tensor() ? Bytes(*o.tensor()) : Bytes(*o.state())) {}
  bool overlaps(const Bytes& o) const { return begin < o.end && o.begin < end; }
};

// Activations rounded to int8, in tiles (layout.h).
struct Rounded {
  RoundedBlock* blocks = nullptr;
  int64_t low = 0;  // blocks from a block to its low digits; 0: there are none
};

// What bf16 rows have: the values; the same with 4 q + 1 and 4 q + 2 swapped (Kernels::swaps_quads); what two digits hold of
// them.
enum class Bf16Form : uint8_t { values, swapped, held };

// Rows of bf16 values, [rows][stride]; the values behind a row's own are zero up to a whole block of 32.
struct Bf16Rows {
  uint16_t* values = nullptr;
  int64_t rows = 0, stride = 0;
  operator Bytes() const { return Bytes(values, 2 * rows * stride); }
};

// The blocks of one row: the first block, the distance between blocks, and Rounded::low.
struct RoundedRow {
  RoundedBlock* first;
  int64_t stride;
  int64_t low = 0;
};

// Prefetches the start of a stream; the kernel that reads it continues.
inline void prefetch_start(const uint8_t* p) {
  constexpr int64_t kBytes = 4096;
  for (int64_t i = 0; i < kBytes; i += 64) __builtin_prefetch(p + i, 0, 2);
}

class Recorder {
 public:
  Recorder(const Kernels& kernels, int threads, VerbTimes* times = nullptr, WeightStore* store = nullptr);

  const Kernels& kernels;
  Team team;
  // plans: until reset(). results: until carry() or reset(), except what carry() copied.
  Arena step_memory, results;
  PreparedWeights prepared;

  Tensor tensor(Shape s, Format f = Format::f32) {
    return {results.take(s.numel() * 4), f, s};  // f32 and i32 only
  }
  // Copies x to memory that stays; all other results are freed, in order with the operations.
  Tensor carry(Tensor x);

  // The number of chunks for `work` units: enough to balance the threads, none smaller than `least` units.
  int64_t chunks_of(int64_t work, int64_t least = 1) const;

  // Appends an operation that calls run(chunk, scratch) for each chunk below `chunks`. `run` is copied and
  // must be trivially destructible; `scratch` is the thread's kScratchBytes.
  template <class Run>
  void add(int64_t chunks, std::initializer_list<Bytes> reads, std::initializer_list<Bytes> writes, Run run) {
    append(chunks, nullptr, reads, writes, run);
  }
  // The same with a number of chunks that an earlier operation computes.
  template <class Run>
  void add_counted(const int64_t* chunks, std::initializer_list<Bytes> reads,
                   std::initializer_list<Bytes> writes, Run run) {
    append(0, chunks, reads, writes, run);
  }
  // The same with run(row, scratch) for each row below `rows`; a chunk is a range of rows.
  template <class Run>
  void add_rows(int64_t rows, std::initializer_list<Bytes> reads, std::initializer_list<Bytes> writes,
                Run run) {
    const int64_t chunks = chunks_of(rows);
    add(chunks, reads, writes, [=](int64_t c, void* scratch) {
      for (int64_t i = rows * c / chunks; i < rows * (c + 1) / chunks; ++i) run(i, scratch);
    });
  }
  // Says that chunk c of the last operation begins by reading memory at `begin + c · bytes`. A thread prefetches
  // the start of its range before it waits for other threads.
  void expect_reads(const uint8_t* begin, int64_t bytes) {
    operations_.back().reads = begin;
    operations_.back().reads_of_chunk = bytes;
  }
  // The same for an operation of counted chunks: at(plan, c). It is asked when the number of chunks is known.
  void expect_reads(const uint8_t* (*at)(const void* plan, int64_t chunk), const void* plan) {
    operations_.back().reads_at = at;
    operations_.back().plan = plan;
  }
  // Makes the next operation wait for all before it.
  void barrier() { barrier_next_ = true; }
  // Appends `work` for the caller's thread.
  void add_host(const Operands& reads, const Operands& writes, std::function<void()> work);
  // Appends work(0) … work(count − 1) for all threads.
  void add_each(int64_t count, const Operands& reads, const Operands& writes,
                std::function<void(int64_t)> work);

  void play();   // runs the recorded operations, then forgets them
  void reset();  // forgets all operations and frees the memory of the step

  // The blocks of row `row` of a matrix with `rows` rounded rows of `blocks` blocks each (layout.h).
  RoundedRow rounded_row(Rounded all, int64_t row, int64_t rows, int64_t blocks) const {
    const int64_t high = tile_height(kernels, rows);
    const int64_t tile = static_cast<uint32_t>(row) / static_cast<uint32_t>(high) * high;
    return {all.blocks + tile * blocks + (row - tile), rows - tile < high ? rows - tile : high, all.low};
  }
  // The int8 form of x, for official runs that of official(x, how) in two digits. Computed at most once until
  // x is overwritten.
  Rounded rounded(Tensor x, Rounding::Inputs inputs, Round how);
  // Room for it, for one more user.
  Rounded room_for_rounded(int64_t rows, int64_t cols, Rounding::Inputs inputs);
  // Rounds n floats to the blocks of `to`, in official runs as official(…, how) first.
  void round_row(const float* x, int64_t n, Round how, RoundedRow to) const;
  // x rounded as official code does, or x itself for Round::none. Computed at most once until
  // x is overwritten.
  Tensor official(Tensor x, Round how);
  // The same as bf16 values, which hold what official code rounds to. REQUIRES: how is not Round::none.
  Bf16Rows official_bf16(Tensor x, Round how, Bf16Form form);
  // Registers r as the int8 form of x, which the caller has computed.
  void know_rounded(Tensor x, Rounded r) { rounded_.push_back({x, x.cols(), Round::none, r}); }
  // Announces that the verb that writes y can also round it. If rounded(y) is called before the verb runs,
  // *slot becomes the place to write to.
  void offer_rounding(Tensor y, RoundedBlock** slot) { offers_.push_back({y, slot}); }
  // Row `row` of the `rows` that such a verb writes, if someone asked.
  void round_if_asked(RoundedBlock* const* slot, const float* y, int64_t row, int64_t rows, int64_t n) const {
    if (!*slot) return;
    const RoundedRow to = rounded_row({*slot}, row, rows, n / kBlock);
    kernels.round_row(y, n, to.first, to.stride);
  }
  void forget_rounded() { rounded_.clear(), offers_.clear(), official_.clear(), official_bf16_.clear(); }

 private:
  using Call = void (*)(void* closure, int64_t chunk, void* scratch);
  // What was taken of one thread's range of chunks: in the low half from the front, in the high half from the
  // back. Atomic while playing.
  struct alignas(64) Taken {
    uint64_t ends;
  };
  struct Operation {
    Call call;
    void* closure;
    int64_t chunks;
    const int64_t* counted;
    bool barrier, alone;
    Taken* taken = nullptr;  // one per thread
    const uint8_t* reads = nullptr;
    int64_t reads_of_chunk = 0;
    const uint8_t* (*reads_at)(const void* plan, int64_t chunk) = nullptr;
    const void* plan = nullptr;
    VerbGroup group = VerbGroup::other;
  };
  struct Known {
    Bytes of;
    int64_t cols;
    Round how;
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
  struct OfficialBf16 {
    Bytes of;
    Round how;
    Bf16Form form;
    Bf16Rows rounded;
  };

  template <class Run>
  void append(int64_t chunks, const int64_t* counted, std::initializer_list<Bytes> reads,
              std::initializer_list<Bytes> writes, Run run) {
    static_assert(std::is_trivially_destructible_v<Run>);  // closures in `step_memory` are not destroyed
    void* closure = new (step_memory.take(sizeof(Run))) Run(run);
    const Call call = [](void* c, int64_t chunk, void* scratch) { (*static_cast<Run*>(c))(chunk, scratch); };
    append_operation({call, closure, chunks, counted, false, false}, {reads.begin(), reads.size()},
                     {writes.begin(), writes.size()});
  }
  void append_operation(Operation op, std::span<const Bytes> reads, std::span<const Bytes> writes);
  void forget_rounded(std::span<const Bytes> changed);
  void forget_operations();
  void run_operations(int thread);
  void prefetch_reads(const Operation& op, int thread) const;
  uint32_t take_chunks(const Operation& op, int64_t chunks, int thread) const;

  VerbTimes* const times_;
  std::vector<Operation> operations_;
  std::vector<Bytes> read_, written_;  // since the last wait
  bool barrier_next_ = false;
  std::deque<std::function<void()>> hosted_;
  std::deque<std::function<void(int64_t)>> spread_;
  std::vector<Known> rounded_;
  std::vector<Official> official_;
  std::vector<OfficialBf16> official_bf16_;
  std::vector<Offer> offers_;
  std::vector<Pages> scratch_;  // one per thread
  Pages carried_[2];            // results of carry(), used alternately
  int turn_ = 0;
  Count done_;  // chunks of this run
};

}  // namespace autark
