#include "engine/model_proposer.h"
#include <algorithm>
#include <utility>

namespace autark::engine {
namespace {

constexpr int64_t kRowsMax = 512;  // that it reads in a step behind the target
constexpr int64_t kLagMax = 256;   // tokens of a request that it may read in the step in which it drafts
constexpr float kNever = -1e30f;   // logit of tokens that it does not know

}  // namespace

Result<std::unique_ptr<Proposer>> ModelProposer::make(LoadedModel model, const Options& options) {
  const StateLayout l = layout_of(*model.model, model.rounding.cache, options.most);
  const int64_t least = l.ring_bytes * options.running_max + l.page_bytes;
  AUTARK_TRY(auto cache, Cache::make(*model.model, *model.chip,
                                     {.rounding = model.rounding.cache,
                                      .bytes_max = std::max(options.bytes_max, least),
                                      .context = std::min(options.context, model.model->context()),
                                      .sequences_max = options.running_max,
                                      .rewind_tokens = options.most}));
  return std::unique_ptr<Proposer>(new ModelProposer(std::move(model), std::move(cache), options));
}

ModelProposer::ModelProposer(LoadedModel model, std::unique_ptr<Cache> cache, const Options& options)
    : options_(options),
      model_(std::move(model)),
      cache_(std::move(cache)),
      forward_(*model_.model, *model_.chip, *cache_) {}

// Takes back what the request does not have, and its last token, whose logits are needed. Only drafts can differ.
ModelProposer::Request& ModelProposer::request_of(Session& s) {
  const auto [at, fresh] = requests_.try_emplace(s.id());
  Request& r = at->second;
  if (fresh) r.state = cache_->open();
  if (!r.state) return r;
  const int64_t had = std::ssize(r.read), last = std::ssize(s.tokens()) - 1;
  int64_t same = std::clamp<int64_t>(had - options_.most - 1, 0, last);
  while (same < std::min(had, last) && r.read[same] == s.tokens()[same]) ++same;
  r.state->take_back(had - same);
  r.read.resize(same);
  return r;
}

DraftChoice ModelProposer::offer(Session& s, int most) {
  const Request& r = request_of(s);
  const int64_t length = std::ssize(s.tokens()), room = cache_->context() - length;
  if (!r.state || length - std::ssize(r.read) > kLagMax || room <= 0) return {};
  return {DraftSource::draft, 0, int(std::min<int64_t>(most, room))};
}

Proposer::Ran ModelProposer::run(std::span<const Reading> readings, std::span<const Tensor>,
                                 Sampler::Scratch& scratch) {
  const bool usual = read(readings);
  int passes = 0;
  for (; !chunks_.empty(); ++passes) pass(scratch);
  const bool drafted = !drafting_.empty();
  for (Drafting& g : drafting_) g.session->set_drafts(std::move(g.tokens), g.choice);
  return {drafted ? passes : 0, usual};
}

// The chunks of the first pass. False: some of them are more than what a step of the target adds to a request.
bool ModelProposer::read(std::span<const Reading> readings) {
  chunks_.clear(), drafting_.clear();
  int64_t rows = kRowsMax;
  bool usual = true;
  for (const Reading& r : readings) {
    Request& q = request_of(*r.session);
    if (!q.state) continue;
    const auto behind = r.session->tokens().subspan(q.read.size());
    const bool drafts = r.choice.count > 0 && r.choice.source == DraftSource::draft;
    const auto now = drafts ? behind : behind.first(std::min(std::ssize(behind), rows));
    rows = std::max<int64_t>(0, rows - std::ssize(now));
    usual = usual && r.decodes && std::ssize(behind) <= options_.most + 1;
    if (now.empty() || !take(q, now, drafts) || !drafts) continue;
    drafting_.push_back({r.session, &q, r.choice, {}});
    drafting_.back().tokens.reserve(r.choice.count);
  }
  return usual;
}

// Adds tokens to the next pass. False: the request is given up, because there is no memory for it or the model does
// not know a token.
bool ModelProposer::take(Request& r, std::span<const int32_t> tokens, bool drafts) {
  const bool known = std::ranges::all_of(tokens, [&](int32_t t) { return t < model_.model->vocabulary(); });
  const int64_t length = std::ssize(r.read) + std::ssize(tokens);
  if (!known || length > cache_->context() || !cache_->reserve(*r.state, length)) {
    r.state.reset();
    r.read.clear();
    return false;
  }
  const int32_t last = int32_t(tokens.size()) - 1;
  chunks_.push_back({r.state.get(), tokens, std::vector<int32_t>(drafts, last)});
  r.read.insert(r.read.end(), tokens.begin(), tokens.end());
  return true;
}

// One token more for each request that drafts. The last draft of a request is not read.
void ModelProposer::pass(Sampler::Scratch& scratch) {
  const Logits logits = forward_.run(std::exchange(chunks_, {}));
  int64_t row = 0;
  for (Drafting& g : drafting_) {
    if (g.done) continue;
    const auto token =
        g.session->draft(as_target(logits.row(row++)), int(g.tokens.size()) + 1, g.tokens, scratch);
    if (token) g.tokens.push_back(*token);
    g.done = !token || std::ssize(g.tokens) == g.choice.count ||
             !take(*g.request, std::span(g.tokens).last(1), /*drafts=*/true);
  }
}

// Models of one family may pad their vocabularies to different widths.
std::span<const float> ModelProposer::as_target(std::span<const float> logits) {
  const size_t wanted = size_t(options_.vocabulary);
  if (logits.size() >= wanted) return logits.first(wanted);
  padded_.assign(wanted, kNever);
  std::ranges::copy(logits, padded_.begin());
  return padded_;
}

}  // namespace autark::engine
