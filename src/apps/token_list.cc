#include "apps/token_list.h"
#include <charconv>
#include <limits>
#include <string>

namespace autark::apps {

Result<std::vector<int64_t>> parse_integers(std::string_view text, std::string_view what) {
  constexpr std::string_view kBetween = ", \t\r\n\v\f";
  std::vector<int64_t> numbers;
  for (size_t at = text.find_first_not_of(kBetween); at != std::string_view::npos;
       at = text.find_first_not_of(kBetween, at)) {
    const size_t end = std::min(text.find_first_of(kBetween, at), text.size());
    const std::string_view word = text.substr(at, end - at);
    int64_t value = 0;
    const auto read = std::from_chars(word.data(), word.data() + word.size(), value);
    if (read.ec != std::errc() || read.ptr != word.data() + word.size())
      return Error{Code::invalid, std::string(what) + ": '" + std::string(word.substr(0, 40)) +
                                      "' is not an integer; integers are separated by commas or white space"};
    numbers.push_back(value);
    at = end;
  }
  return numbers;
}

Result<std::vector<int32_t>> parse_tokens(std::string_view text, std::string_view what) {
  AUTARK_TRY(const auto numbers, parse_integers(text, what));
  std::vector<int32_t> tokens;
  for (int64_t n : numbers) {
    if (n < 0 || n > std::numeric_limits<int32_t>::max())
      return Error{Code::invalid, std::string(what) + ": " + std::to_string(n) + " is not a token id"};
    tokens.push_back(int32_t(n));
  }
  return tokens;
}

}  // namespace autark::apps
