// Drafts: a drafter guesses what follows in each request, the trunk's next step has the guesses as further
// rows, and each row's token is drawn as always. A guess holds when it is what is drawn: then the row after
// it is right, too, and the step gives one token more. Else its rows are taken back.
//
// A token depends on its logits, its position and the request's seed alone (sampler.h), so a text is the same
// with and without drafts, bit for bit, sampled ones too: they change speed only. A drafter's guess is drawn
// with the very luck that will draw the token, so that likely guesses hold.
//
//   step:  schedule → forward (1 + drafts rows each) → sample, take back → draft → publish
//
// Called by the thread that runs the steps.
#pragma once
#include <span>
#include <vector>
#include "engine/forward.h"
#include "engine/session.h"

namespace autark::engine {

class Speculation {
 public:
  // At most `drafts` tokens ahead. REQUIRES: the cache was made for the drafter, with that much slack.
  Speculation(const Drafter& drafter, Chip& on, const Cache& cache, int drafts);

  // What a step has read of one request: rows [row, row + count) of it, at positions `first` …; the token
  // after each is known.
  struct Reading {
    Session* session;
    int row = 0, count = 0;
    int64_t first = 0;
    bool drafts = false;  // its next token is known but not read: guess what follows
  };
  // Right after Forward::run(), with its taps; gives the sessions their drafts.
  void run(std::span<const Reading> readings, std::span<const Tensor> taps, Sampler::Scratch& scratch);

 private:
  struct Guesses {
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
  std::vector<Guesses> guesses_;  // of those who draft
};

}  // namespace autark::engine
