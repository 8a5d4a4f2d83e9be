// One client's connection: reads requests, hands them to the router one at a time, sends the answers, keeps
// the time limits and notices when the client goes. Everything runs on the connection's strand. Between a
// request and the end of its answer it goes on reading (a little), which is how a vanished client is seen.
#pragma once
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <set>
#include "http/answer.h"
#include "http/request_reader.h"

namespace autark::http {

class Connection;

// What the connections of a server share.
struct Service {
  std::shared_ptr<const Options> options;
  Router router;
  std::mutex mutex;                                   // guards the set
  std::set<std::shared_ptr<Connection>> connections;  // keeps them alive until they are closed
  std::atomic<int> count{0};
  std::atomic<bool> draining{false};
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  using Socket =
      boost::asio::basic_stream_socket<boost::asio::ip::tcp,
                                       boost::asio::strand<boost::asio::io_context::executor_type>>;
  Connection(Socket socket, Service& service);
  void open();       // the three: from any thread
  void turn_away();  // 503: there are too many
  void stop(bool answers_too);

 private:
  enum class Phase { idle, head, body, answering, lingering, closed };

  void read();
  void on_read(const boost::system::error_code& fault, size_t n);
  void advance();
  void dispatch();
  void watch_for_reset();
  void refuse(int status, const std::string& reason, const std::string& path);
  void send();
  void on_sent(const boost::system::error_code& fault, size_t n);
  void all_sent();
  void linger();
  void close();
  void enter(Phase phase);
  void on_deadline();

  Service& service_;
  Socket socket_;
  boost::asio::steady_timer read_timer_, write_timer_;
  std::string peer_;
  RequestReader reader_;
  std::string arriving_, input_;  // where the read under way writes; what has been read and not yet eaten
  std::shared_ptr<Answer> answer_;
  Answer::Then then_ = Answer::Then::more;
  std::string queued_, sending_;  // queued_: our own words, such as "100 Continue"
  size_t sent_ = 0;               // of sending_
  Phase phase_ = Phase::closed;
  bool reading_ = false, writing_ = false, watching_ = false;
  bool ended_ = false;  // the client closed its sending side
};

}  // namespace autark::http
