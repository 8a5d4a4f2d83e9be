#include "apps/chat_input.h"
#include <algorithm>
#include <utility>

namespace autark::apps {
namespace {

constexpr std::string_view kQuotes = "\"\"\"", kSpace = " \t\r\n";

// The position of a """ that begins a text; npos if the line has none.
size_t opening_in(std::string_view line) {
  const size_t first = line.find_first_not_of(kSpace);
  if (first == line.npos || line.substr(first).starts_with(kQuotes)) return first;
  for (const std::string_view command : {"/system", "/set system"}) {
    const size_t argument = std::min(line.find_first_not_of(kSpace, command.size()), line.size());
    if (line.starts_with(command) && line.substr(argument).starts_with(kQuotes)) return argument;
  }
  return line.npos;
}

}  // namespace

std::string_view trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(kSpace);
  return first == text.npos ? "" : text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

std::optional<Input> ChatInput::push(std::string_view line) {
  if (open_) return add(line);
  const size_t at = opening_in(line);
  const bool command = line.starts_with('/') && !line.starts_with("//");
  if (at == line.npos) return Input{std::string(line), false, command};
  open_ = true;
  so_far_ = {std::string(command ? line.substr(0, at) : ""), true, command};
  return add(line.substr(at + kQuotes.size()));
}

std::optional<Input> ChatInput::add(std::string_view line) {
  const std::string_view end = line.substr(0, line.find_last_not_of(kSpace) + 1);
  const bool closed = end.ends_with(kQuotes);
  if (closed) line = end.substr(0, end.size() - kQuotes.size());
  const bool own_line = line.empty() && (first_ || closed);  // the quotes stand alone and add no line end
  if (!own_line && !std::exchange(first_, false)) so_far_.text += '\n';
  so_far_.text += line;
  if (!closed) return {};
  return std::exchange(*this, {}).so_far_;
}

}  // namespace autark::apps
