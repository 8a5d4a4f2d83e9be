#include "engine/speculative.h"
#include <algorithm>

namespace autark::engine {

Speculation::Speculation(const Drafter& drafter, Chip& on, const Cache& cache, int drafts)
    : drafter_(drafter), on_(on), drafts_(std::min(drafts, drafter.drafts_max())), packing_(cache) {}

void Speculation::run(std::span<const Reading> readings, std::span<const Tensor> taps,
                      Sampler::Scratch& scratch) {
  if (readings.empty()) return;
  Tensor carried = read(readings, taps);
  const auto unfinished = [](const Drafting& g) { return g.tokens.size() < g.wanted; };
  for (int j = 0; j < drafts_ && std::ranges::any_of(drafting_, unfinished); ++j) {
    const Logits logits = propose(j, &carried);
    for (size_t i = 0; i < drafting_.size(); ++i) {
      Drafting& g = drafting_[i];
      if (!unfinished(g)) continue;
      const auto token = g.session->draft(logits.row(int64_t(i)), j + 1, g.tokens, scratch);
      token ? g.tokens.push_back(*token) : void(g.wanted = g.tokens.size());
    }
  }
  for (Drafting& g : drafting_) g.session->set_drafts(std::move(g.tokens));
}

Tensor Speculation::read(std::span<const Reading> readings, std::span<const Tensor> taps) {
  packing_.begin();
  drafting_.clear();
  for (const Reading& r : readings) {
    const int useful = std::min(drafts_, r.session->drafts_useful());
    const bool drafts = r.drafts && useful > 0;
    if (drafts) drafting_.push_back({r.session, {}, size_t(useful)});
    const std::vector<int32_t> wanted(drafts, r.count - 1);
    packing_.add(*r.session->state, r.first, r.session->tokens().subspan(r.first + 1, r.count), wanted);
  }
  Step s = packing_.step(on_);
  const Tensor start = drafter_.read(s, rows_of(readings, taps));
  on_.wait();
  return start;
}

// The taps of `readings` only: a step also has rows of rejected drafts and of requests that have ended.
std::vector<Tensor> Speculation::rows_of(std::span<const Reading> readings, std::span<const Tensor> taps) {
  std::vector<int32_t> rows;
  for (const Reading& r : readings) {
    for (int i = 0; i < r.count; ++i) rows.push_back(r.row + i);
  }
  std::vector<Tensor> own(taps.begin(), taps.end());
  const Tensor ids = on_.upload(rows);
  for (Tensor& x : own) {
    if (x.shape[0] != std::ssize(rows)) x = on_.gather(x, ids);
  }
  return own;
}

// Draft j of all requests in guesses_, one row of logits each. A drafter that proposes a block gets its
// filler token in the places after the last known one.
Logits Speculation::propose(int j, Tensor* carried) {
  packing_.begin();
  for (const Drafting& g : drafting_) {
    const auto known = g.session->tokens();
    std::vector<int32_t> tokens(drafter_.rows(j), drafter_.filler());
    tokens[0] = g.tokens.empty() ? known.back() : g.tokens.back();
    packing_.add(*g.session->state, std::ssize(known) - 2 + std::max(1, j), tokens, {});
  }
  Step s = packing_.step(on_);
  const Tensor logits = drafter_.propose(s, j, carried);
  on_.wait();
  return {on_.read(logits), logits.cols()};
}

}  // namespace autark::engine
