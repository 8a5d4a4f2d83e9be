#include "apps/terminal.h"
#include <fmt/core.h>
#include <unistd.h>
#include <cerrno>
#include <csignal>
#include <utility>

namespace autark::apps {
namespace {

volatile std::sig_atomic_t interrupted = 0;
void note_interrupt(int) {
  interrupted = 1;
}
void set_handler(void (*handler)(int)) {
  struct sigaction action = {};
  action.sa_handler = handler;  // without SA_RESTART: reading a line is interrupted too
  sigaction(SIGINT, &action, nullptr);
}

}  // namespace

Interrupts::Interrupts() {
  set_handler(note_interrupt);
}
Interrupts::~Interrupts() {
  set_handler(SIG_DFL);
}
bool Interrupts::take() {
  return std::exchange(interrupted, 0) != 0;
}

std::optional<std::string> read_line() {
  static std::string read;  // beyond the last line
  for (;;) {
    if (const size_t end = read.find('\n'); end != std::string::npos) {
      std::string line = read.substr(0, end);
      read.erase(0, end + 1);
      return line;
    }
    char block[4096];
    const ssize_t n = ::read(STDIN_FILENO, block, sizeof block);
    if (n < 0 && errno == EINTR) return "";
    if (n > 0) {
      read.append(block, size_t(n));
    } else {
      if (read.empty()) return std::nullopt;
      return std::exchange(read, {});
    }
  }
}

StatusLine::StatusLine() : terminal_(isatty(STDERR_FILENO) == 1) {}

void StatusLine::show(const std::string& what, double done) {
  const int percent = int(done * 100);
  if (!terminal_ || (shown_ && percent == percent_)) return;
  percent_ = percent;
  shown_ = true;
  const int filled = percent * 30 / 100;
  fmt::print(stderr, "\r{}  [{}{}] {:3d} %", what, std::string(filled, '#'), std::string(30 - filled, '.'),
             percent);
  std::fflush(stderr);
}

void StatusLine::clear() {
  if (!std::exchange(shown_, false)) return;
  fmt::print(stderr, "\r\x1b[K");
  std::fflush(stderr);
}

}  // namespace autark::apps
