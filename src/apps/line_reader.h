// Reads lines that a person types. On a terminal lines can be edited, are recalled with the arrow keys and
// are kept in a history file; pasted text is one line with its line ends, if the terminal supports bracketed
// paste. Without a terminal, or with TERM=dumb, lines are read without editing. REQUIRES: an Interrupts
// object (terminal.h) exists.
#pragma once
#include <filesystem>
#include <memory>
#include <string>

namespace autark::apps {

class LineReader {
 public:
  // What was read: a line, Ctrl-C (interrupted) or the end of input.
  struct Line {
    enum class How { line, interrupted, end } how = How::line;
    std::string text;  // without the line end; after Ctrl-C: what had been typed
  };

  // `history` is the history file; an empty path keeps none. If the file is damaged or cannot be written, the
  // reader works without it.
  explicit LineReader(const std::filesystem::path& history);
  ~LineReader();
  LineReader(const LineReader&) = delete;

  // Shows the prompt and waits for a line.
  Line read(const std::string& prompt);

 private:
  struct Editor;
  std::unique_ptr<Editor> editor_;  // nullptr without a terminal
};

// $XDG_STATE_HOME/autark/history, else ~/.local/state/autark/history; empty if neither variable is set.
std::filesystem::path history_path();

}  // namespace autark::apps
