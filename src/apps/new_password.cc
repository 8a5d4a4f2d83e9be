#include "apps/new_password.h"
#include <termios.h>
#include <unistd.h>
#include <cstdio>
#include <fstream>
#include <iostream>

namespace autark::apps {
namespace {

// The terminal shows nothing that is typed while this lives.
class NoEcho {
 public:
  NoEcho() {
    if (::tcgetattr(STDIN_FILENO, &before_)) return;
    termios quiet = before_;
    quiet.c_lflag &= ~tcflag_t(ECHO);
    changed_ = ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet) == 0;
  }
  ~NoEcho() {
    if (changed_) ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
    std::fputc('\n', stderr);
  }
  NoEcho(const NoEcho&) = delete;

 private:
  termios before_{};
  bool changed_ = false;
};

Result<std::string> first_line(std::istream& in, const std::string& place) {
  std::string line;
  if (!std::getline(in, line)) return Error{Code::io, "there is no password in " + place};
  if (line.ends_with('\r')) line.pop_back();
  if (line.empty())
    return Error{Code::invalid, "the first line of " + place + " is empty; write the password there"};
  return line;
}

Result<std::string> typed(const std::string& prompt) {
  std::fprintf(stderr, "%s: ", prompt.c_str());
  const NoEcho quiet;
  return first_line(std::cin, "standard input");
}

}  // namespace

Result<std::string> password_of_file(const std::filesystem::path& file) {
  if (file == "-") return first_line(std::cin, "standard input");
  std::ifstream in(file);
  if (!in)
    return Error{Code::not_found,
                 file.string() + " cannot be read; name a file whose first line is the password"};
  return first_line(in, file.string());
}

bool can_ask_for_password() {
  return ::isatty(STDIN_FILENO) && ::isatty(STDERR_FILENO);
}

Result<std::string> ask_for_password(const std::string& prompt) {
  AUTARK_TRY(std::string once, typed(prompt));
  AUTARK_TRY(const std::string again, typed("The same again"));
  if (once != again) return Error{Code::invalid, "the two passwords differ; nothing was changed"};
  return once;
}

}  // namespace autark::apps
