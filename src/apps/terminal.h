// Terminal functions for a chat: reading lines with Ctrl-C as an interruption, and a progress line on
// standard error. Without a terminal lines are read in the same way and no progress is shown.
#pragma once
#include <optional>
#include <string>

namespace autark::apps {

// While an object of this class exists, Ctrl-C is recorded instead of ending the program. At most one at
// a time.
class Interrupts {
 public:
  Interrupts();
  ~Interrupts();
  Interrupts(const Interrupts&) = delete;
  static bool take();  // whether Ctrl-C was pressed since the last call
};

// Waits until standard input can be read or has ended. Returns false if Ctrl-C came first.
bool wait_for_input();

// The next line of standard input without its line end; empty at the end of input. Ctrl-C returns the line
// "", and Interrupts::take() is then true.
std::optional<std::string> read_line();

// A progress line on standard error that is redrawn in place. Prints nothing without a terminal.
class StatusLine {
 public:
  StatusLine();
  ~StatusLine() { clear(); }
  void show(const std::string& what, double done);  // `done` is from 0 to 1
  void clear();                                     // erases the line

 private:
  bool terminal_, shown_ = false;
  int percent_ = -1;
};

}  // namespace autark::apps
