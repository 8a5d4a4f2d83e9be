// What the service counts of itself. Any thread; counters only grow. Names that clients choose (ignored
// fields) are kept up to a limit, further ones are counted as "other".
#pragma once
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <vector>
#include "api/item.h"
#include "serve/exposition.h"

namespace autark::serve {

class Histogram {
 public:
  explicit Histogram(std::span<const double> bounds) : bounds_(bounds), counts_(bounds.size() + 1, 0) {}
  void add(double seconds);
  void expose(Exposition& out) const;

 private:
  std::span<const double> bounds_;
  std::vector<uint64_t> counts_;  // the last: above every bound
  double sum_ = 0;
};

class Metrics {
 public:
  Metrics();
  void answered(const std::string& route, int status);
  void first_token(double seconds);
  void inter_token(double seconds);
  void finished(double seconds, const api::Usage& usage);
  void cancelled();
  void refused_key();
  // The name as it is counted, if it is new and thus worth a line in the log.
  std::optional<std::string> ignored(const std::string& field);
  void expose(Exposition& out) const;

 private:
  mutable std::mutex mutex_;
  std::map<std::pair<std::string, int>, uint64_t> requests_;
  std::map<std::string, uint64_t> ignored_;
  api::Usage tokens_;
  uint64_t cancelled_ = 0, refused_keys_ = 0;
  Histogram first_token_, inter_token_, request_;
};

}  // namespace autark::serve
