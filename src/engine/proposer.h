// What drafts tokens: prompt lookup, a draft head of the checkpoint, a second model. Used by Speculation, on the
// engine thread. Drafts never change a token, because the target verifies them.
#pragma once
#include <span>
#include "engine/acceptance.h"
#include "engine/session.h"
#include "models/drafter.h"

namespace autark::engine {

class Proposer {
 public:
  // Rows [row, row + count) of a step, which belong to one request and stay in its state. They are at
  // positions `first` and following, and the token after each of them is known.
  struct Reading {
    Session* session;
    int row = 0, count = 0;
    int64_t first = 0;
    bool decodes = false;     // drafts may follow its tokens
    DraftChoice choice = {};  // what drafts them
  };
  // What a run did. `usual`: its time is that of decoding; false: prompts were read, too.
  struct Ran {
    int passes = 0;
    bool usual = true;
  };

  virtual ~Proposer() = default;
  virtual DraftSource source() const = 0;
  // What it could draft for a request that decodes, up to `most` tokens; count 0: nothing now.
  virtual DraftChoice offer(Session& s, int most) = 0;
  // Follows the requests of a step, and sets the drafts of those whose choice is this source. `taps`: what a draft
  // head reads of the step.
  virtual Ran run(std::span<const Reading> readings, std::span<const Tensor> taps, Sampler::Scratch&) = 0;
  virtual void forget(RequestId) {}  // the request ended, or lost its state
};

}  // namespace autark::engine
