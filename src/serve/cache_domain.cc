#include "serve/cache_domain.h"
#include "api/caller.h"
#include "base/json.h"
#include "serve/digest.h"

namespace autark::serve {

std::string user_of_label(std::string_view label) {
  const size_t first = label.find_first_not_of(" \t\r\n");
  if (first == label.npos || label[first] != '{') return std::string(label);
  const auto json = parse_json(label, "user");
  if (!json || !json->is_object() || (!json->contains("account_uuid") && !json->contains("device_id")))
    return std::string(label);
  Json user = Json::array();
  for (const char* name : {"account_uuid", "device_id"})
    user.push_back(json->contains(name) ? (*json)[name] : Json());
  return dump_json(user);
}

// The digest of the key comes first, so that no label looks like a key.
std::string cache_domain(CacheIsolation isolation, std::string_view key, std::string_view label) {
  const bool by_user = isolation == CacheIsolation::user && !label.empty();
  const std::string user = by_user ? user_of_label(label) : "";
  if (isolation == CacheIsolation::none || (key.empty() && user.empty())) return {};
  return key.empty() ? digest(user) : digest(digest(key) + user);
}

std::string user_of(const api::Request& request) {
  if (!request.caller || request.caller->key.empty()) return request.user;
  return request.caller->key + "\n" + request.user;
}

}  // namespace autark::serve
