// Speculative decoding. A drafter proposes the next tokens of each request; the target's next step computes
// them as further rows, and every row is sampled as usual. A draft is accepted if it equals the token sampled
// from the row before it. Then the logits of its own row are valid, too, and the step yields one more token.
// The rows of rejected drafts are taken back.
//
//   step:  schedule → forward (1 + drafts rows each) → sample, take back → draft → publish
//
// A token depends only on its logits, its position and its request (sampler.h), so drafts change the speed
// and not one token, greedy or sampled. Drafts are sampled with the same random number that will sample the
// real token, so that a draft from a similar distribution is usually accepted. Called by the engine thread.
#pragma once
#include <span>
#include <vector>
#include "engine/forward.h"
#include "engine/session.h"

namespace autark::engine {

class Speculation {
 public:
  // Drafts up to `drafts` tokens ahead, and no more than the drafter can. REQUIRES: the cache was made with
  // this drafter and with `drafts` rewind tokens.
  Speculation(const Drafter& drafter, Chip& on, const Cache& cache, int drafts);

  // Rows [row, row + count) of a step, which belong to one request and stay in its state. They are at
  // positions `first` and following, and the token after each of them is known.
  struct Reading {
    Session* session;
    int row = 0, count = 0;
    int64_t first = 0;
    bool drafts = false;  // the request is decoding: draft what follows
  };
  // Call after Forward::run(), with its taps. Extends the drafter's state and sets the sessions' drafts.
  void run(std::span<const Reading> readings, std::span<const Tensor> taps, Sampler::Scratch& scratch);

 private:
  struct Drafting {
    Session* session;
    std::vector<int32_t> tokens;
    size_t wanted;
  };
  Tensor read(std::span<const Reading> readings, std::span<const Tensor> taps);
  Logits propose(int j, Tensor* carried);
  std::vector<Tensor> rows_of(std::span<const Reading> readings, std::span<const Tensor> taps);

  const Drafter& drafter_;
  Chip& on_;
  const int drafts_;
  Packing packing_;
  std::vector<Drafting> drafting_;  // of the requests that draft in this step
};

}  // namespace autark::engine
