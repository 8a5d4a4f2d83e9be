// Collects typed lines into messages and commands. A text between """ at the beginning of a line (or of the
// argument of /system) and """ at the end of a line is one input with its line ends.
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace autark::apps {

// One message or command.
struct Input {
  std::string text;
  bool quoted = false;   // the text, or the argument of the command, stood between """
  bool command = false;  // the line begins with a single / outside """
};

class ChatInput {
 public:
  // Adds a line without its end. Returns the input when it is complete.
  std::optional<Input> push(std::string_view line);
  bool open() const { return open_; }  // a """ is open
  void clear() { *this = {}; }         // forgets the lines of an open input

 private:
  std::optional<Input> add(std::string_view line);

  bool open_ = false, first_ = true;
  Input so_far_;
};

std::string_view trimmed(std::string_view text);  // without white space at either end

}  // namespace autark::apps
