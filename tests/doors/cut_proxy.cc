// For tests: a proxy that cuts event streams.
//
//   cut_proxy --to PORT --event N [--where before|after|inside] [--request TEXT] [--until TEXT]
//             [--times N] [--pass N] [--step N] [--port N]
//
// Passes every connection on to 127.0.0.1:PORT. Of the first `times` (default 1) answers that are event streams with so
// many events, and whose requests have TEXT in them, the connection is closed before, after or inside (default) their N-th
// event, counted from 1; a stream of which the TEXT of `until` has passed is not cut any more. After each cut, `pass` such streams pass, and `step` is added to N. Other answers, and later
// streams, pass unchanged. Prints "listening PORT", and "cut N" for each cut. Ends with its standard input.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <algorithm>
#include <cctype>
#include <cstdio>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include "options.h"

namespace autark {
namespace {

enum class Where { before, inside, after };

struct Settings {
  long to = 0, event = 1, times = 1, pass = 0, step = 0, port = 0;
  Where where = Where::inside;
  std::string request, until;
};

// Says which streams are cut, and where. Shared by all connections.
class Plan {
 public:
  explicit Plan(const Settings& settings) : settings_(settings) {}
  // The event at which the stream that begins is cut; 0: it passes.
  long next() {
    const std::lock_guard lock(mutex_);
    if (passing_ > 0) return --passing_, 0;
    return cuts_ < settings_.times ? settings_.event + settings_.step * cuts_ : 0;
  }
  void cut(long event) {
    const std::lock_guard lock(mutex_);
    ++cuts_;
    passing_ = settings_.pass;
    std::printf("cut %ld\n", event);
    std::fflush(stdout);
  }

 private:
  const Settings& settings_;
  std::mutex mutex_;
  long cuts_ = 0, passing_ = 0;
};

// Finds the place to cut in the answers of one connection.
class Cutter {
 public:
  Cutter(const Settings& settings, Plan& plan) : settings_(settings), plan_(plan) {}

  // The next bytes of the requests. A request ends before its answer begins.
  void asked(std::string_view bytes) {
    if (wanted_) return;
    asked_ += bytes;
    wanted_ = asked_.find(settings_.request) != asked_.npos;
    const size_t kept = std::min(asked_.size(), settings_.request.size());
    asked_.erase(0, asked_.size() - kept);
  }
  // How many of these bytes may pass; less than all: cut after them.
  size_t passes(std::string_view bytes) {
    for (size_t i = 0; i < bytes.size(); ++i) {
      const Cut cut = take(bytes[i]);
      if (cut == Cut::none) continue;
      plan_.cut(event_);
      return cut == Cut::before ? i : i + 1;
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
    const Cut cut = event_ ? take_event(c) : Cut::none;
    if (--left_in_part_ == 0) at_ = chunked_ ? At::size : At::head;
    return cut;
  }
  void take_head(char c) {
    line_ += char(std::tolower(c));
    if (!line_.ends_with("\r\n\r\n")) return;
    chunked_ = line_.find("transfer-encoding: chunked") != line_.npos;
    const bool stream = wanted_ && line_.find("text/event-stream") != line_.npos;
    event_ = stream ? plan_.next() : 0;
    wanted_ = false;
    asked_.clear();
    const size_t length = line_.find("content-length: ");
    left_in_part_ = length == line_.npos ? 0 : std::strtol(line_.c_str() + length + 16, nullptr, 10);
    at_ = chunked_ ? At::size : left_in_part_ > 0 ? At::body : At::head;
    events_ = bytes_of_event_ = 0;
    is_over_ = false;
    passed_.clear();
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
    const Cut cut = is_over_ ? Cut::none : place_of(c);
    passed_ += c;
    is_over_ = is_over_ || (!settings_.until.empty() && passed_.ends_with(settings_.until));
    if (passed_.size() > settings_.until.size()) passed_.erase(0, 1);
    return cut;
  }
  Cut place_of(char c) {
    const bool ends = c == '\n' && last_ == '\n';
    last_ = c;
    if (bytes_of_event_++ == 0) {
      counts_ = c != ':';  // a comment is no event
      events_ += counts_;
    }
    const bool here = counts_ && events_ == event_;
    if (here && settings_.where == Where::before) return Cut::before;
    if (here && settings_.where == Where::inside && bytes_of_event_ == kInside) return Cut::after;
    if (here && settings_.where == Where::after && ends) return Cut::after;
    if (ends) bytes_of_event_ = 0;
    return Cut::none;
  }

  static constexpr int kInside = 12;  // bytes of the event that pass
  enum class At { head, size, body };
  const Settings& settings_;
  Plan& plan_;
  At at_ = At::head;
  bool wanted_ = false, chunked_ = false, counts_ = false, is_over_ = false;
  long event_ = 0;  // the one to cut at; 0: none
  long left_in_part_ = 0, events_ = 0, bytes_of_event_ = 0;
  char last_ = 0;
  std::string line_, asked_, passed_;  // the head, and the ends of the request and of the stream
};

// Copies what has arrived on `from` to `to`, as much of it as `allowed` says. False at its end.
template <class Allowed>
bool pass(int from, int to, const Allowed& allowed) {
  char bytes[16384];
  const ssize_t n = ::recv(from, bytes, sizeof bytes, 0);
  if (n <= 0) return false;
  const size_t most = allowed(std::string_view(bytes, size_t(n)));
  for (size_t sent = 0; sent < most;) {
    const ssize_t k = ::send(to, bytes + sent, most - sent, MSG_NOSIGNAL);
    if (k <= 0) return false;
    sent += size_t(k);
  }
  return most == size_t(n);
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

void serve(int client, const Settings& settings, Plan& plan) {
  const int server = connect_to(settings.to);
  Cutter cutter(settings, plan);
  const auto asked = [&](std::string_view bytes) { return cutter.asked(bytes), bytes.size(); };
  const auto answered = [&](std::string_view bytes) { return cutter.passes(bytes); };
  pollfd both[2] = {{client, POLLIN, 0}, {server, POLLIN, 0}};
  for (bool open = server >= 0; open && ::poll(both, 2, -1) > 0;) {
    if (both[0].revents) open = pass(client, server, asked);
    if (open && both[1].revents) open = pass(server, client, answered);
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
  static Plan plan(settings);
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
    if (client >= 0) std::thread(serve, client, std::cref(settings), std::ref(plan)).detach();
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
  options.number("--pass", &s.pass, 0, 1 << 30);
  options.number("--step", &s.step, 0, 1 << 30);
  options.text("--request", &s.request);
  options.text("--until", &s.until);
  options.text("--where", &where);
  s.where = where == "before"  ? autark::Where::before
            : where == "after" ? autark::Where::after
                               : autark::Where::inside;
  if (options.complete() && s.to > 0 && (where == "before" || where == "after" || where == "inside"))
    return autark::run(s);
  std::fprintf(stderr,
               "cut_proxy --to PORT --event N [--where before|after|inside] [--request TEXT] [--until TEXT] "
               "[--times N] [--pass N] "
               "[--step N] [--port N]\n");
  return 2;
}
