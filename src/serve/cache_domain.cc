#include "serve/cache_domain.h"
#include <openssl/sha.h>
#include "base/json.h"

namespace autark::serve {

std::string user_of_label(std::string_view label) {
  if (!label.starts_with('{')) return std::string(label);
  const auto json = parse_json(label, "user");
  if (!json || !json->is_object() || (!json->contains("account_uuid") && !json->contains("device_id")))
    return std::string(label);
  Json user = Json::array();
  for (const char* name : {"account_uuid", "device_id"})
    user.push_back(json->contains(name) ? (*json)[name] : Json());
  return dump_json(user);
}

std::string cache_domain(CacheIsolation isolation, std::string_view label) {
  if (isolation != CacheIsolation::user || label.empty()) return {};
  const std::string user = user_of_label(label);
  unsigned char sum[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(user.data()), user.size(), sum);
  return {reinterpret_cast<const char*>(sum), sizeof sum};
}

}  // namespace autark::serve
