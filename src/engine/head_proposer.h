// Drafts with the checkpoint's draft head (models/drafter.h). Its state lies in the rings of the target's cache. Rows
// that it did not follow leave old rows in its rings; its drafts are worse then until its window is full again.
#pragma once
#include <vector>
#include "engine/forward.h"
#include "engine/proposer.h"

namespace autark::engine {

class HeadProposer final : public Proposer {
 public:
  // REQUIRES: the cache was made with this drafter. The arguments must outlive this.
  HeadProposer(const Drafter& drafter, Chip& on, const Cache& cache);
  DraftSource source() const override { return source_; }
  DraftChoice offer(Session& s, int most) override;
  Ran run(std::span<const Reading> readings, std::span<const Tensor> taps, Sampler::Scratch&) override;

 private:
  struct Drafting {
    Session* session;
    DraftChoice choice;
    std::vector<int32_t> tokens;
    size_t wanted;
    bool unfinished() const { return tokens.size() < wanted; }
  };
  Tensor read(std::span<const Reading> readings, std::span<const Tensor> taps);
  Logits propose(int j, Tensor* carried);
  std::vector<Tensor> rows_of(std::span<const Reading> readings, std::span<const Tensor> taps);

  const Drafter& drafter_;
  const DraftSource source_;
  Chip& on_;
  Packing packing_;
  std::vector<Drafting> drafting_;  // of the requests that draft in this step
};

}  // namespace autark::engine
