#include "serve/callers.h"
#include "base/text_codings.h"
#include "http/credentials.h"
#include "serve/digest.h"

namespace autark::serve {

api::ApiResult<CallerPtr> enter(api::Gate& gate, const http::Request& request) {
  return api::enter(gate, {request.method, request.path, {}, http::address_of(request)},
                    http::keys_of(request));
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
