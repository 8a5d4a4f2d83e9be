// Drafts what followed the last tokens of a request earlier in its own text (lookup_index.h). It costs no pass of a
// model, only rows of the target's step.
#pragma once
#include "engine/proposer.h"

namespace autark::engine {

class LookupProposer final : public Proposer {
 public:
  DraftSource source() const override { return DraftSource::lookup; }
  DraftChoice offer(Session& s, int most) override;
  Ran run(std::span<const Reading> readings, std::span<const Tensor> taps, Sampler::Scratch&) override;
};

}  // namespace autark::engine
