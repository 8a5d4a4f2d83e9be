#include "chips/cpu/recorder.h"
#include <algorithm>
#include <atomic>

namespace autark {

Recorder::Recorder(const Kernels& k, int threads) : kernels(k), team(threads) {
  for (int i = 0; i < threads; ++i) scratch_.emplace_back(kScratchBytes);
}

int64_t Recorder::chunks_of(int64_t work, int64_t least) const {
  constexpr int64_t kChunksPerThread = 6;
  if (team.size() == 1) return std::min<int64_t>(work, 1);
  return std::clamp<int64_t>(work / least, std::min<int64_t>(work, 1), team.size() * kChunksPerThread);
}

bool Recorder::touches(std::initializer_list<Bytes> ranges) const {
  for (const Bytes& r : ranges) {
    for (const Bytes& w : written_) {
      if (r.begin < w.end && w.begin < r.end) return true;
    }
  }
  return false;
}

void Recorder::append_operation(Operation op, std::initializer_list<Bytes> reads,
                                std::initializer_list<Bytes> writes) {
  op.meet = meet_next_ || touches(reads) || touches(writes);
  if (op.meet) written_.clear();
  meet_next_ = false;
  written_.insert(written_.end(), writes.begin(), writes.end());
  operations_.push_back(op);
}

void Recorder::add_host(std::function<void()> work) {
  std::function<void()>* kept = &hosted_.emplace_back(std::move(work));
  meet();
  const Call call = [](void* f, int64_t, void*) { (*static_cast<std::function<void()>*>(f))(); };
  append_operation({call, kept, 1, nullptr, false, true, 0}, {}, {});
  meet();
  forget_rounded();  // the work may have changed anything
}

void Recorder::walk(int thread) {
  std::byte* scratch = scratch_[thread].data();
  for (Operation& op : operations_) {
    if (op.meet) team.meet();
    if (op.alone && thread != 0) continue;
    const int64_t chunks = op.counted ? *op.counted : op.chunks;
    const std::atomic_ref<int64_t> next(op.next);
    for (int64_t i; (i = next.fetch_add(1, std::memory_order_relaxed)) < chunks;)
      op.call(op.closure, i, scratch);
  }
}

void Recorder::play() {
  if (!operations_.empty())
    team.run([](void* self, int thread) { static_cast<Recorder*>(self)->walk(thread); }, this);
  operations_.clear();
  written_.clear();
  hosted_.clear();
  meet_next_ = false;
  forget_rounded();
}

void Recorder::reset() {
  operations_.clear();
  written_.clear();
  hosted_.clear();
  meet_next_ = false;
  forget_rounded();
  arena.reset();
}

Rounded Recorder::rounded(Tensor x) {
  for (const Known& k : rounded_) {
    if (k.data == x.data && k.cols == x.cols()) return k.rounded;
  }
  const int64_t rows = x.rows(), cols = x.cols(), blocks = cols / kBlock;
  const Rounded r{arena.take_of<RoundedBlock>(rows * blocks)};
  rounded_.push_back({x.data, cols, r});
  for (const Offer& o : offers_) {
    if (o.data == x.data && o.values == x.shape.numel()) {
      *o.slot = r.blocks;
      return r;
    }
  }
  const int64_t chunks = chunks_of(rows);
  add(chunks, {x}, {Bytes(r.blocks, rows * blocks * static_cast<int64_t>(sizeof(RoundedBlock)))},
      [k = &kernels, x = x.f32(), r, rows, cols, blocks, chunks](int64_t c, void*) {
        for (int64_t i = rows * c / chunks; i < rows * (c + 1) / chunks; ++i) {
          const RoundedRow to = rounded_row(r.blocks, i, rows, blocks);
          k->round_row(x + i * cols, cols, to.first, to.stride);
        }
      });
  return r;
}

}  // namespace autark
