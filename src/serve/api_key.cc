#include "serve/api_key.h"
#include <algorithm>

namespace autark::serve {
namespace {

constexpr std::string_view kSpace = " \t\r\n\v\f";
constexpr size_t kKeyBytes = 4096;  // far below the limit of a header

}  // namespace

Result<std::string> key_from(std::string_view given) {
  const size_t begin = std::min(given.find_first_not_of(kSpace), given.size());
  const std::string_view key = given.substr(begin, given.find_last_not_of(kSpace) + 1 - begin);
  if (key.empty()) return Error{Code::invalid, "the API key is empty; give one, or none at all"};
  if (key.size() > kKeyBytes)
    return Error{Code::invalid, "the API key is longer than " + std::to_string(kKeyBytes) + " bytes"};
  for (const char c : key)
    if (c < ' ' || c > '~')
      return Error{Code::invalid,
                   "the API key has a line break, a control character or a letter beyond ASCII in it, which "
                   "clients cannot send in a header; choose another"};
  return std::string(key);
}

bool needs_key(std::string_view path) {
  constexpr std::string_view kPaths[] = {"/metrics",        "/v1",          "/tokenize", "/detokenize",
                                         "/tokenizer_info", "/server_info", "/load",     "/user/balance"};
  return path.starts_with("/v1/") || path.starts_with("/beta/") || std::ranges::count(kPaths, path) > 0;
}

bool is_of_the_server(std::string_view path) {
  constexpr std::string_view kPaths[] = {"/metrics", "/v1/cache/clear", "/server_info", "/load"};
  return std::ranges::count(kPaths, path) > 0;
}

// Without an early exit: the loop always runs over all of `presented`.
bool same_secret(std::string_view presented, std::string_view secret) {
  if (presented.empty() || secret.empty()) return false;
  volatile uint8_t difference = presented.size() != secret.size();
  for (size_t i = 0; i < presented.size(); ++i)
    difference = difference | uint8_t(presented[i] ^ secret[i % secret.size()]);
  return difference == 0;
}

}  // namespace autark::serve
