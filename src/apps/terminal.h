// What a chat needs of a terminal: lines that Ctrl-C can interrupt, and one line of progress on standard
// error that is drawn over. Both do without a terminal: plain reading, and silence.
#pragma once
#include <optional>
#include <string>

namespace autark::apps {

// Ctrl-C is noted instead of ending the program, while this lives.
class Interrupts {
 public:
  Interrupts();
  ~Interrupts();
  Interrupts(const Interrupts&) = delete;
  static bool take();  // was there one since the last call?
};

// Until there is something to read on standard input, or its end; false: Ctrl-C came first.
bool wait_for_input();

// The next line of standard input, without its end; empty at the end of input. An interrupt gives the line
// "" and leaves Interrupts::take() true.
std::optional<std::string> read_line();

class StatusLine {
 public:
  StatusLine();
  ~StatusLine() { clear(); }
  void show(const std::string& what, double done);  // 0…1
  void clear();

 private:
  bool terminal_, shown_ = false;
  int percent_ = -1;
};

}  // namespace autark::apps
