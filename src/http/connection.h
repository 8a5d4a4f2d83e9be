// One client's connection: reads requests, hands them to the router one at a time, sends the answers, keeps
// the time limits and notices when the client goes. Everything runs on the connection's strand. Between a
// request and the end of its answer it goes on reading (a little), which is how a vanished client is seen: by
// a reset, or by the end of what it sends. The end may also mean that the client only closed its sending side
// and waits; the two look the same until something is written to it, so a byte of the answer goes out ahead
// of the rest. A client that has gone answers with a reset.
#pragma once
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <condition_variable>
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
  std::condition_variable closed_one;
  std::atomic<int> count{0}, answering{0};
  std::atomic<bool> closing{false};
  const Answer::Flag draining = std::make_shared<std::atomic<bool>>(false);
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  using Socket =
      boost::asio::basic_stream_socket<boost::asio::ip::tcp,
                                       boost::asio::strand<boost::asio::io_context::executor_type>>;
  Connection(Socket socket, Service& service);
  void open();       // the four: from any thread
  void turn_away();  // 503: there are too many
  void finish();     // closes when nothing is to be sent any more
  void stop();

 private:
  enum class Phase { idle, head, body, answering, lingering, closed };

  void read();
  void on_read(const boost::system::error_code& fault, size_t n);
  void advance();
  void dispatch();
  void handle(Request request);
  void probe();
  void watch_for_reset();
  void wait(std::chrono::milliseconds time);
  void refuse(int status, const std::string& reason);
  void turn_down();
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
  std::chrono::milliseconds probe_time_{0};  // until the next one
  bool reading_ = false, writing_ = false, watching_ = false;
  bool ended_ = false;  // the client closed its sending side
  bool turned_away_ = false;
};

}  // namespace autark::http
