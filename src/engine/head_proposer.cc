#include "engine/head_proposer.h"
#include <algorithm>
#include <string_view>
#include <utility>

namespace autark::engine {
namespace {

constexpr int kUsualRows = 33;  // of a request that decodes; more: the end of a prompt

}  // namespace

HeadProposer::HeadProposer(const Drafter& drafter, Chip& on, const Cache& cache)
    : drafter_(drafter),
      source_(std::string_view(drafter.name()) == "DSpark" ? DraftSource::dspark : DraftSource::mtp),
      on_(on),
      packing_(cache) {}

DraftChoice HeadProposer::offer(Session&, int most) {
  return {source_, 0, std::min(most, drafter_.drafts_max())};
}

Proposer::Ran HeadProposer::run(std::span<const Reading> readings, std::span<const Tensor> taps,
                                Sampler::Scratch& scratch) {
  Tensor carried = read(readings, taps);
  int passes = 0;
  for (; std::ranges::any_of(drafting_, &Drafting::unfinished); ++passes) {
    const Logits logits = propose(passes, &carried);
    for (size_t i = 0; i < drafting_.size(); ++i) {
      Drafting& g = drafting_[i];
      if (!g.unfinished()) continue;
      const auto token = g.session->draft(logits.row(int64_t(i)), passes + 1, g.tokens, scratch);
      token ? g.tokens.push_back(*token) : void(g.wanted = g.tokens.size());
    }
  }
  for (Drafting& g : drafting_) g.session->set_drafts(std::move(g.tokens), g.choice);
  const auto usual = [](const Reading& r) { return r.decodes && r.count <= kUsualRows; };
  return {passes, std::ranges::all_of(readings, usual)};
}

Tensor HeadProposer::read(std::span<const Reading> readings, std::span<const Tensor> taps) {
  packing_.begin();
  drafting_.clear();
  for (const Reading& r : readings) {
    const bool drafts = r.choice.count > 0 && r.choice.source == source_;
    if (drafts) drafting_.push_back({r.session, r.choice, {}, size_t(r.choice.count)});
    const std::vector<int32_t> wanted(drafts, r.count - 1);
    packing_.add(*r.session->state, r.first, r.session->tokens().subspan(r.first + 1, r.count), wanted);
  }
  Step s = packing_.step(on_);
  const Tensor start = drafter_.read(s, rows_of(readings, taps));
  on_.wait();
  return start;
}

// The taps of `readings` only: a step also has rows of rejected drafts and of requests that have ended.
std::vector<Tensor> HeadProposer::rows_of(std::span<const Reading> readings, std::span<const Tensor> taps) {
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

// Draft j of all requests that draft, one row of logits each. A drafter that proposes a block gets its
// filler token in the places after the last known one.
Logits HeadProposer::propose(int j, Tensor* carried) {
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
