// Lines of a terminal to messages and commands: what stands between """ at the beginning of a line, or of
// what /system takes, and """ at the end of one is one text, line ends and all.
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace autark::apps {

struct Input {
  std::string text;
  bool quoted = false;   // it, or the command's argument, stood between """
  bool command = false;  // it begins with / and is not quoted itself, nor begins with //
};

class ChatInput {
 public:
  std::optional<Input> push(std::string_view line);  // empty: more lines belong to it
  bool open() const { return open_; }
  void clear() { *this = {}; }

 private:
  std::optional<Input> add(std::string_view line);

  bool open_ = false, first_ = true;
  Input so_far_;
};

std::string_view trimmed(std::string_view text);  // without white space at either end

}  // namespace autark::apps
