// For tests: a gate over a few callers, which can be disabled.
#pragma once
#include <map>
#include <mutex>
#include <set>
#include "api/caller.h"

namespace autark::serve {

class FakeGate final : public api::Gate {
 public:
  // The secret of a caller is "secret-" and the id of its key.
  void add(api::Caller caller) {
    const std::lock_guard lock(mutex_);
    const std::string key = caller.key;
    callers_[key] = std::make_shared<const api::Caller>(std::move(caller));
  }
  void disable(const std::string& key) {
    const std::lock_guard lock(mutex_);
    disabled_.insert(key);
  }

  api::ApiResult<std::shared_ptr<const api::Caller>> enter(const api::Knock& knock) override {
    constexpr std::string_view kSecret = "secret-";
    const bool known = knock.secret.starts_with(kSecret);
    if (auto caller = find(std::string(known ? knock.secret.substr(kSecret.size()) : ""))) return caller;
    return api::ApiError{.kind = api::ApiError::Kind::authentication, .message = "the API key is wrong"};
  }
  std::shared_ptr<const api::Caller> find(const std::string& key) override {
    const std::lock_guard lock(mutex_);
    const auto at = callers_.find(key);
    return at == callers_.end() || disabled_.contains(key) ? nullptr : at->second;
  }

 private:
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<const api::Caller>> callers_;
  std::set<std::string> disabled_;
};

}  // namespace autark::serve
