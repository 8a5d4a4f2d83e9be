#include "engine/forward.h"
#include <algorithm>

namespace autark::engine {

void Packing::begin() {
  tokens_.clear(), positions_.clear(), wanted_.clear(), spans_.clear(), lengths_.clear(), sequences_.clear();
  settled_.clear(), settles_.clear();
}

void Packing::add(const SequenceState& state, int64_t first, std::span<const int32_t> tokens,
                  std::span<const int32_t> wanted) {
  AUTARK_CHECK(!tokens.empty());
  spans_.push_back({int(tokens_.size()), int(tokens.size())});
  lengths_.push_back(first);
  settled_.push_back(state.settled());
  settles_.push_back(state.settled_after(first + std::ssize(tokens)));
  sequences_.push_back(&state);
  for (int32_t row : wanted) wanted_.push_back(spans_.back().first + row);
  for (size_t i = 0; i < tokens.size(); ++i) positions_.push_back(int32_t(first + int64_t(i)));
  tokens_.insert(tokens_.end(), tokens.begin(), tokens.end());
}

// parts_ is ordered by stream, then by sequence, so it can be filled only when all sequences are known.
Step Packing::step(Chip& on, const Probe& probe) {
  parts_.clear();
  for (int stream = 0; stream < cache_.streams(); ++stream) {
    for (const SequenceState* s : sequences_) parts_.push_back(s->parts(stream));
  }
  return {.on = on,
          .tokens = on.upload(tokens_),
          .positions = on.upload(positions_),
          .wanted = on.upload(wanted_),
          .state = [this](int layer, int stream) { return state(layer, stream); },
          .probe = probe};
}

StateView Packing::state(int layer, int stream) const {
  const StateLayout::Place& p = cache_.layout().layers[layer][stream];
  const size_t n = spans_.size();
  return {.stored = p.stored,
          .simulated = p.simulated,
          .width = p.spec.row.numel(),
          .tokens_per_row = p.spec.tokens_per_row,
          .window_rows = p.spec.window_rows,
          .ring = p.ring,
          .page_rows = p.page_rows,
          .sequences = spans_,
          .pages = std::span(parts_).subspan(cache_.stream_at(layer, stream) * n, n),
          .length = lengths_,
          .settled = settled_,
          .settles = settles_};
}

Forward::Forward(const Model& m, Chip& on, const Cache& cache, const Drafter* drafter)
    : m_(m), on_(on), drafter_(drafter), packing_(cache) {}

Logits Forward::run(std::span<const Chunk> chunks, const Probe& probe) {
  packing_.begin();
  for (const Chunk& c : chunks) {
    AUTARK_CHECK(c.state->length() + std::ssize(c.tokens) <= c.state->capacity());
    packing_.add(*c.state, c.state->length(), c.tokens, c.wanted);
  }
  on_.reset();
  Step s = packing_.step(on_, probe);
  const Tensor x = layers(s);
  // The output head is the largest matrix of the model: skip it when no row is wanted.
  const Tensor y = packing_.any_wanted() ? m_.logits(s, x) : Tensor{};
  on_.wait();
  for (const Chunk& c : chunks) c.state->advance(std::ssize(c.tokens));
  return {on_.read(y), m_.vocabulary()};
}

Tensor Forward::layers(Step& s) {
  taps_.clear();
  Tensor x = s.note(-1, "stream", m_.embed(s));
  keep_tap(s, -1, x);
  for (int i = 0; i < m_.layers(); ++i) {
    x = s.note(i, "stream", m_.layer(s, i, x));
    keep_tap(s, i, x);
    if (!s.probe) x = on_.carry(x);  // a probe may hold on to earlier tensors, so their memory is not reused
    if (!after_layer) continue;
    on_.wait();
    after_layer(i);
  }
  return x;
}

// Copies the tap, because later layers may reuse its memory.
void Forward::keep_tap(Step& s, int layer, Tensor x) {
  if (!drafter_ || std::ranges::count(drafter_->taps(), layer) == 0) return;
  const Tensor from = drafter_->tap(s, x), to = on_.scratch(from.shape);
  on_.host({from}, {to}, [=] { std::copy_n(from.f32(), from.shape.numel(), to.f32()); });
  taps_.push_back(to);
}

}  // namespace autark::engine
