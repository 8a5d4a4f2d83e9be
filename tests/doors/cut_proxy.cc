// For tests: a proxy that cuts event streams.
//
//   cut_proxy --to PORT --event N [--where before|after|inside] [--times N] [--port N]
//
// Passes every connection on to 127.0.0.1:PORT. Of the first `times` answers (default 1) that are event
// streams, the connection is closed before, after or inside (default) their N-th event, counted from 1. Other answers,
// and later streams, pass unchanged. Prints "listening PORT". Ends with its standard input.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <atomic>
#include <cctype>
#include <cstdio>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include "options.h"

namespace autark {
namespace {

enum class Where { before, inside, after };

struct Settings {
  long to = 0, event = 1, times = 1, port = 0;
  Where where = Where::inside;
};

// Finds the place to cut in the answers of one connection.
class Cutter {
 public:
  Cutter(const Settings& settings, std::atomic<long>& left) : settings_(settings), left_(left) {}

  // How many of these bytes may pass; less than all: cut after them.
  size_t passes(std::string_view bytes) {
    for (size_t i = 0; i < bytes.size(); ++i) {
      const Cut cut = take(bytes[i]);
      if (cut != Cut::none) return cut == Cut::before ? i : i + 1;
    }
    return bytes.size();
  }

 private:
  enum class Cut { none, before, after };  // this byte

  Cut take(char c) {
    switch (at_) {
      case At::head:
        take_head(c);
        return Cut::none;
      case At::size:
        take_size(c);
        return Cut::none;
      case At::body:
        break;
    }
    const Cut cut = stream_ ? take_event(c) : Cut::none;
    if (--left_in_part_ == 0) at_ = chunked_ ? At::size : At::head;
    return cut;
  }
  void take_head(char c) {
    line_ += char(std::tolower(c));
    if (!line_.ends_with("\r\n\r\n")) return;
    chunked_ = line_.find("transfer-encoding: chunked") != line_.npos;
    stream_ = line_.find("text/event-stream") != line_.npos && left_ > 0;
    const size_t length = line_.find("content-length: ");
    left_in_part_ = length == line_.npos ? 0 : std::strtol(line_.c_str() + length + 16, nullptr, 10);
    at_ = chunked_ ? At::size : left_in_part_ > 0 ? At::body : At::head;
    events_ = bytes_of_event_ = 0;
    last_ = 0;
    line_.clear();
  }
  // A line with the size of the next part; an empty one ends the part before it.
  void take_size(char c) {
    line_ += c;
    if (!line_.ends_with("\r\n")) return;
    const bool empty = line_.size() == 2;
    left_in_part_ = std::strtol(line_.c_str(), nullptr, 16);
    line_.clear();
    if (empty) return;
    at_ = At::body;
    if (left_in_part_ > 0) return;
    at_ = At::head;  // the last part; the empty line behind it counts as the begin of the next head
  }
  Cut take_event(char c) {
    const bool ends = c == '\n' && last_ == '\n';
    last_ = c;
    if (bytes_of_event_++ == 0) {
      counts_ = c != ':';  // a comment is no event
      events_ += counts_;
    }
    const bool here = counts_ && events_ == settings_.event;
    if (here && settings_.where == Where::before) return cut(Cut::before);
    if (here && settings_.where == Where::inside && bytes_of_event_ == kInside) return cut(Cut::after);
    if (here && settings_.where == Where::after && ends) return cut(Cut::after);
    if (ends) bytes_of_event_ = 0;
    return Cut::none;
  }
  Cut cut(Cut how) {
    --left_;
    return how;
  }

  static constexpr int kInside = 12;  // bytes of the event that pass
  enum class At { head, size, body };
  const Settings& settings_;
  std::atomic<long>& left_;  // streams that are still to be cut
  At at_ = At::head;
  bool chunked_ = false, stream_ = false, counts_ = false;
  long left_in_part_ = 0, events_ = 0, bytes_of_event_ = 0;
  char last_ = 0;
  std::string line_;
};

// Copies what has arrived on `from` to `to`. False at its end.
bool pass(int from, int to, Cutter* cutter) {
  char bytes[16384];
  const ssize_t n = ::recv(from, bytes, sizeof bytes, 0);
  if (n <= 0) return false;
  const size_t allowed = cutter ? cutter->passes({bytes, size_t(n)}) : size_t(n);
  for (size_t sent = 0; sent < allowed;) {
    const ssize_t k = ::send(to, bytes + sent, allowed - sent, MSG_NOSIGNAL);
    if (k <= 0) return false;
    sent += size_t(k);
  }
  return allowed == size_t(n);
}

int connect_to(long port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(uint16_t(port));
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0) return fd;
  ::close(fd);
  return -1;
}

void serve(int client, const Settings& settings, std::atomic<long>& left) {
  const int server = connect_to(settings.to);
  Cutter cutter(settings, left);
  pollfd both[2] = {{client, POLLIN, 0}, {server, POLLIN, 0}};
  for (bool open = server >= 0; open && ::poll(both, 2, -1) > 0;) {
    if (both[0].revents) open = pass(client, server, nullptr);
    if (open && both[1].revents) open = pass(server, client, &cutter);
  }
  ::close(client);
  if (server >= 0) ::close(server);
}

int listen_on(long port, int* fd) {
  *fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int yes = 1;
  ::setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(uint16_t(port));
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  if (::bind(*fd, reinterpret_cast<sockaddr*>(&at), sizeof at) != 0 || ::listen(*fd, 64) != 0) return -1;
  ::getsockname(*fd, reinterpret_cast<sockaddr*>(&at), &size);
  return ntohs(at.sin_port);
}

int run(const Settings& settings) {
  static std::atomic<long> left;
  left = settings.times;
  int listener = -1;
  const int port = listen_on(settings.port, &listener);
  if (port < 0) return std::perror("cut_proxy"), 1;
  std::printf("listening %d\n", port);
  std::fflush(stdout);
  for (pollfd both[2] = {{listener, POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}}; ::poll(both, 2, -1) > 0;) {
    char byte;
    if (both[1].revents && ::read(STDIN_FILENO, &byte, 1) <= 0) _exit(0);
    if (!both[0].revents) continue;
    const int client = ::accept(listener, nullptr, nullptr);
    if (client >= 0) std::thread(serve, client, std::cref(settings), std::ref(left)).detach();
  }
  return 1;
}

}  // namespace
}  // namespace autark

int main(int argc, char** argv) {
  static autark::Settings s;
  std::string where = "inside";
  autark::doors::Options options(argc, argv);
  options.number("--to", &s.to, 1, 65535);
  options.number("--event", &s.event, 1, 1 << 30);
  options.number("--times", &s.times, 0, 1 << 30);
  options.number("--port", &s.port, 0, 65535);
  options.text("--where", &where);
  s.where = where == "before"  ? autark::Where::before
            : where == "after" ? autark::Where::after
                               : autark::Where::inside;
  if (options.complete() && s.to > 0 && (where == "before" || where == "after" || where == "inside"))
    return autark::run(s);
  std::fprintf(stderr,
               "cut_proxy --to PORT --event N [--where before|after|inside] [--times N] [--port N]\n");
  return 2;
}
