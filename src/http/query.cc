#include "http/query.h"
#include <algorithm>
#include <charconv>

namespace autark::http {
namespace {

bool is_digit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

// "%2F" becomes "/", "+" a space. A percent sign without two hexadecimal digits stays.
std::string decoded(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    int byte = 0;
    const char* digits = text.data() + i + 1;
    const bool escaped = text[i] == '%' && i + 2 < text.size() && is_digit(digits[0]) && is_digit(digits[1]);
    if (escaped) std::from_chars(digits, digits + 2, byte, 16);
    out += escaped ? char(byte) : text[i] == '+' ? ' ' : text[i];
    i += escaped ? 2 : 0;
  }
  return out;
}

// The name and value of the first parameter, which is cut off the query.
std::pair<std::string_view, std::string_view> next_pair(std::string_view& query) {
  const std::string_view pair = query.substr(0, query.find('&'));
  query.remove_prefix(std::min(query.size(), pair.size() + 1));
  const size_t equals = std::min(pair.find('='), pair.size());
  return {pair.substr(0, equals), pair.substr(std::min(pair.size(), equals + 1))};
}

}  // namespace

std::optional<std::string> query_value(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const auto [key, value] = next_pair(query);
    if (key == name) return decoded(value);
  }
  return {};
}

std::vector<std::pair<std::string, std::string>> query_pairs(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> all;
  while (!query.empty()) {
    const auto [key, value] = next_pair(query);
    if (!key.empty()) all.emplace_back(decoded(key), decoded(value));
  }
  return all;
}

}  // namespace autark::http
