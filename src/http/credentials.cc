#include "http/credentials.h"
#include <algorithm>
#include "http/message.h"

namespace autark::http {
namespace {

// The KEY of "Bearer KEY". The scheme is not case-sensitive. Empty for another scheme.
std::string_view bearer(std::string_view authorization) {
  constexpr std::string_view kScheme = "bearer";
  if (authorization.size() <= kScheme.size() || authorization[kScheme.size()] != ' ') return {};
  if (lower_case(authorization.substr(0, kScheme.size())) != kScheme) return {};
  authorization.remove_prefix(kScheme.size());
  return authorization.substr(std::min(authorization.size(), authorization.find_first_not_of(' ')));
}

}  // namespace

std::vector<std::string_view> keys_of(const Request& request) {
  std::vector<std::string_view> keys;
  for (const std::string_view key : {bearer(request.header("authorization")), request.header("x-api-key")})
    if (!key.empty() && std::ranges::count(keys, key) == 0) keys.push_back(key);
  return keys;
}

std::string_view address_of(const Request& request) {
  std::string_view address = std::string_view(request.peer).substr(0, request.peer.rfind(':'));
  if (!address.starts_with('[') || !address.ends_with(']')) return address;
  return address.substr(1, address.size() - 2);
}

}  // namespace autark::http
