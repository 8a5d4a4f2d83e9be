#include "engine/lookup_proposer.h"

namespace autark::engine {
namespace {

// Longer matches are more often right.
int level_of(int match_length) {
  return (match_length >= 5) + (match_length >= 9) + (match_length >= 17);
}

}  // namespace

DraftChoice LookupProposer::offer(Session& s, int most) {
  LookupIndex& index = s.lookup_index();
  if (index.match_length() == 0) return {};
  return {DraftSource::lookup, level_of(index.match_length()), int(std::ssize(index.following(most)))};
}

Proposer::Ran LookupProposer::run(std::span<const Reading> readings, std::span<const Tensor>,
                                  Sampler::Scratch&) {
  for (const Reading& r : readings) {
    if (r.choice.count > 0 && r.choice.source == DraftSource::lookup)
      r.session->set_drafts(r.session->lookup_index().following(r.choice.count), r.choice);
  }
  return {};
}

}  // namespace autark::engine
