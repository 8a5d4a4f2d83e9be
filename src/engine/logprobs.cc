#include "engine/logprobs.h"
#include <algorithm>
#include <cmath>

namespace autark::engine {

Logprobs logprobs_of(std::span<const float> logits, int32_t chosen, int top) {
  const float max = *std::ranges::max_element(logits);
  double sum = 0;
  for (float l : logits) sum += std::exp(double(l) - max);
  const double norm = max + std::log(sum);
  const auto at = [&](int32_t id) { return TokenLogprob{id, float(logits[id] - norm)}; };
  Logprobs out{.chosen = at(chosen)};
  const size_t n = std::min(size_t(std::max(top, 0)), logits.size());
  std::vector<int32_t> best;  // a heap whose root is the least likely of the n best so far
  const auto better = [&](int32_t a, int32_t b) {
    return logits[a] != logits[b] ? logits[a] > logits[b] : a < b;
  };
  for (int32_t id = 0; n > 0 && id < std::ssize(logits); ++id) {
    if (best.size() == n && !better(id, best.front())) continue;
    if (best.size() == n) std::ranges::pop_heap(best, better), best.pop_back();
    best.push_back(id), std::ranges::push_heap(best, better);
  }
  std::ranges::sort(best, better);
  for (int32_t id : best) out.top.push_back(at(id));
  return out;
}

}  // namespace autark::engine
