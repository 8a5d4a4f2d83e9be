#include "engine/logprobs.h"
#include "engine/softmax.h"

namespace autark::engine {

Logprobs logprobs_of(std::span<const float> logits, int32_t chosen, int top) {
  const double norm = log_sum_exp(logits);
  const auto at = [&](int32_t id) { return TokenLogprob{id, float(logits[id] - norm)}; };
  Logprobs out{.chosen = at(chosen)};
  if (top <= 0) return out;
  std::vector<int32_t> best;
  largest(logits, top, best);
  for (int32_t id : best) out.top.push_back(at(id));
  return out;
}

}  // namespace autark::engine
