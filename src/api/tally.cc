#include "api/tally.h"
#include <algorithm>

namespace autark::api {
namespace {

void add_prompt_cache(Usage& sum, const Usage& one) {
  if (sum.prompt_cache && one.prompt_cache)
    add(*sum.prompt_cache, *one.prompt_cache);
  else if (one.prompt_cache)
    sum.prompt_cache = one.prompt_cache;
}

void add_prediction(Usage& sum, const Usage& one) {
  if (!one.prediction) return;
  if (!sum.prediction) sum.prediction = PredictionTokens{};
  sum.prediction->accepted += one.prediction->accepted;
  sum.prediction->rejected += one.prediction->rejected;
}

}  // namespace

Tally::Tally(int choices, int n) : n_(n), usage_(choices), finished_(choices, false), open_(choices) {}

void Tally::add(const Event& e) {
  Usage& u = usage_.at(e.choice);
  u.prompt_tokens = std::max(u.prompt_tokens, e.usage.prompt_tokens);
  u.cached_tokens = std::max(u.cached_tokens, e.usage.cached_tokens);
  u.completion_tokens = std::max(u.completion_tokens, e.usage.completion_tokens);
  if (e.usage.prompt_cache) u.prompt_cache = e.usage.prompt_cache;
  if (e.usage.prediction) u.prediction = e.usage.prediction;
  u.reasoning_tokens = std::max(u.reasoning_tokens, e.usage.reasoning_tokens);
  if (const auto* s = std::get_if<Event::Started>(&e.payload)) u.prompt_tokens = s->prompt_tokens;
  if (std::holds_alternative<Event::Finished>(e.payload) && !finished_[e.choice]) {
    finished_[e.choice] = true;
    --open_;
  }
}

int64_t Tally::longest() const {
  int64_t most = 0;
  for (const Usage& u : usage_) most = std::max(most, u.completion_tokens);
  return most;
}

Usage Tally::total() const {
  Usage sum;
  for (size_t i = 0; i < usage_.size(); ++i) {
    if (i % n_ == 0) {
      sum.prompt_tokens += usage_[i].prompt_tokens;
      sum.cached_tokens += usage_[i].cached_tokens;
      add_prompt_cache(sum, usage_[i]);
    }
    sum.completion_tokens += usage_[i].completion_tokens;
    sum.reasoning_tokens += usage_[i].reasoning_tokens;
    add_prediction(sum, usage_[i]);
  }
  return sum;
}

}  // namespace autark::api
