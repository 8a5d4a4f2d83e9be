#include "http/connection.h"
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/post.hpp>
#include "base/log.h"
#include "http/wiped_text.h"

namespace autark::http {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

constexpr size_t kReadBytes = 4 << 10, kBodyReadBytes = 64 << 10;
constexpr size_t kProgressBytes = 64 << 10;  // of an upload, after which its time limit begins again
constexpr size_t kAheadBytes = 64 << 10;     // of further requests, read while one is answered
constexpr int kWritesAtOnce = 16;            // of one connection, before others have their turn
constexpr std::chrono::milliseconds kLingerTime{5000};
constexpr std::chrono::milliseconds kLastLingerTime{100};  // when the server is stopping
// How long a refused connection may take to send its head: path and origin decide the form of the refusal.
constexpr std::chrono::milliseconds kTurnedAwayTime{200}, kTurnedAwayTlsTime{1000};
constexpr std::chrono::milliseconds kFirstProbeTime{500};  // doubles after each probe

// The Stream given to a handler. If the handler drops it without answering, the client gets a 500.
StreamPtr stream_of(std::shared_ptr<Answer> answer) {
  Stream* const stream = answer.get();
  return StreamPtr(stream, [answer = std::move(answer)](Stream*) { answer->drop(); });
}

std::string peer_of(const Connection::Socket& socket) {
  error_code fault;
  const tcp::endpoint peer = socket.remote_endpoint(fault);
  if (fault) return {};
  const std::string address = peer.address().to_string();
  return (peer.address().is_v6() ? "[" + address + "]" : address) + ":" + std::to_string(peer.port());
}

}  // namespace

Connection::Connection(Socket socket, Loop& loop, ServerState& state)
    : loop_(loop),
      state_(state),
      socket_(std::move(socket)),
      read_timer_(socket_.get_executor()),
      write_timer_(socket_.get_executor()),
      peer_(peer_of(socket_)),
      reader_(state.options->limits,
              [&router = state.router](std::string_view method, std::string_view path) {
                return router.is_upload(method, path);
              }) {
  error_code ignored;
  socket_.set_option(tcp::no_delay(true), ignored);
  socket_.set_option(asio::socket_base::keep_alive(true), ignored);
  socket_.non_blocking(true, ignored);
  if (!state.options->tls) return;
  tls_ = std::make_unique<TlsSession>(*state.options->tls->current());
  handshaking_ = true;
  ++state.handshakes;
}

void Connection::open() {
  asio::post(socket_.get_executor(), [self = shared_from_this()] {
    self->enter(self->tls_ ? Phase::handshake : Phase::idle);
    self->read();
  });
}

void Connection::turn_away() {
  asio::post(socket_.get_executor(), [self = shared_from_this()] {
    self->turned_away_ = true;
    self->enter(Phase::head);
    self->wait(self->tls_ ? kTurnedAwayTlsTime : kTurnedAwayTime);
    self->read();
  });
}

// An idle connection with unread bytes stays open: they may be a request, which is still answered. During a
// handshake there is no request yet.
void Connection::finish() {
  asio::post(socket_.get_executor(), [self = shared_from_this()] {
    error_code ignored;
    if (self->phase_ == Phase::idle && self->socket_.available(ignored) == 0) self->close();
    if (self->phase_ == Phase::handshake) self->close();
    if (self->phase_ == Phase::head || self->phase_ == Phase::body)
      self->refuse(503, "the server is stopping");
    if (self->phase_ == Phase::lingering) self->wait(kLastLingerTime);
  });
}

void Connection::stop() {
  asio::post(socket_.get_executor(), [self = shared_from_this()] { self->close(); });
}

void Connection::read() {
  if (reading_ || ended_ || phase_ == Phase::closed) return;
  reading_ = true;
  arriving_.resize(phase_ == Phase::body || phase_ == Phase::lingering ? kBodyReadBytes : kReadBytes);
  socket_.async_read_some(asio::buffer(arriving_), [self = shared_from_this()](error_code fault, size_t n) {
    self->on_read(fault, n);
  });
}

void Connection::on_read(const error_code& fault, size_t n) {
  reading_ = false;
  if (phase_ == Phase::closed) return;
  if (fault == asio::error::eof) return on_end();
  if (fault) return close();
  if (phase_ == Phase::lingering) return read();
  if (tls_ && !decrypt({arriving_.data(), n})) return;
  if (!tls_) input_.append(arriving_, 0, n);
  wipe_front(arriving_, n);
  advance();
}

// The client sends no more. What was read before is parsed.
void Connection::on_end() {
  ended_ = true;
  if (phase_ != Phase::answering) return close();
  probe_time_ = kFirstProbeTime;
  probe();
}

// Adds the text of what was read to the input. False if there is nothing to parse.
bool Connection::decrypt(std::string_view bytes) {
  if (!tls_->put(bytes, input_)) {
    if (!tls_->is_plain_http()) return say_goodbye(), close(), false;
    tls_.reset();
    return refuse(400, "this port speaks HTTPS; begin the address with https://"), false;
  }
  if (tls_->is_ready()) end_handshake();
  if (tls_->has_output()) send();
  if (phase_ == Phase::closed) return false;
  if (!tls_->is_ready()) return read(), false;
  if (!tls_->is_over()) return true;
  if (phase_ == Phase::answering) return on_end(), false;
  return ended_ = true;
}

void Connection::end_handshake() {
  if (!std::exchange(handshaking_, false)) return;
  --state_.handshakes;
  if (phase_ == Phase::handshake) enter(Phase::idle);
}

// Tells a TLS client that the connection ends, as far as that can be sent at once.
void Connection::say_goodbye() {
  if (!tls_ || writing_) return;
  std::string last;
  tls_->end();
  error_code ignored;
  if (tls_->seal(last)) socket_.write_some(asio::buffer(last), ignored);
}

// Parses the bytes that were read: up to a whole request, which is answered before the next one is parsed, or
// until more bytes are needed.
void Connection::advance() {
  if (phase_ == Phase::answering) return input_.size() < kAheadBytes ? read() : watch_for_reset();
  if (upload_ && upload_->storing) return;
  wipe_out_front(input_, reader_.put(input_));
  if (turned_away_ && reader_.is_head_read()) return turn_down();
  if (reader_.is_upload() && reader_.stage() != RequestReader::Stage::refused) return advance_upload();
  switch (reader_.stage()) {
    case RequestReader::Stage::refused:
      return refuse(reader_.refusal().status, reader_.refusal().reason);
    case RequestReader::Stage::complete:
      dispatch();
      return advance();
    case RequestReader::Stage::idle:
      break;
    case RequestReader::Stage::head:
      enter(Phase::head);
      break;
    case RequestReader::Stage::body:
      enter(Phase::body);
      break;
  }
  read_more();
}

// Nothing is left to parse.
void Connection::read_more() {
  if (ended_) return close();
  if (reader_.wants_continue()) {
    queued_ += "HTTP/1.1 100 Continue\r\n\r\n";
    send();
  }
  read();
}

// Passes an upload's head to the router, its body to the sink, and its end.
void Connection::advance_upload() {
  if (!upload_) {
    begin_upload();
    return advance();
  }
  std::string piece = reader_.take_piece();
  if (!piece.empty()) return store(std::move(piece));
  if (reader_.stage() != RequestReader::Stage::complete) return read_more();
  enter(Phase::answering);
  guarded([&] { upload_->sink->end(); });
  upload_.reset();
  advance();
}

// A request that is answered before its body has come is over.
void Connection::begin_upload() {
  enter(Phase::body);
  Form form = reader_.form();
  form.keep_alive = false;
  Request head = reader_.head();
  head.peer = peer_;
  const StreamPtr stream = stream_of(make_answer(head, form));
  std::shared_ptr<BodySink> sink;
  guarded([&] { sink = state_.router.receive(head, stream); });
  if (sink) upload_ = Upload{.sink = std::move(sink)};
  if (!upload_) enter(Phase::answering);
}

void Connection::store(std::string piece) {
  upload_->storing = true;
  upload_->bytes += piece.size();
  if (upload_->bytes >= kProgressBytes) {
    upload_->bytes = 0;
    wait(state_.options->limits.body_time);
  }
  const auto stored = [weak = weak_from_this()](bool more) {
    if (const auto self = weak.lock())
      asio::post(self->socket_.get_executor(), [self, more] { self->on_stored(more); });
  };
  if (!guarded([&] { upload_->sink->put(std::move(piece), stored); })) close();
}

void Connection::on_stored(bool more) {
  if (!upload_) return;  // closed or refused meanwhile
  upload_->storing = false;
  if (!more) {
    enter(Phase::answering);
    upload_.reset();
    send();
  }
  if (phase_ == Phase::body || phase_ == Phase::answering) advance();
}

// Makes the Answer that a request will be answered through.
std::shared_ptr<Answer> Connection::make_answer(const Request& request, Form form) {
  then_ = Answer::Then::more;
  const Cors& cors = state_.options->cors;
  answer_ = std::make_shared<Answer>(
      Answer::Terms{state_.options, state_.draining, request.path,
                    cors.headers(request.path, request.header("origin")), loop_, weak_from_this()},
      form);
  return answer_;
}

// Passes the request to the router.
void Connection::dispatch() {
  enter(Phase::answering);
  const Form form = reader_.form();
  Request request = reader_.take();
  request.peer = peer_;
  const auto answer = make_answer(request, form);
  const Cors& cors = state_.options->cors;
  if (cors.is_preflight(request))
    answer->respond({204, cors.preflight(request, state_.router.methods(request.path)), ""});
  else
    guarded([&] { state_.router.handle(std::move(request), stream_of(answer)); });
  if (!ended_) return;
  probe_time_ = kFirstProbeTime;
  probe();
}

// Calls a handler. False if it threw.
bool Connection::guarded(const std::function<void()>& call) {
  try {
    call();
    return true;
  } catch (const std::exception& e) {  // the handler's stream is gone by now and has answered 500
    log_error(std::string("http: a handler threw: ") + e.what());
    return false;
  }
}

// Tests whether the client has gone or waits with its sending side closed. It may leave later, so the test is
// repeated after twice the time.
void Connection::probe() {
  watch_for_reset();
  if (!writing_ && answer_) queued_ += answer_->probe();
  send();
  if (phase_ != Phase::answering) return;
  wait(probe_time_);
  probe_time_ *= 2;
}

// Used when reading has stopped, because the client's data has ended or too much is unread: only a reset can
// still show that the client has gone.
void Connection::watch_for_reset() {
  if (std::exchange(watching_, true)) return;
  socket_.async_wait(tcp::socket::wait_error, [self = shared_from_this()](error_code fault) {
    self->watching_ = false;
    if (!fault && self->phase_ == Phase::answering) self->close();
  });
}

void Connection::turn_down() {
  refuse(503, "there are too many connections; try again later");
}

// Answers with an error, as far as path and origin are known, and then closes the connection.
void Connection::refuse(int status, const std::string& reason) {
  enter(Phase::answering);
  Response response = error_response(*state_.options, status, reason, reader_.path());
  for (auto& header : state_.options->cors.headers(reader_.path(), reader_.origin()))
    response.headers.push_back(std::move(header));
  queued_ +=
      response_head(status, response.headers, {.keep_alive = false}, response.body.size()) + response.body;
  upload_.reset();
  answer_ = nullptr;
  then_ = Answer::Then::close;
  send();
}

// Sends queued bytes and bytes of the answer.
void Connection::send() {
  if (phase_ == Phase::closed || phase_ == Phase::lingering) return;
  if (writing_) {
    if (answer_ && answer_->closed()) close();  // the client reads too slowly; do not wait for this write
    return;
  }
  for (int i = 0; i < kWritesAtOnce; ++i)
    if (!collect() || !write_at_once()) return;
  asio::post(socket_.get_executor(), [self = shared_from_this()] { self->send(); });
}

// Takes the bytes to send. False if there are none, or if the connection was closed.
bool Connection::collect() {
  if (!queued_.empty()) sending_.swap(queued_);
  sent_ = 0;
  if (answer_) then_ = answer_->take(sending_);
  if (answer_ && then_ == Answer::Then::abort) return close(), false;
  if (tls_ && !tls_->seal(sending_)) return close(), false;
  if (sending_.empty()) return all_sent(), false;
  return true;
}

// Writes what the socket takes without waiting, which is nearly always all. False if it does not take all.
bool Connection::write_at_once() {
  error_code fault;
  sent_ = socket_.write_some(asio::buffer(sending_), fault);
  if (fault && fault != asio::error::would_block) return close(), false;
  if (sent_ < sending_.size()) return write_rest(), false;
  wipe(sending_);
  return true;
}

void Connection::write_rest() {
  writing_ = true;
  write_timer_.expires_after(state_.options->limits.write_time);
  write_timer_.async_wait([self = shared_from_this()](error_code cancelled) {
    if (!cancelled && self->writing_ && self->write_timer_.expiry() <= std::chrono::steady_clock::now())
      self->close();
  });
  socket_.async_write_some(asio::buffer(sending_) + sent_,
                           [self = shared_from_this()](error_code f, size_t n) { self->on_sent(f, n); });
}

void Connection::on_sent(const error_code& fault, size_t n) {
  writing_ = false;
  if (fault || phase_ == Phase::closed) return close();
  sent_ += n;
  if (sent_ < sending_.size()) return write_rest();
  wipe(sending_);
  write_timer_.cancel();
  send();
}

// All bytes that were ready are sent. If the answer is complete, goes on with the next request or closes.
void Connection::all_sent() {
  if (phase_ != Phase::answering || then_ == Answer::Then::more) return;
  const bool next = then_ == Answer::Then::next_request && !state_.closing;
  answer_ = nullptr;
  then_ = Answer::Then::more;
  if (!next) return linger();
  if (input_.empty()) input_.shrink_to_fit();
  enter(Phase::idle);
  advance();
}

// Closes the sending side and discards what the client still sends, for a while. If the socket were closed
// with unread bytes, the kernel would reset the connection and the client could lose the end of the answer.
void Connection::linger() {
  if (tls_ && tls_->end()) {
    then_ = Answer::Then::close;  // comes here again when that is sent
    return send();
  }
  error_code ignored;
  socket_.shutdown(tcp::socket::shutdown_send, ignored);
  if (ended_) return close();
  enter(Phase::lingering);
  if (state_.closing) wait(kLastLingerTime);
  input_.clear();
  read();
}

void Connection::close() {
  if (phase_ == Phase::closed) return;
  if (phase_ == Phase::idle) say_goodbye();
  end_handshake();
  enter(Phase::closed);
  error_code ignored;
  socket_.close(ignored);
  write_timer_.cancel();
  upload_.reset();
  if (const auto answer = std::exchange(answer_, nullptr)) {
    try {
      answer->lose();
    } catch (const std::exception& e) {
      log_error(std::string("http: a close handler threw: ") + e.what());
    }
  }
  const std::lock_guard lock(state_.mutex);
  state_.count -= static_cast<int>(state_.connections.erase(shared_from_this()));
  state_.closed_one.notify_all();
}

void Connection::wait(std::chrono::milliseconds time) {
  read_timer_.expires_after(time);
  read_timer_.async_wait([self = shared_from_this()](error_code cancelled) {
    if (!cancelled && self->read_timer_.expiry() <= std::chrono::steady_clock::now()) self->on_deadline();
  });
}

// Starts the time limit of the phase. Bytes that arrive within the phase extend it only for an upload.
void Connection::enter(Phase phase) {
  if (phase == phase_) return;
  state_.answering += int(phase == Phase::answering) - int(phase_ == Phase::answering);
  phase_ = phase;
  const Limits& limits = state_.options->limits;
  switch (phase) {
    case Phase::handshake:
      return wait(limits.handshake_time);
    case Phase::idle:
      return wait(limits.idle_time);
    case Phase::head:
      return wait(limits.header_time);
    case Phase::body:
      return wait(limits.body_time);
    case Phase::lingering:
      return wait(kLingerTime);
    case Phase::answering:
    case Phase::closed:
      read_timer_.cancel();
  }
}

void Connection::on_deadline() {
  if (phase_ == Phase::answering) return ended_ ? probe() : void();
  if (phase_ == Phase::head && turned_away_) return turn_down();
  if (phase_ == Phase::body && upload_ && upload_->storing) return wait(state_.options->limits.body_time);
  if (phase_ == Phase::body) return refuse(408, "the body did not arrive in time");
  close();
}

}  // namespace autark::http
