#include "http/server.h"
#include <sys/resource.h>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include "base/log.h"
#include "http/connection.h"

namespace autark::http {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

constexpr int kTurnedAwayAtOnce = 64;  // connections that are told 503; more are closed without an answer

// Raises the soft limit of open files, which is often 1024: every connection is one.
void raise_file_limit(int connections) {
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files)) return;
  const rlim_t wanted = std::min<rlim_t>(files.rlim_max, connections + 512);
  if (files.rlim_cur >= wanted) return;
  files.rlim_cur = wanted;
  setrlimit(RLIMIT_NOFILE, &files);
}

class Listener final : public Server {
 public:
  Listener(const Options& options, Router router)
      : loops_(size_t(std::max(1, options.threads))),
        acceptor_(loops_.front().executor()),
        retry_(loops_.front().executor()) {
    state_.options = std::make_shared<const Options>(options);
    state_.router = std::move(router);
  }
  ~Listener() override {
    stop();
    for (Loop& loop : loops_) loop.join();
  }

  error_code listen();
  void run();
  uint16_t port() const override { return port_; }
  int connections() const override { return state_.count; }
  int answering() const override { return state_.answering; }
  void drain() override { *state_.draining = true; }
  void finish(std::chrono::milliseconds most) override;
  void stop() override;

 private:
  void accept();
  void admit(Connection::Socket socket, Loop& loop);
  void end(void (Connection::*how)());

  std::deque<Loop> loops_;  // the first one accepts, too
  size_t next_loop_ = 0;    // which the next connection gets
  ServerState state_;
  tcp::acceptor acceptor_;
  asio::steady_timer retry_;
  uint16_t port_ = 0;
};

error_code Listener::listen() {
  const Options& options = *state_.options;
  error_code fault;
  tcp::endpoint at(asio::ip::make_address(options.host, fault), options.port);
  if (fault) {
    const auto found =
        tcp::resolver(loops_.front().executor()).resolve(options.host, std::to_string(options.port), fault);
    if (fault) return fault;
    at = found.begin()->endpoint();
  }
  if (acceptor_.open(at.protocol(), fault)) return fault;
  if (acceptor_.set_option(tcp::acceptor::reuse_address(true), fault)) return fault;
  if (acceptor_.bind(at, fault)) return fault;
  if (acceptor_.listen(asio::socket_base::max_listen_connections, fault)) return fault;
  port_ = acceptor_.local_endpoint(fault).port();
  return fault;
}

void Listener::run() {
  accept();
  for (Loop& loop : loops_) loop.run();
}

void Listener::accept() {
  Loop& loop = loops_[next_loop_++ % loops_.size()];
  acceptor_.async_accept(loop.executor(), [this, &loop](error_code fault, Connection::Socket socket) {
    if (!acceptor_.is_open()) return;
    if (!fault) {
      admit(std::move(socket), loop);
      return accept();
    }
    log_warning("http: cannot accept a connection: " + fault.message());
    retry_.expires_after(std::chrono::milliseconds(100));  // most likely there are too many open files
    retry_.async_wait([this](error_code cancelled) {
      if (!cancelled && acceptor_.is_open()) accept();
    });
  });
}

// Opens a connection, turns it away with a 503, or closes the socket, depending on how many there are.
void Listener::admit(Connection::Socket socket, Loop& loop) {
  const int now = state_.count, most = state_.options->limits.connections;
  if (state_.closing || now >= most + kTurnedAwayAtOnce) return;
  if (state_.handshakes >= state_.options->limits.handshakes) return;
  const auto connection = std::make_shared<Connection>(std::move(socket), loop, state_);
  {
    const std::lock_guard lock(state_.mutex);
    state_.connections.insert(connection);
    ++state_.count;
  }
  now < most ? connection->open() : connection->turn_away();
}

void Listener::finish(std::chrono::milliseconds most) {
  end(&Connection::finish);
  std::unique_lock lock(state_.mutex);
  state_.closed_one.wait_for(lock, most, [this] { return state_.connections.empty(); });
}

void Listener::stop() {
  end(&Connection::stop);
  asio::post(acceptor_.get_executor(), [this] {
    for (Loop& loop : loops_) loop.leave();
  });
}

// Closes the port and calls `how` on every connection, on the first loop's thread.
void Listener::end(void (Connection::*how)()) {
  *state_.draining = state_.closing = true;
  if (loops_.front().is_over()) return;
  asio::post(acceptor_.get_executor(), [this, how] {
    error_code ignored;
    acceptor_.close(ignored);
    retry_.cancel();
    std::set<std::shared_ptr<Connection>> all;
    {
      const std::lock_guard lock(state_.mutex);
      all = state_.connections;
    }
    for (const auto& connection : all) (connection.get()->*how)();
  });
}

}  // namespace

Result<std::unique_ptr<Server>> Server::start(const Options& options, Router router) {
  const std::string where = options.host + ":" + std::to_string(options.port);
  try {
    raise_file_limit(options.limits.connections);
    auto server = std::make_unique<Listener>(options, std::move(router));
    if (const error_code fault = server->listen())
      return Error{Code::io,
                   "cannot listen on " + where + ": " + fault.message() + "; choose another host or port"};
    server->run();
    return Result<std::unique_ptr<Server>>(std::move(server));
  } catch (const std::exception& e) {
    return Error{Code::io, "cannot listen on " + where + ": " + e.what()};
  }
}

}  // namespace autark::http
