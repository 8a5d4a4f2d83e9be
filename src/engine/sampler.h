// Picks the next token of one request from its logits. In this order:
//
//   bias · repetition · frequency and presence penalties · end tokens masked before min_tokens ·
//   temperature · top-k · top-p · min-p · draw
//
// Repetition sees prompt and answer (l > 0 ? l / r : l · r), the other penalties the answer only. top-p
// counts what top-k left; min-p compares with the most likely token. The draw comes from a hash of (seed,
// position), so a token depends on nothing but its logits, its place and the request.
#pragma once
#include <span>
#include <vector>
#include "engine/engine.h"

namespace autark::engine {

std::optional<Error> fault_of(const Sampling& s, int64_t vocabulary);  // numbers out of range

// Uniform in [0, 1), a pure function.
double uniform_at(uint64_t seed, uint64_t position);

// Lowest id among the largest.
int32_t argmax(std::span<const float> logits);
bool all_finite(std::span<const float> logits);

class Sampler {
 public:
  struct Scratch {  // shared by the samplers of one thread
    struct Candidate {
      float weight;
      int32_t id;
    };
    std::vector<float> logits, weights;
    std::vector<Candidate> candidates;
  };
  // `masked` cannot be chosen while fewer than `min_tokens` are generated.
  Sampler(const Sampling& s, std::span<const int32_t> prompt, std::vector<int32_t> masked,
          int64_t min_tokens);

  // The token at `position` of the timeline. REQUIRES: all_finite(logits)
  int32_t pick(std::span<const float> logits, int64_t position, Scratch& scratch) const;
  void accept(int32_t id);  // it was generated

 private:
  struct Count {  // of a token that is in the prompt or the answer
    int32_t id;
    int generated = 0;
  };
  void adjust(std::span<float> logits) const;
  int32_t draw(std::span<const float> logits, double u, Scratch& scratch) const;
  void filter(double all, Scratch& scratch) const;

  Sampling s_;
  std::vector<int32_t> masked_;
  int64_t min_tokens_, generated_ = 0;
  bool penalties_;
  std::vector<Count> counts_;  // by rising id; kept only where a penalty is on
};

}  // namespace autark::engine
