// Speculative decoding. Drafters propose the next tokens of each request; the target's next step computes
// them as further rows, and every row is sampled as usual. A draft is accepted if it equals the token sampled
// from the row before it. Then the logits of its own row are valid, too, and the step yields one more token.
// The rows of rejected drafts are taken back.
//
//   step:  schedule → forward (1 + drafts rows each) → sample, take back → draft → publish
//
// Which drafter works for which request, and how far ahead, is decided for every step (draft_policy.h).
//
// A token depends only on its logits, its position and its request (sampler.h), so drafts change the speed
// and not one token, greedy or sampled. Models sample drafts with the same random number that will sample the
// real token, so that a draft from a similar distribution is usually accepted. Called by the engine thread.
#pragma once
#include <functional>
#include <memory>
#include <span>
#include <vector>
#include "engine/draft_policy.h"
#include "engine/proposer.h"

namespace autark::engine {

// What a Batch drafts with.
struct Drafters {
  const Drafter* head = nullptr;         // the checkpoint's draft head; null: not used
  std::unique_ptr<Proposer> model = {};  // a second model; null: none
  bool lookup = false;
  int most = 0;         // drafts of a request in a step; the cache has as many rewind tokens
  bool always = false;  // DraftOptions::always
};

class Speculation {
 public:
  using Clock = std::function<double()>;  // seconds, never falling
  // REQUIRES: the cache was made with `drafters.head` and with `drafters.most` rewind tokens.
  Speculation(Drafters drafters, Chip& on, const Cache& cache, Clock clock);

  // Call after Forward::run(), with its taps. Extends the drafters' states and sets the sessions' drafts.
  void run(std::span<Proposer::Reading> readings, std::span<const Tensor> taps, Sampler::Scratch& scratch);
  // Of a request's drafts, `verified` were computed by the target and `accepted` held.
  void note(Session& s, int verified, int accepted, bool ended);
  void forget(RequestId id);
  // Learns from the times since the last call. `target_micros`: the forward pass and the sampling of the step of
  // this load. `agreed` makes a time equal on all ranks, in microseconds.
  void learn(const StepLoad& load, int64_t target_micros, const std::function<int64_t(double)>& agreed);
  const DraftTally& tally() const { return tally_; }

 private:
  struct Timed {
    DraftSource source;
    int passes;
    double seconds;
  };
  void choose(std::span<Proposer::Reading> readings);
  DraftPolicy::Asking asking_of(Session& s);

  const int most_;
  const Clock clock_;
  std::vector<std::unique_ptr<Proposer>> proposers_;
  DraftPolicy policy_;
  std::vector<Timed> timed_;  // since the last learn()
  DraftTally tally_ = {};
};

}  // namespace autark::engine
