#include "engine/forward.h"

namespace autark::engine {

Forward::Forward(const Model& m, Chip& on, const Cache& cache) : m_(m), on_(on), cache_(cache) {}

Tensor Forward::run(std::span<const Chunk> chunks, const Probe& probe) {
  pack(chunks);
  on_.reset();
  const auto ints = [](std::vector<int32_t>& v) { return Tensor{v.data(), Format::i32, {std::ssize(v)}}; };
  Step s{.on = on_,
         .tokens = ints(tokens_),
         .positions = ints(positions_),
         .wanted = ints(wanted_),
         .state = [this](int layer, int stream) { return rows(layer, stream); },
         .probe = probe};
  Tensor x = s.note(-1, "stream", m_.embed(s));
  for (int i = 0; i < m_.layers(); ++i) {
    x = s.note(i, "stream", m_.layer(s, i, x));
    if (!probe) x = on_.carry(x);  // whoever looks may keep what it saw
    if (!after_layer) continue;
    on_.wait();
    after_layer(i);
  }
  const Tensor y = wanted_.empty() ? Tensor{} : m_.logits(s, x);  // the head is the largest matrix of all
  on_.wait();
  for (const Chunk& c : chunks) c.state->advance(std::ssize(c.tokens));
  return y;
}

void Forward::pack(std::span<const Chunk> chunks) {
  tokens_.clear(), positions_.clear(), wanted_.clear(), spans_.clear(), lengths_.clear();
  for (const Chunk& c : chunks) {
    const int64_t start = c.state->length();
    AUTARK_CHECK(!c.tokens.empty() && start + std::ssize(c.tokens) <= c.state->capacity());
    spans_.push_back({int(tokens_.size()), int(c.tokens.size())});
    lengths_.push_back(start);
    for (int32_t row : c.wanted) wanted_.push_back(spans_.back().first + row);
    for (size_t i = 0; i < c.tokens.size(); ++i) positions_.push_back(int32_t(start + int64_t(i)));
    tokens_.insert(tokens_.end(), c.tokens.begin(), c.tokens.end());
  }
  parts_.clear();
  for (int stream = 0; stream < cache_.streams(); ++stream) {
    for (const Chunk& c : chunks) parts_.push_back(c.state->parts(stream));
  }
}

Rows Forward::rows(int layer, int stream) const {
  const StateLayout::Place& p = cache_.layout().layers[layer][stream];
  const size_t n = spans_.size();
  return {.record = p.record,
          .codes = p.codes,
          .width = p.stream.row.numel(),
          .per = p.stream.per,
          .keep = p.stream.keep,
          .ring = p.ring,
          .page_rows = p.page_rows,
          .sequences = spans_,
          .pages = std::span(parts_).subspan(cache_.stream_at(layer, stream) * n, n),
          .length = lengths_};
}

}  // namespace autark::engine
