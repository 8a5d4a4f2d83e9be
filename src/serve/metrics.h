// The service's own counters and histograms. Thread-safe. All numbers only grow.
#pragma once
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <vector>
#include "api/item.h"
#include "engine/durations.h"
#include "serve/exposition.h"

namespace autark::serve {

// Counts by upper bound, and the sum. `bounds` rise and must outlive the histogram.
class Histogram {
 public:
  explicit Histogram(std::span<const double> bounds) : bounds_(bounds), counts_(bounds.size() + 1, 0) {}
  void add(double seconds);  // counts one measurement
  void expose(Exposition& out) const;

 private:
  std::span<const double> bounds_;
  std::vector<uint64_t> counts_;  // of each bucket; the last one is above every bound
  double sum_ = 0;
};

class Metrics {
 public:
  Metrics();
  void answered(const std::string& route, int status);     // every HTTP answer
  void first_token(double seconds);                        // since the request arrived
  void inter_token(double seconds);                        // since the choice's last token
  void finished(double seconds, const api::Usage& usage);  // an exchange ended, with or without error
  // What a request that had reached the backend asked for, and the tokens of its longest choice.
  struct Asked {
    int choices = 1;  // of each prompt
    std::optional<int64_t> max_tokens;
    int64_t longest = 0;
  };
  void answered(const Asked& asked, const api::Usage& usage);
  void cancelled();    // the client left before the end
  void refused_key();  // missing or wrong API key
  // Counts a request field that the server does not know. Returns its name if it is new, for the log. Clients
  // choose these names, so only the first hundred get a counter of their own; further ones count as "other".
  std::optional<std::string> ignored(const std::string& field);
  void expose(Exposition& out) const;
  void expose_as_vllm(Exposition& out) const;  // what of it vLLM has, under its names

 private:
  mutable std::mutex mutex_;
  std::map<std::pair<std::string, int>, uint64_t> requests_;
  std::map<std::string, uint64_t> ignored_;
  api::Usage tokens_;
  uint64_t cancelled_ = 0, refused_keys_ = 0;
  Histogram first_token_, inter_token_, request_;
  engine::TokenCounts prompts_, answers_, longest_, choices_, max_tokens_;  // of requests
};

}  // namespace autark::serve
