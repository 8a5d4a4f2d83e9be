// A draft head predicts the next tokens of the target model from what the target computed. It
// reads every position that the target has read, once the token after it is known, and proposes from there.
// The state of its layers follows the target's: layer i of a drafter is layer `target layers + i` of
// Step::state and of the notes.
//
//   target: positions … p, token p+1 is sampled     read(): … p     propose(0), (1) …: tokens p+2, p+3 …
//
// The target verifies every draft, so a drafter cannot change the text.
#pragma once
#include "models/model.h"

namespace autark {

class Drafter {
 public:
  virtual ~Drafter() = default;
  virtual const char* name() const = 0;
  virtual int drafts_max() const = 0;  // tokens it can propose in a row
  virtual int layers() const = 0;
  virtual std::vector<StateSpec> state_specs(int layer) const = 0;  // rings only

  // The target layers whose output it reads (−1: the embedding), in rising order. tap() reduces such an
  // output to what read() needs.
  virtual std::vector<int> taps() const = 0;
  virtual Tensor tap(Step&, Tensor x) const { return x; }

  // Extends its state by the step's rows: positions that the target has read, with the token after each in
  // `tokens`. Returns the input of propose() for the wanted rows.
  virtual Tensor read(Step& s, std::span<const Tensor> taps) const = 0;

  // Logits of draft j = 0, 1 … [sequences, vocabulary], for the sequences with a wanted row in read(). The
  // step has rows(j) rows per sequence, at positions from p + max(1, j) on. The first row's token is the last
  // one that is known or drafted, the others have filler(). `carried` is passed from each call to the next.
  // State written here is provisional: later steps overwrite it.
  virtual Tensor propose(Step& s, int j, Tensor* carried) const = 0;
  virtual int rows(int /*j*/) const { return 1; }
  virtual int32_t filler() const { return 0; }
};

// How to make the draft head of a checkpoint, and whether its config has one.
struct DrafterKind {
  bool (*present)(const Json&);
  Result<std::unique_ptr<Drafter>> (*make)(const Json&, Weights&);
};

// Makes a drafter from its Config and its weights; all faults of one of them are the error.
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
