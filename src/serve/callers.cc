#include "serve/callers.h"
#include "http/credentials.h"
#include "serve/digest.h"

namespace autark::serve {

api::ApiResult<CallerPtr> enter(api::Gate& gate, const http::Request& request) {
  std::vector<std::string_view> keys = http::keys_of(request);
  if (keys.empty()) keys.emplace_back();
  std::optional<api::ApiError> refused;
  for (const std::string_view key : keys) {
    auto entered = gate.enter({request.method, request.path, key, http::address_of(request)});
    auto* fault = std::get_if<api::ApiError>(&entered);
    if (!fault) return entered;
    if (!refused) refused = std::move(*fault);
  }
  return std::move(*refused);
}

CallerPtr caller_of(const http::Request& request) {
  return std::static_pointer_cast<const api::Caller>(request.context);
}

std::string owner_of(const CallerPtr& caller) {
  return caller ? caller->workspace : owner_of_key("");
}

std::string owner_of_key(const std::string& key) {
  if (key.empty()) return "all";
  return "key-" + hex(digest(key).substr(0, 16));
}

bool may_run_server(const CallerPtr& caller, bool changes) {
  using Role = api::Caller::Role;
  return !caller || caller->role == Role::system || (caller->role == Role::audit && !changes);
}

}  // namespace autark::serve
