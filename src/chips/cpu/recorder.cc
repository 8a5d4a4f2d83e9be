#include "chips/cpu/recorder.h"
#include <algorithm>
#include <atomic>

namespace autark {
namespace {

bool any_overlap(std::span<const Bytes> a, std::span<const Bytes> b) {
  return std::ranges::any_of(a, [&](const Bytes& x) {
    return std::ranges::any_of(b, [&](const Bytes& y) { return x.overlaps(y); });
  });
}

std::vector<Bytes> bytes_of(const Operands& operands) {
  return {operands.begin(), operands.end()};
}

// The range of thread t of T is [first_chunk(…, t, T), first_chunk(…, t + 1, T)).
int64_t first_chunk(int64_t chunks, int64_t thread, int64_t threads) {
  return (chunks * thread + threads - 1) / threads;
}

struct Ends {
  int64_t front, back;
  explicit Ends(uint64_t both)
      : front(static_cast<uint32_t>(both)), back(static_cast<uint32_t>(both >> 32)) {}
};

using RoundRun = void (*)(const float* x, int64_t n, float* y);
RoundRun rounding_of(const Kernels& k, Round how) {
  return how == Round::bf16 ? k.v4().round_bf16 : k.v4().round_e4m3;
}

// Swaps values 4 q + 1 and 4 q + 2. REQUIRES: n % 4 == 0.
void swap_quads(uint16_t* x, int64_t n) {
  for (int64_t i = 0; i < n; i += 4) std::swap(x[i + 1], x[i + 2]);
}

// Calls run(row, at, n) for the n values from `at` on of each row, a run of 128 or a row's rest at a time.
template <class Run>
void each_run(Recorder& on, const Tensor& x, const Bytes& y, Run run) {
  const int64_t cols = x.cols(), runs = tiles(cols);
  on.add_rows(x.rows() * runs, {x}, {y}, [=](int64_t i, void*) {
    const int64_t at = i % runs * kTileSide;
    run(i / runs, at, std::min(kTileSide, cols - at));
  });
}

}  // namespace

Recorder::Recorder(const Kernels& k, int threads, VerbTimes* times, WeightStore* store)
    : kernels(k), team(threads), prepared(store), times_(times) {
  for (int i = 0; i < threads; ++i) scratch_.emplace_back(kScratchBytes);
}

Bytes::Bytes(const StateView& state) {
  for (const auto& pages : state.pages) {
    if (pages.empty()) continue;
    begin = pages[0];
    end = begin + 1;
    return;
  }
}

// Six chunks per thread keep the wait at the end of an operation short when threads have unequal speed.
int64_t Recorder::chunks_of(int64_t work, int64_t least) const {
  constexpr int64_t kChunksPerThread = 6;
  if (team.size() == 1) return std::min<int64_t>(work, 1);
  return std::clamp<int64_t>(work / least, std::min<int64_t>(work, 1), team.size() * kChunksPerThread);
}

// Decides whether threads must wait before the operation: a read or a write of bytes that were written since
// the last wait, or a write of bytes that were read since then.
void Recorder::append_operation(Operation op, std::span<const Bytes> reads, std::span<const Bytes> writes) {
  if (times_) op.group = times_->now;
  op.barrier = barrier_next_ || any_overlap(reads, written_) || any_overlap(writes, written_) ||
               any_overlap(writes, read_);
  if (op.barrier) read_.clear(), written_.clear();
  barrier_next_ = false;
  read_.insert(read_.end(), reads.begin(), reads.end());
  written_.insert(written_.end(), writes.begin(), writes.end());
  op.taken = step_memory.take_of<Taken>(team.size());
  std::fill_n(op.taken, team.size(), Taken{});
  operations_.push_back(op);
}

void Recorder::add_host(const Operands& reads, const Operands& writes, std::function<void()> work) {
  std::function<void()>* kept = &hosted_.emplace_back(std::move(work));
  const Call call = [](void* f, int64_t, void*) { (*static_cast<std::function<void()>*>(f))(); };
  const std::vector<Bytes> changed = bytes_of(writes);
  append_operation({call, kept, 1, nullptr, false, true}, bytes_of(reads), changed);
  forget_rounded(changed);
}

void Recorder::add_each(int64_t count, const Operands& reads, const Operands& writes,
                        std::function<void(int64_t)> work) {
  struct Each {
    std::function<void(int64_t)>* work;
    int64_t count, chunks;
  };
  const int64_t chunks = chunks_of(count);
  Each* each = step_memory.take_of<Each>(1);
  *each = {&spread_.emplace_back(std::move(work)), count, chunks};
  const Call call = [](void* e, int64_t c, void*) {
    const Each& all = *static_cast<Each*>(e);
    for (int64_t i = all.count * c / all.chunks; i < all.count * (c + 1) / all.chunks; ++i) (*all.work)(i);
  };
  const std::vector<Bytes> changed = bytes_of(writes);
  append_operation({call, each, chunks, nullptr, false, false}, bytes_of(reads), changed);
  forget_rounded(changed);
}

void Recorder::forget_rounded(std::span<const Bytes> changed) {
  const auto stale = [&](const auto& known) { return any_overlap({&known.of, 1}, changed); };
  std::erase_if(rounded_, stale);
  std::erase_if(official_, stale);
  std::erase_if(official_bf16_, stale);
  std::erase_if(offers_, stale);
}

// Runs the chunks that this thread gets: from the front of its own range, then from the back of the others'.
// Returns their number.
uint32_t Recorder::take_chunks(const Operation& op, int64_t chunks, int thread) const {
  const int64_t threads = team.size();
  uint32_t did = 0;
  for (int64_t i = 0; i < threads; ++i) {
    const int64_t of = (thread + i) % threads;
    const int64_t begin = first_chunk(chunks, of, threads), end = first_chunk(chunks, of + 1, threads);
    const std::atomic_ref<uint64_t> taken(op.taken[of].ends);
    for (;;) {
      const Ends ends(i ? taken.fetch_add(uint64_t{1} << 32, std::memory_order_relaxed)
                        : taken.fetch_add(1, std::memory_order_relaxed));
      if (ends.front + ends.back >= end - begin) break;
      op.call(op.closure, i ? end - 1 - ends.back : begin + ends.front, scratch_[thread].data());
      ++did;
    }
  }
  return did;
}

// An operation's counted chunks are known here if it expects reads: what counts them lies two waits back.
void Recorder::prefetch_reads(const Operation& op, int thread) const {
  if (op.reads) prefetch_start(op.reads + first_chunk(op.chunks, thread, team.size()) * op.reads_of_chunk);
  if (!op.reads_at) return;
  const int64_t first = first_chunk(*op.counted, thread, team.size());
  if (first < *op.counted) prefetch_start(op.reads_at(op.plan, first));
}

// One thread's way through the list. All threads compute the same `due`, so they wait for the same
// number of chunks.
void Recorder::run_operations(int thread) {
  uint32_t due = 0;  // chunks of all operations so far
  VerbClock clock(times_);
  for (const Operation& op : operations_) {
    prefetch_reads(op, thread);
    if (op.barrier) done_.wait_for(due);
    clock.enter(op.group);
    const int64_t chunks = op.counted ? *op.counted : op.chunks;
    due += static_cast<uint32_t>(chunks);
    if (op.alone && thread != 0) continue;
    if (const uint32_t did = take_chunks(op, chunks, thread)) done_.add(did);
  }
  if (thread == 0) done_.wait_for(due);
}

void Recorder::play() {
  done_.reset();
  if (!operations_.empty())
    team.run([](void* self, int thread) { static_cast<Recorder*>(self)->run_operations(thread); }, this);
  forget_operations();
}

void Recorder::forget_operations() {
  operations_.clear();
  read_.clear(), written_.clear();
  hosted_.clear();
  spread_.clear();
  barrier_next_ = false;
  forget_rounded();
}

void Recorder::reset() {
  forget_operations();
  step_memory.reset();
  results.reset();
}

Tensor Recorder::carry(Tensor x) {
  Pages& to = carried_[turn_ ^= 1];
  const int64_t bytes = x.shape.numel() * 4;
  if (to.bytes() < bytes) {
    play();  // recorded operations may still use the old pages
    to = Pages(bytes);
  }
  Tensor y{to.data(), x.format, x.shape};
  constexpr int64_t kPiece = 64 << 10;
  add((bytes + kPiece - 1) / kPiece, {x}, {y}, [=](int64_t c, void*) {
    const int64_t at = c * kPiece;
    std::memcpy(static_cast<std::byte*>(y.data) + at, static_cast<std::byte*>(x.data) + at,
                std::min(kPiece, bytes - at));
  });
  barrier();
  results.reset();
  forget_rounded();
  return y;
}

Rounded Recorder::room_for_rounded(int64_t rows, int64_t cols, Rounding::Inputs inputs) {
  const int64_t blocks = rows * (cols / kBlock), digits = inputs == Rounding::Inputs::official ? 2 : 1;
  return {results.take_of<RoundedBlock>(digits * blocks), (digits - 1) * blocks};
}

void Recorder::round_row(const float* x, int64_t n, Round how, RoundedRow to) const {
  if (!to.low) return kernels.round_row(x, n, to.first, to.stride);
  if (how == Round::none) return kernels.round_two_digits(x, n, to.first, to.stride, to.low);
  const auto round = how == Round::bf16 ? kernels.v4().round_bf16 : kernels.v4().round_e4m3;
  for (int64_t i = 0; i < n; i += kTileSide) {
    float official[kTileSide];
    const int64_t count = std::min(kTileSide, n - i);
    round(x + i, count, official);
    kernels.round_two_digits(official, count, to.first + i / kBlock * to.stride, to.stride, to.low);
  }
}

Rounded Recorder::rounded(Tensor x, Rounding::Inputs inputs, Round how) {
  for (const Known& k : rounded_) {
    if (k.of.begin == x.data && k.cols == x.cols() && k.how == how) return k.rounded;
  }
  const int64_t rows = x.rows(), cols = x.cols(), blocks = cols / kBlock, runs = tiles(cols);
  const Rounded r = room_for_rounded(rows, cols, inputs);
  rounded_.push_back({x, cols, how, r});
  for (const Offer& o : offers_) {
    const Bytes asked(x);
    if (o.of.begin == asked.begin && o.of.end == asked.end) {
      *o.slot = r.blocks;
      return r;
    }
  }
  const int64_t bytes = rows * blocks * static_cast<int64_t>(sizeof(RoundedBlock));
  add_rows(rows * runs, {x}, {Bytes(r.blocks, bytes)}, [=, this, x = x.f32()](int64_t i, void*) {
    const int64_t row = i / runs, from = i % runs * kTileSide;
    RoundedRow to = rounded_row(r, row, rows, blocks);
    to.first += from / kBlock * to.stride;
    round_row(x + row * cols + from, std::min(kTileSide, cols - from), how, to);
  });
  return r;
}

Tensor Recorder::official(Tensor x, Round how) {
  if (how == Round::none) return x;
  for (const Official& o : official_) {
    if (o.of.begin == x.data && o.how == how && o.rounded.shape == x.shape) return o.rounded;
  }
  Tensor y = tensor(x.shape);
  official_.push_back({x, how, y});
  each_run(*this, x, y, [round = rounding_of(kernels, how), x, y](int64_t row, int64_t at, int64_t n) {
    round(x.f32() + row * x.cols() + at, n, y.f32() + row * x.cols() + at);
  });
  return y;
}

Bf16Rows Recorder::official_bf16(Tensor x, Round how, Bf16Form form) {
  const int64_t rows = x.rows(), cols = x.cols(), whole = (cols + kBlock - 1) / kBlock * kBlock;
  // An odd number of cache lines: rows at a power of two would share a few sets of the caches.
  const int64_t stride = (whole / kBlock | 1) * kBlock;
  for (const OfficialBf16& o : official_bf16_) {
    if (o.of.begin == x.data && o.how == how && o.form == form && o.rounded.rows == rows &&
        o.rounded.stride == stride)
      return o.rounded;
  }
  const Bf16Rows y{results.take_of<uint16_t>(rows * stride), rows, stride};
  official_bf16_.push_back({x, how, form, y});
  each_run(*this, x, y,
           [=, k = &kernels, round = rounding_of(kernels, how)](int64_t row, int64_t at, int64_t n) {
             float run[kTileSide];
             round(x.f32() + row * cols + at, n, run);
             if (form == Bf16Form::held) k->hold_in_digits(run, n, run);
             uint16_t* to = y.values + row * stride;
             k->encode(Record::bf16, run, n, reinterpret_cast<unsigned char*>(to + at));
             if (at + n == cols) std::fill(to + cols, to + whole, uint16_t{0});
             if (form == Bf16Form::swapped) swap_quads(to + at, (n + 3) / 4 * 4);
           });
  return y;
}

}  // namespace autark
