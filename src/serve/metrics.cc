#include "serve/metrics.h"
#include <fmt/format.h>
#include <algorithm>
#include "base/key_text.h"

namespace autark::serve {
namespace {

// Limits on names that clients choose, and the bounds of the histograms in seconds.
constexpr size_t kIgnoredNames = 100, kNameBytes = 64;
constexpr double kFast[] = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5};
constexpr double kSlow[] = {0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600};

}  // namespace

void Histogram::add(double seconds) {
  ++counts_[std::lower_bound(bounds_.begin(), bounds_.end(), seconds) - bounds_.begin()];
  sum_ += seconds;
}

void Histogram::expose(Exposition& out) const {
  out.histogram(bounds_, counts_, sum_);
}

Metrics::Metrics() : first_token_(kSlow), inter_token_(kFast), request_(kSlow) {}

void Metrics::answered(const std::string& route, int status) {
  const std::lock_guard lock(mutex_);
  ++requests_[{route, status}];
}

void Metrics::first_token(double seconds) {
  const std::lock_guard lock(mutex_);
  first_token_.add(seconds);
}

void Metrics::inter_token(double seconds) {
  const std::lock_guard lock(mutex_);
  inter_token_.add(seconds);
}

void Metrics::finished(double seconds, const api::Usage& usage) {
  const std::lock_guard lock(mutex_);
  request_.add(seconds);
  tokens_.prompt_tokens += usage.prompt_tokens;
  tokens_.cached_tokens += usage.cached_tokens;
  tokens_.completion_tokens += usage.completion_tokens;
}

void Metrics::answered(const Asked& asked, const api::Usage& usage) {
  const std::lock_guard lock(mutex_);
  prompts_.add(double(usage.prompt_tokens));
  answers_.add(double(usage.completion_tokens));
  longest_.add(double(asked.longest));
  choices_.add(asked.choices);
  if (asked.max_tokens) max_tokens_.add(double(*asked.max_tokens));
}

void Metrics::cancelled() {
  const std::lock_guard lock(mutex_);
  ++cancelled_;
}

void Metrics::refused_key() {
  const std::lock_guard lock(mutex_);
  ++refused_keys_;
}

std::optional<std::string> Metrics::ignored(const std::string& field) {
  const std::lock_guard lock(mutex_);
  std::string name = without_keys(field).substr(0, kNameBytes);
  std::replace_if(
      name.begin(), name.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  if (!ignored_.contains(name) && ignored_.size() >= kIgnoredNames) name = "other";
  if (++ignored_[name] > 1) return {};
  return name;
}

void Metrics::expose(Exposition& out) const {
  const std::lock_guard lock(mutex_);
  out.family("requests_total", "counter", "HTTP requests answered, by route and status.");
  for (const auto& [key, count] : requests_)
    out.sample(count, {{"route", key.first}, {"status", std::to_string(key.second)}});
  out.counter("requests_cancelled_total", "Requests whose client went away before the end.", cancelled_);
  out.counter("keys_refused_total", "Requests without the right API key.", refused_keys_);
  out.counter("prompt_tokens_total", "Prompt tokens of answered requests.", tokens_.prompt_tokens);
  out.counter("cached_tokens_total", "Prompt tokens that needed no computing.", tokens_.cached_tokens);
  out.counter("completion_tokens_total", "Tokens generated for answered requests.",
              tokens_.completion_tokens);
  out.family("ignored_fields_total", "counter", "Request fields this server does not know, by name.");
  for (const auto& [name, count] : ignored_) out.sample(count, {{"field", name}});
  out.family("time_to_first_token_seconds", "histogram", "From the request's arrival to its first token.");
  first_token_.expose(out);
  out.family("inter_token_seconds", "histogram", "Between the tokens of one choice.");
  inter_token_.expose(out);
  out.family("request_seconds", "histogram", "From a request's arrival to the end of its answer.");
  request_.expose(out);
}

void Metrics::expose_as_vllm(Exposition& out) const {
  const std::lock_guard lock(mutex_);
  out.counter("prompt_tokens_total", "Prompt tokens of answered requests.", double(tokens_.prompt_tokens));
  out.family("time_to_first_token_seconds", "histogram", "From the request's arrival to its first token.");
  first_token_.expose(out);
  out.family("inter_token_latency_seconds", "histogram", "Between the tokens of one choice.");
  inter_token_.expose(out);
  out.family("e2e_request_latency_seconds", "histogram",
             "From a request's arrival to the end of its answer.");
  request_.expose(out);
  const auto tokens = [&](const char* name, const char* help, const engine::TokenCounts& counts) {
    out.family(name, "histogram", help);
    out.histogram(counts.kBounds, counts.counts, counts.sum);
  };
  tokens("request_prompt_tokens", "Prompt tokens of a request.", prompts_);
  tokens("request_generation_tokens", "Tokens generated for a request.", answers_);
  tokens("request_max_num_generation_tokens", "Tokens of a request's longest choice.", longest_);
  tokens("request_params_n", "Choices that a request asked for.", choices_);
  tokens("request_params_max_tokens", "The limit of a request that had one.", max_tokens_);
}

}  // namespace autark::serve
