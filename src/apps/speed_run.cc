#include "apps/speed_run.h"
#include <algorithm>
#include "engine/softmax.h"
#include "engine/synthetic_state.h"

namespace autark::apps {

SpeedRun::SpeedRun(const Model& m, Chip& on, engine::Cache& cache, int sequences)
    : vocabulary_(m.vocabulary()), on_(on), cache_(cache), forward_(m, on, cache) {
  for (int i = 0; i < sequences; ++i) {
    auto state = cache.open();
    AUTARK_CHECK(state && cache.reserve(*state, cache.context()));
    sequences_.push_back({std::move(state)});
  }
}

void SpeedRun::fill(int64_t tokens) {
  if (tokens == 0) return;
  for (size_t i = 0; i < sequences_.size(); ++i)
    engine::fill_synthetic(cache_, on_, *sequences_[i].state, tokens, i);
}

void SpeedRun::skip(int64_t tokens) {
  for (Sequence& s : sequences_) s.state->advance(tokens);
}

void SpeedRun::read(int tokens, int chunk) {
  for (int i = 0; i < int(sequences_.size()); ++i) read(i, tokens, chunk);
}

void SpeedRun::read(int number, int tokens, int chunk) {
  Sequence& s = sequences_[number];
  std::vector<int32_t> prompt(tokens);
  for (int i = 0; i < tokens; ++i) prompt[i] = int32_t((int64_t{7919} * i + 13 + 101 * number) % vocabulary_);
  for (int at = 0; at < tokens; at += chunk) {
    const int count = std::min(chunk, tokens - at);
    engine::Chunk c{.state = s.state.get(), .tokens = std::span(prompt).subspan(at, count)};
    if (at + count == tokens) c.wanted = {count - 1};
    const engine::Logits logits = forward_.run({&c, 1});
    if (logits.rows() > 0) s.next = engine::argmax(logits.row(0));
  }
}

void SpeedRun::write(int tokens) {
  std::vector<engine::Chunk> step;
  for (Sequence& s : sequences_) step.push_back({s.state.get(), {&s.next, 1}, {0}});
  for (int i = 0; i < tokens; ++i) {
    const engine::Logits logits = forward_.run(step);
    for (int row = 0; row < logits.rows(); ++row) sequences_[row].next = engine::argmax(logits.row(row));
  }
}

}  // namespace autark::apps
