// One client connection: reads requests, passes them to the router one at a time, sends the answers, enforces
// time limits and notices when the client leaves. All private functions run on the thread of its loop.
//
// While a request is answered the connection keeps reading a little, to see a reset or the end of the
// client's data. The end may mean that the client has gone, or that it closed only its sending side and
// waits. The two differ only once something is written: a client that has gone answers with a reset. So the
// connection sends a byte of the answer early (Answer::probe).
//
// With TLS the same bytes pass through a TlsSession, between the socket and everything else here. A client's
// close_notify counts as the end of its data.
#pragma once
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <condition_variable>
#include <set>
#include "http/answer.h"
#include "http/loop.h"
#include "http/request_reader.h"
#include "http/tls_session.h"

namespace autark::http {

class Connection;

// The state that all connections of a server share.
struct ServerState {
  std::shared_ptr<const Options> options;
  Router router;
  std::mutex mutex;                                   // guards the set
  std::set<std::shared_ptr<Connection>> connections;  // keeps them alive until they are closed
  std::condition_variable closed_one;                 // notified when a connection is closed
  std::atomic<int> count{0}, answering{0};            // all connections; those with an unfinished answer
  std::atomic<int> handshakes{0};                     // connections whose TLS handshake is not complete
  std::atomic<bool> closing{false};                   // no new connections, no next requests
  const Answer::Flag draining = std::make_shared<std::atomic<bool>>(false);  // see Answer's `last`
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  using Socket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, Loop::Executor>;
  // The socket's executor is the loop's, which outlives the connection.
  Connection(Socket socket, Loop& loop, ServerState& state);
  // These may be called from any thread.
  void open();       // starts reading requests
  void turn_away();  // answers 503 because there are too many connections
  void finish();     // closes as soon as nothing is left to send
  void stop();       // closes at once
  // On the loop's thread: sends what is ready, unless a write is pending; its end calls send() again.
  void send();

 private:
  enum class Phase { handshake, idle, head, body, answering, lingering, closed };

  void read();
  void on_read(const boost::system::error_code& fault, size_t n);
  void on_end();
  bool decrypt(std::string_view bytes);
  void end_handshake();
  void say_goodbye();
  void advance();
  void dispatch();
  void read_more();
  std::shared_ptr<Answer> make_answer(const Request& request, Form form);
  void advance_upload();
  void begin_upload();
  void store(std::string piece);
  void on_stored(bool more);
  bool guarded(const std::function<void()>& call);
  void probe();
  void watch_for_reset();
  void wait(std::chrono::milliseconds time);
  void refuse(int status, const std::string& reason);
  void turn_down();
  bool collect();
  bool write_at_once();
  void write_rest();
  void on_sent(const boost::system::error_code& fault, size_t n);
  void all_sent();
  void linger();
  void close();
  void enter(Phase phase);
  void on_deadline();

  // A request whose body goes to a sink.
  struct Upload {
    std::shared_ptr<BodySink> sink;
    bool storing = false;  // the sink has a piece, and nothing is parsed
    size_t bytes = 0;      // since the time limit began
  };

  Loop& loop_;
  ServerState& state_;
  // What every piece of a stream needs comes first, because a server of many streams has little of it in its cache.
  Socket socket_;
  std::unique_ptr<TlsSession> tls_;  // null without TLS
  std::shared_ptr<Answer> answer_;
  std::string queued_, sending_;  // queued_: bytes beside the answer, such as "100 Continue"
  size_t sent_ = 0;               // bytes of sending_
  Answer::Then then_ = Answer::Then::more;
  Phase phase_ = Phase::closed;
  bool reading_ = false, writing_ = false, watching_ = false;
  bool ended_ = false;  // the client closed its sending side
  bool turned_away_ = false;
  bool handshaking_ = false;                 // counted in ServerState::handshakes
  std::chrono::milliseconds probe_time_{0};  // until the next probe
  boost::asio::steady_timer read_timer_, write_timer_;
  std::string peer_;
  RequestReader reader_;
  std::string arriving_, input_;  // buffer of the pending read; text that was read and not yet parsed
  std::optional<Upload> upload_;
};

}  // namespace autark::http
