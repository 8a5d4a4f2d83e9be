// Samples the next token of one request from its logits. The settings apply in this order:
//
//   mask · bias · repetition · frequency and presence penalties · end tokens masked before min_tokens ·
//   temperature · top-k · top-p · min-p · draw
//
// The repetition penalty counts prompt and answer (l > 0 ? l / r : l · r), the other penalties the answer
// only. If only end tokens are in the mask, min_tokens does not hold them back. top-p is a share of what top-k
// left; min-p is relative to the most likely token. The random number is a hash of (seed, position), so a
// token depends only on its logits, its position and its request.
#pragma once
#include <span>
#include <vector>
#include "engine/engine.h"

namespace autark::engine {

// An error if a number is out of range or a bias names a token outside the vocabulary.
std::optional<Error> fault_of(const Sampling& s, int64_t vocabulary);

// The random number of a position, uniform in [0, 1). A pure function: the same on every machine.
double uniform_at(uint64_t seed, uint64_t position);

class Sampler {
 public:
  // Buffers of the size of a vocabulary. One per thread, shared by its samplers.
  struct Scratch {
    struct Candidate {
      float weight;  // probability relative to the most likely token
      int32_t id;
    };
    std::vector<float> logits, weights;
    std::vector<int32_t> ids;
    std::vector<Candidate> candidates;
  };
  // The tokens `masked` cannot be sampled while the answer has fewer than `min_tokens` tokens.
  Sampler(const Sampling& s, std::span<const int32_t> prompt, std::vector<int32_t> masked,
          int64_t min_tokens);

  // Samples the token at `position`, counted from the start of the prompt, among those that `mask` allows.
  // REQUIRES: all logits are finite; the mask allows a token
  int32_t pick(std::span<const float> logits, int64_t position, Scratch& scratch,
               const TokenMask& mask = {}) const;
  // Adds a token to the answer, for penalties and min_tokens. pick() does not.
  void accept(int32_t id);

 private:
  struct Count {
    int32_t id;         // a token of the prompt or the answer
    int generated = 0;  // how often it is in the answer
  };
  void adjust(std::span<float> logits) const;
  void hold_ends(std::span<float> logits, const TokenMask& mask) const;
  int32_t draw(std::span<const float> logits, double u, Scratch& scratch) const;
  void keep_top_k(std::span<const float> logits, float max, float inverse, Scratch& scratch) const;
  void keep_nucleus(Scratch& scratch) const;

  Sampling s_;
  std::vector<int32_t> masked_;
  int64_t min_tokens_, generated_ = 0;
  bool penalties_;
  std::vector<Count> counts_;  // by rising id; empty if no penalty is set
};

}  // namespace autark::engine
