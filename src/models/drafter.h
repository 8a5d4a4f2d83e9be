// A draft head: guesses what the trunk will say next from what the trunk just computed. It reads every
// position the trunk has read, once the token after it is known, and proposes from there. Its layers' state
// lies behind the trunk's: layer i of a drafter is layer `trunk layers + i` of Step::state and of its notes.
//
//   trunk: positions … p, token p+1 is drawn     read(): … p     propose(0), (1) …: tokens p+2, p+3 …
//
// A drafter only guesses: the trunk verifies, so nothing it says can change a text.
#pragma once
#include "models/model.h"

namespace autark {

class Drafter {
 public:
  virtual ~Drafter() = default;
  virtual const char* name() const = 0;
  virtual int drafts_max() const = 0;  // tokens it can propose in a row
  virtual int layers() const = 0;
  virtual std::vector<Stream> state(int layer) const = 0;  // rings only

  // Trunk layers whose residual it reads as they leave it (−1: the embedding), rising, and what it keeps.
  virtual std::vector<int> taps() const = 0;
  virtual Tensor tap(Step&, Tensor x) const { return x; }

  // Extends its state by the step's rows: positions the trunk has read, in `tokens` the token after each.
  // Gives what propose() starts from, of the wanted rows.
  virtual Tensor read(Step& s, std::span<const Tensor> taps) const = 0;

  // Logits of draft j = 0, 1 … [sequences, vocabulary], for the sequences that read() had a wanted row of.
  // The step has rows(j) rows of each, from position p + max(1, j) on; the first one's token is the last that
  // is known or drafted, filler() the others'. `carried` goes from each call to the next. What it writes to
  // its state is a guess: later steps write there again.
  virtual Tensor propose(Step& s, int j, Tensor* carried) const = 0;
  virtual int rows(int /*j*/) const { return 1; }
  virtual int32_t filler() const { return 0; }
};

// How to make the draft head of a checkpoint, if its config says that it has one.
struct DrafterKind {
  bool (*present)(const Json&);
  Result<std::unique_ptr<Drafter>> (*make)(const Json&, Weights&);
};

template <class D, class Config>
Result<std::unique_ptr<Drafter>> make_drafter(const Json& json, Weights& w) {
  const ConfigFile file(json);
  const Config config(file);
  if (auto e = file.fault()) return *e;
  auto d = std::make_unique<D>(config, w);
  if (auto e = w.fault()) return *e;
  return std::unique_ptr<Drafter>(std::move(d));
}

}  // namespace autark
