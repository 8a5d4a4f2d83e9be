#include "apps/terminal.h"
#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <unistd.h>
#include <cerrno>
#include <csignal>
#include <utility>
#include "base/check.h"

namespace autark::apps {
namespace {

// The signal handler writes one byte per Ctrl-C into this pipe. A thread that waits for input polls it, too,
// so it does not matter which thread received the signal.
int pipe_ends[2] = {-1, -1};
void note_interrupt(int) {
  const int before = errno;
  [[maybe_unused]] const auto written = ::write(pipe_ends[1], "", 1);
  errno = before;
}
void set_handler(void (*handler)(int)) {
  struct sigaction action = {};
  action.sa_handler = handler;  // without SA_RESTART, so that a blocking read is interrupted
  sigaction(SIGINT, &action, nullptr);
}

}  // namespace

Interrupts::Interrupts() {
  AUTARK_CHECK(::pipe2(pipe_ends, O_CLOEXEC | O_NONBLOCK) == 0);
  set_handler(note_interrupt);
}
Interrupts::~Interrupts() {
  set_handler(SIG_DFL);
  for (int& end : pipe_ends) ::close(std::exchange(end, -1));
}
bool Interrupts::take() {
  char bytes[64];
  bool any = false;
  while (::read(pipe_ends[0], bytes, sizeof bytes) > 0) any = true;
  return any;
}

bool wait_for_input() {
  pollfd waits[] = {{STDIN_FILENO, POLLIN, 0}, {pipe_ends[0], POLLIN, 0}};
  while (::poll(waits, 2, -1) < 0 && errno == EINTR) {
  }
  return waits[1].revents == 0;
}

std::optional<std::string> read_line() {
  static std::string read;  // bytes after the last returned line
  for (;;) {
    if (const size_t end = read.find('\n'); end != std::string::npos) {
      std::string line = read.substr(0, end);
      read.erase(0, end + 1);
      return line;
    }
    char block[4096];
    if (!wait_for_input()) return "";
    const ssize_t n = ::read(STDIN_FILENO, block, sizeof block);
    if (n < 0 && errno == EINTR) continue;
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
