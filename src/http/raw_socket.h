// For tests: a blocking client socket that sends exactly the given bytes, valid or not.
#pragma once
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <string>
#include <string_view>
#include <utility>

namespace autark::http {

class RawSocket {
 public:
  explicit RawSocket(uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0;
  }
  RawSocket(RawSocket&& other) : fd_(std::exchange(other.fd_, -1)), connected_(other.connected_) {}
  ~RawSocket() { close(); }

  bool connected() const { return connected_; }
  int fd() const { return fd_; }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  // Closes with a TCP reset.
  void reset() {
    const linger now{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close();
  }
  void end_sending() { ::shutdown(fd_, SHUT_WR); }
  void receive_buffer(int bytes) { ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes); }

  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      bytes.remove_prefix(n);
    }
    return true;
  }
  // Reads until the text contains `end` or the server closes, and returns all that was read.
  std::string read_until(std::string_view end) {
    std::string text;
    char piece[4096];
    while (end.empty() || text.find(end) == text.npos) {
      const ssize_t n = ::recv(fd_, piece, end.empty() ? sizeof piece : 1, 0);
      if (n <= 0) break;
      text.append(piece, n);
    }
    return text;
  }
  std::string read_all() { return read_until(""); }

 private:
  int fd_;
  bool connected_ = false;
};

}  // namespace autark::http
