// One forward pass over chunks of many sequences: packs their rows, lends the model their state, and gives
// the logits of the rows that are wanted. Everything that is the same for all layers is built once a step.
// Called by one thread.
#pragma once
#include <functional>
#include <span>
#include <vector>
#include "engine/cache.h"
#include "engine/logits.h"
#include "models/drafter.h"
#include "models/model.h"

namespace autark::engine {

struct Chunk {
  SequenceState* state = nullptr;   // REQUIRES: reserved for length + tokens
  std::span<const int32_t> tokens;  // at positions state->length() …
  std::vector<int32_t> wanted;      // rows of this chunk whose logits are asked for, rising
};

// The rows of one step and the state they are lent; valid until the next begin().
class Packing {
 public:
  using Probe = std::function<Tensor(int layer, const char* name, Tensor x)>;
  explicit Packing(const Cache& cache) : cache_(cache) {}

  void begin();
  // Rows of one sequence, at positions `first` …; `wanted` counts from the first of them.
  void add(const SequenceState& state, int64_t first, std::span<const int32_t> tokens,
           std::span<const int32_t> wanted);
  Step step(Chip& on, const Probe& probe = {});
  bool any_wanted() const { return !wanted_.empty(); }
  int64_t rows() const { return std::ssize(tokens_); }

 private:
  Rows state(int layer, int stream) const;

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
  // What `drafter` reads of the trunk is kept: taps().
  Forward(const Model& m, Chip& on, const Cache& cache, const Drafter* drafter = nullptr);

  // Logits of the wanted rows of all chunks, in order; valid until the next run(). Afterwards the sequences
  // are longer by their chunks. A sequence is in one chunk only.
  Logits run(std::span<const Chunk> chunks, const Probe& probe = {});
  // Called after every layer has been asked for and done; makes recording chips wait there (loading,
  // tracing).
  std::function<void(int layer)> after_layer;
  // Of the last run, all its rows; valid until the next.
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
