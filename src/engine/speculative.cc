#include "engine/speculative.h"
#include <algorithm>
#include <utility>
#include "engine/head_proposer.h"
#include "engine/lookup_proposer.h"

namespace autark::engine {

Speculation::Speculation(Drafters drafters, Chip& on, const Cache& cache, Clock clock)
    : most_(std::min(drafters.most, DraftPolicy::kPassesMax)),
      clock_(std::move(clock)),
      policy_(drafters.always) {
  if (drafters.lookup) proposers_.push_back(std::make_unique<LookupProposer>());
  if (drafters.head) proposers_.push_back(std::make_unique<HeadProposer>(*drafters.head, on, cache));
  if (drafters.model) proposers_.push_back(std::move(drafters.model));
}

void Speculation::run(std::span<Proposer::Reading> readings, std::span<const Tensor> taps,
                      Sampler::Scratch& scratch) {
  if (readings.empty()) return;
  choose(readings);
  for (const auto& p : proposers_) {
    const auto drafts = [&](const Proposer::Reading& r) {
      return r.choice.count > 0 && r.choice.source == p->source();
    };
    if (!policy_.follows(p->source()) && std::ranges::none_of(readings, drafts)) continue;
    const double begun = clock_();
    const Proposer::Ran ran = p->run(readings, taps, scratch);
    if (ran.usual) timed_.push_back({p->source(), ran.passes, clock_() - begun});
  }
}

void Speculation::choose(std::span<Proposer::Reading> readings) {
  std::vector<DraftPolicy::Asking> askings;
  for (const auto& r : readings) {
    if (r.decodes) askings.push_back(asking_of(*r.session));
  }
  const auto choices = policy_.choose(askings);
  size_t next = 0;
  for (auto& r : readings) {
    if (r.decodes) r.choice = choices[next++];
  }
}

DraftPolicy::Asking Speculation::asking_of(Session& s) {
  DraftPolicy::Asking a{.record = &s.draft_record, .length = std::ssize(s.tokens())};
  const int useful = std::min(most_, s.drafts_useful());
  for (const auto& p : proposers_) {
    const DraftChoice offer = useful > 0 ? p->offer(s, useful) : DraftChoice{};
    if (offer.count > 0) a.offers.push_back(offer);
  }
  return a;
}

void Speculation::note(Session& s, int verified, int accepted, bool ended) {
  if (verified == 0) return;
  DraftChoice choice = s.draft_choice();
  choice.count = verified;
  policy_.learn_answer(s.draft_record, choice, accepted, ended);
  DraftCounts& counts = tally_[int(choice.source)];
  ++counts.proposals;
  counts.drafted += verified;
  counts.accepted += accepted;
}

void Speculation::forget(RequestId id) {
  for (const auto& p : proposers_) p->forget(id);
}

void Speculation::learn(const StepLoad& load, int64_t target_micros,
                        const std::function<int64_t(double)>& agreed) {
  policy_.learn_step(load, target_micros);
  for (const Timed& t : std::exchange(timed_, {}))
    policy_.learn_drafting(t.source, t.passes, agreed(t.seconds));
}

}  // namespace autark::engine
