#include "text/tools/call_name.h"
#include <algorithm>
#include "text/tools/characters.h"

namespace autark::text {
namespace {

constexpr std::string_view kPrefix = "functions.";

bool is_word(char c) {
  return c < 0 || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}
bool is_known(const ToolTypes* types) {
  return types && !types->empty();
}

}  // namespace

Standing standing_of(std::string_view name, const ToolTypes* types) {
  if (!is_known(types)) return Standing::open;
  return types->knows(name) ? Standing::offered : Standing::strange;
}

bool is_name(std::string_view text) {
  const auto forbidden = [](char c) {
    return static_cast<unsigned char>(c) <= ' ' || is_one_of(c, "<>{}[]\"'`");
  };
  return !text.empty() && std::ranges::none_of(text, forbidden);
}

bool is_plain_name(std::string_view text) {
  return !text.empty() && is_word(text[0]) &&
         std::ranges::all_of(text, [](char c) { return is_word(c) || is_one_of(c, "-.:/"); });
}

bool may_begin_name(std::string_view begun, const ToolTypes* types) {
  if (kPrefix.starts_with(begun)) return true;
  const std::string_view name = without_prefix(begun);
  return is_known(types) ? types->begins(name) : is_plain_name(name);
}

std::string_view without_prefix(std::string_view name) {
  if (name.starts_with(kPrefix)) name.remove_prefix(kPrefix.size());
  const size_t colon = name.rfind(':');
  const bool index =
      colon != name.npos && colon > 0 && name.find_first_not_of("0123456789", colon + 1) == name.npos;
  return index ? name.substr(0, colon) : name;
}

}  // namespace autark::text
