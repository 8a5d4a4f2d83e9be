// One forward pass over chunks of many sequences: packs their rows, gives the model views of their state,
// and returns the logits of the wanted rows. Not thread-safe.
#pragma once
#include <functional>
#include <span>
#include <vector>
#include "engine/cache.h"
#include "engine/logits.h"
#include "models/drafter.h"
#include "models/model.h"

namespace autark::engine {

// Consecutive tokens of one sequence.
struct Chunk {
  SequenceState* state = nullptr;   // REQUIRES: room for length() + tokens is reserved
  std::span<const int32_t> tokens;  // at positions state->length() and following
  std::vector<int32_t> wanted;      // rows of this chunk whose logits are needed, rising
};

// The rows of one step and the views of their state. A Step made from it is valid until the next begin().
class Packing {
 public:
  // Sees each tensor that the model names and returns the tensor to continue with (Step::probe).
  using Probe = std::function<Tensor(int layer, const char* name, Tensor x)>;
  explicit Packing(const Cache& cache) : cache_(cache) {}

  void begin();  // removes all rows
  // Adds rows of one sequence at positions `first` and following. `wanted` counts from the first of them.
  void add(const SequenceState& state, int64_t first, std::span<const int32_t> tokens,
           std::span<const int32_t> wanted);
  // The argument of a model's functions. Its ids, positions and wanted rows are uploaded to the chip.
  Step step(Chip& on, const Probe& probe = {});
  bool any_wanted() const { return !wanted_.empty(); }
  int64_t rows() const { return std::ssize(tokens_); }

 private:
  StateView state(int layer, int stream) const;

  const Cache& cache_;
  std::vector<int32_t> tokens_, positions_, wanted_;
  std::vector<Span> spans_;
  std::vector<int64_t> lengths_, settled_, settles_;
  std::vector<const SequenceState*> sequences_;
  std::vector<std::span<std::byte* const>> parts_;  // [stream of all layers][sequence]
};

class Forward {
 public:
  using Probe = Packing::Probe;
  // With a `drafter`, run() keeps what it reads from the target (taps()). The arguments must outlive this.
  Forward(const Model& m, Chip& on, const Cache& cache, const Drafter* drafter = nullptr);

  // Returns the logits of the wanted rows of all chunks, in order, valid until the next run(), and advances
  // the sequences by their chunks. Each sequence may be in one chunk only.
  Logits run(std::span<const Chunk> chunks, const Probe& probe = {});
  // If set, run() waits for the chip after every layer and calls this, for example to show progress.
  std::function<void(int layer)> after_layer;
  // What the drafter reads, for all rows of the last run(); valid until the next run().
  std::span<const Tensor> taps() const { return taps_; }

 private:
  Tensor layers(Step& s);
  void keep_tap(Step& s, int layer, Tensor x);

  const Model& m_;
  Chip& on_;
  const Drafter* drafter_;
  Packing packing_;
  std::vector<Tensor> taps_;
};

}  // namespace autark::engine
