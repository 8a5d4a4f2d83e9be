#include "platform/slowdown.h"
#include <algorithm>

namespace autark::platform {

// A clock that went backwards must not make a pause longer.
Micros Slowdown::wait(const std::string& name, Micros now) {
  const std::lock_guard lock(mutex_);
  const auto at = by_name_.find(name);
  if (at == by_name_.end()) return 0;
  const Record& r = *at->second;
  return std::clamp<Micros>(r.until - now, 0, r.pause);
}

void Slowdown::failed(const std::string& name, Micros now) {
  const std::lock_guard lock(mutex_);
  const auto [at, is_new] = by_name_.try_emplace(name);
  if (is_new) {
    records_.push_front({.name = name});
    at->second = records_.begin();
  }
  records_.splice(records_.begin(), records_, at->second);
  Record& r = records_.front();
  if (now - r.last > kMinute + r.pause) r.failures = 0, r.pause = 0;
  r.last = now;
  if (++r.failures >= options_.free) {
    r.pause = r.pause ? std::min(2 * r.pause, options_.pause_max) : options_.pause_first;
    r.until = now + r.pause;
  }
  if (records_.size() > options_.names_max) {
    by_name_.erase(records_.back().name);
    records_.pop_back();
  }
}

void Slowdown::forget(const std::string& name) {
  const std::lock_guard lock(mutex_);
  const auto at = by_name_.find(name);
  if (at == by_name_.end()) return;
  records_.erase(at->second);
  by_name_.erase(at);
}

size_t Slowdown::names() const {
  const std::lock_guard lock(mutex_);
  return records_.size();
}

}  // namespace autark::platform
