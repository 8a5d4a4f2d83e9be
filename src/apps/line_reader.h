// Lines that a person types. On a terminal they can be edited, come back with the arrow keys and are kept in
// a history file; what is pasted is one line, line ends and all (terminals that know bracketed paste).
// Without a terminal, or with TERM=dumb, lines are read as they come. REQUIRES: Interrupts (terminal.h)
// lives.
#pragma once
#include <filesystem>
#include <memory>
#include <string>

namespace autark::apps {

class LineReader {
 public:
  struct Line {
    enum class How { line, interrupted, end } how = How::line;
    std::string text;  // without its end; interrupted: what had been typed
  };

  // `history`: an empty path keeps none. A file that is damaged or cannot be written is done without.
  explicit LineReader(const std::filesystem::path& history);
  ~LineReader();
  LineReader(const LineReader&) = delete;

  Line read(const std::string& prompt);

 private:
  struct Editor;
  std::unique_ptr<Editor> editor_;  // empty: no terminal
};

// $XDG_STATE_HOME/autark/history, else in ~/.local/state; empty where there is no home.
std::filesystem::path history_path();

}  // namespace autark::apps
