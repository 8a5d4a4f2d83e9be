// One forward pass over chunks of many sequences: packs their rows, lends the model their state, and gives
// the logits of the rows that are wanted. Everything that is the same for all layers is built once a step.
// Called by one thread.
#pragma once
#include <functional>
#include <span>
#include <vector>
#include "engine/cache.h"
#include "models/model.h"

namespace autark::engine {

struct Chunk {
  SequenceState* state = nullptr;   // REQUIRES: reserved for length + tokens
  std::span<const int32_t> tokens;  // at positions state->length() …
  std::vector<int32_t> wanted;      // rows of this chunk whose logits are asked for, rising
};

class Forward {
 public:
  using Probe = std::function<Tensor(int layer, const char* name, Tensor x)>;
  Forward(const Model& m, Chip& on, const Cache& cache);

  // Logits [wanted of all chunks in order, vocabulary], no data where nothing is wanted; valid until the next
  // run(). Afterwards the sequences are longer by their chunks. A sequence is in one chunk only.
  Tensor run(std::span<const Chunk> chunks, const Probe& probe = {});
  // Called after every layer has been asked for and done; makes recording chips wait there (loading,
  // tracing).
  std::function<void(int layer)> after_layer;

 private:
  void pack(std::span<const Chunk> chunks);
  Rows rows(int layer, int stream) const;

  const Model& m_;
  Chip& on_;
  const Cache& cache_;
  std::vector<int32_t> tokens_, positions_, wanted_;
  std::vector<Span> spans_;
  std::vector<int64_t> lengths_;
  std::vector<std::span<std::byte* const>> parts_;  // [stream of all layers][sequence]
};

}  // namespace autark::engine
