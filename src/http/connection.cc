#include "http/connection.h"
#include <spdlog/spdlog.h>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/post.hpp>

namespace autark::http {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

constexpr size_t kReadBytes = 4 << 10, kBodyReadBytes = 64 << 10;
constexpr size_t kAheadBytes = 64 << 10;  // of requests that wait behind the one being answered
constexpr std::chrono::seconds kLingerTime{5};

// What a handler holds. Its end without an answer is an answer too.
class Handle final : public Stream {
 public:
  explicit Handle(std::shared_ptr<Answer> answer) : answer_(std::move(answer)) {}
  ~Handle() override { answer_->drop(); }
  void respond(Response response) override { answer_->respond(std::move(response)); }
  void refuse(int status, std::string reason, Headers headers) override {
    answer_->refuse(status, std::move(reason), std::move(headers));
  }
  void start(int status, Headers headers) override { answer_->start(status, std::move(headers)); }
  bool write(std::string bytes) override { return answer_->write(std::move(bytes)); }
  void finish() override { answer_->finish(); }
  bool closed() const override { return answer_->closed(); }
  void on_close(std::function<void()> gone) override { answer_->on_close(std::move(gone)); }

 private:
  const std::shared_ptr<Answer> answer_;
};

std::string peer_of(const Connection::Socket& socket) {
  error_code fault;
  const tcp::endpoint peer = socket.remote_endpoint(fault);
  if (fault) return {};
  const std::string address = peer.address().to_string();
  return (peer.address().is_v6() ? "[" + address + "]" : address) + ":" + std::to_string(peer.port());
}

}  // namespace

Connection::Connection(Socket socket, Service& service)
    : service_(service),
      socket_(std::move(socket)),
      read_timer_(socket_.get_executor()),
      write_timer_(socket_.get_executor()),
      peer_(peer_of(socket_)),
      reader_(service.options->limits) {
  error_code ignored;
  socket_.set_option(tcp::no_delay(true), ignored);
  socket_.set_option(asio::socket_base::keep_alive(true), ignored);
}

void Connection::open() {
  asio::post(socket_.get_executor(), [self = shared_from_this()] {
    self->enter(Phase::idle);
    self->read();
  });
}

void Connection::turn_away() {
  asio::post(socket_.get_executor(), [self = shared_from_this()] {
    self->enter(Phase::answering);
    self->refuse(503, "there are too many connections; try again later", "");
  });
}

void Connection::stop(bool answers_too) {
  asio::post(socket_.get_executor(), [self = shared_from_this(), answers_too] {
    if (answers_too || self->phase_ == Phase::idle) self->close();
  });
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
  if (fault) {  // an answer that is finished is still sent to a client that only closed its sending side
    ended_ = true;
    const bool sending = phase_ == Phase::answering && (!answer_ || answer_->finished());
    return fault == asio::error::eof && sending ? void() : close();
  }
  if (phase_ == Phase::lingering) return read();
  input_.append(arriving_, 0, n);
  advance();
}

// Takes what has been read as far as it goes: to a whole request, which is answered before the next is looked
// at, or to the need for more.
void Connection::advance() {
  if (phase_ == Phase::answering) return input_.size() < kAheadBytes ? read() : watch_for_reset();
  input_.erase(0, reader_.put(input_));
  switch (reader_.stage()) {
    case RequestReader::Stage::refused: {
      const auto& [status, reason, path] = reader_.refusal();
      enter(Phase::answering);
      return refuse(status, reason, path);
    }
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
  if (ended_) return close();
  if (reader_.wants_continue()) {
    queued_ += "HTTP/1.1 100 Continue\r\n\r\n";
    send();
  }
  read();
}

void Connection::dispatch() {
  enter(Phase::answering);
  Form form = reader_.form();
  form.keep_alive = form.keep_alive && !service_.draining;
  Request request = reader_.take();
  request.peer = peer_;
  then_ = Answer::Then::more;
  answer_ = std::make_shared<Answer>(service_.options, form, request.path, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) asio::post(self->socket_.get_executor(), [self] { self->send(); });
  });
  try {
    service_.router.handle(std::move(request), std::make_shared<Handle>(answer_));
  } catch (const std::exception& e) {  // the Handle has gone with it, and answered 500
    spdlog::error("http: a handler threw: {}", e.what());
  }
}

// With so much unread there is no seeing an orderly end behind it, but a reset.
void Connection::watch_for_reset() {
  if (std::exchange(watching_, true)) return;
  socket_.async_wait(tcp::socket::wait_error, [self = shared_from_this()](error_code fault) {
    self->watching_ = false;
    if (!fault && self->phase_ == Phase::answering) self->close();
  });
}

void Connection::refuse(int status, const std::string& reason, const std::string& path) {
  const Response response = error_response(*service_.options, status, reason, path);
  queued_ +=
      response_head(status, response.headers, {.keep_alive = false}, response.body.size()) + response.body;
  answer_ = nullptr;
  then_ = Answer::Then::close;
  send();
}

void Connection::send() {
  if (phase_ == Phase::closed || phase_ == Phase::lingering) return;
  if (writing_) {
    if (answer_ && answer_->closed()) close();  // too far behind; what is on its way will not arrive
    return;
  }
  sending_.swap(queued_);
  queued_.clear();
  sent_ = 0;
  if (answer_) then_ = answer_->take(sending_);
  if (answer_ && then_ == Answer::Then::abort) return close();
  if (sending_.empty()) return all_sent();
  on_sent({}, 0);
}

void Connection::on_sent(const error_code& fault, size_t n) {
  writing_ = false;
  if (fault || phase_ == Phase::closed) return close();
  sent_ += n;
  if (sent_ == sending_.size()) {
    sending_.clear();
    write_timer_.cancel();
    return send();
  }
  writing_ = true;
  write_timer_.expires_after(service_.options->limits.write_time);
  write_timer_.async_wait([self = shared_from_this()](error_code cancelled) {
    if (!cancelled && self->writing_ && self->write_timer_.expiry() <= std::chrono::steady_clock::now())
      self->close();
  });
  socket_.async_write_some(asio::buffer(sending_) + sent_,
                           [self = shared_from_this()](error_code f, size_t m) { self->on_sent(f, m); });
}

void Connection::all_sent() {
  if (phase_ != Phase::answering || then_ == Answer::Then::more) return;
  const bool next = then_ == Answer::Then::next_request && !service_.draining;
  answer_ = nullptr;
  then_ = Answer::Then::more;
  if (!next) return linger();
  if (input_.empty()) input_.shrink_to_fit();
  enter(Phase::idle);
  advance();
}

// Closing with unread bytes would make the kernel reset the connection and the client lose our last words:
// the end is said, and what still comes is thrown away for a while.
void Connection::linger() {
  error_code ignored;
  socket_.shutdown(tcp::socket::shutdown_send, ignored);
  if (ended_) return close();
  enter(Phase::lingering);
  input_.clear();
  read();
}

void Connection::close() {
  if (phase_ == Phase::closed) return;
  enter(Phase::closed);
  error_code ignored;
  socket_.close(ignored);
  write_timer_.cancel();
  if (const auto answer = std::exchange(answer_, nullptr)) {
    try {
      answer->lose();
    } catch (const std::exception& e) {
      spdlog::error("http: a close handler threw: {}", e.what());
    }
  }
  const std::lock_guard lock(service_.mutex);
  service_.count -= static_cast<int>(service_.connections.erase(shared_from_this()));
}

// A phase's time runs from its beginning, not from its last byte: dribbling does not help.
void Connection::enter(Phase phase) {
  if (phase == phase_) return;
  phase_ = phase;
  const Limits& limits = service_.options->limits;
  switch (phase) {
    case Phase::idle:
      read_timer_.expires_after(limits.idle_time);
      break;
    case Phase::head:
      read_timer_.expires_after(limits.header_time);
      break;
    case Phase::body:
      read_timer_.expires_after(limits.body_time);
      break;
    case Phase::lingering:
      read_timer_.expires_after(kLingerTime);
      break;
    case Phase::answering:
    case Phase::closed:
      read_timer_.cancel();
      return;
  }
  read_timer_.async_wait([self = shared_from_this()](error_code cancelled) {
    if (!cancelled && self->read_timer_.expiry() <= std::chrono::steady_clock::now()) self->on_deadline();
  });
}

void Connection::on_deadline() {
  if (phase_ == Phase::body) {
    enter(Phase::answering);
    return refuse(408, "the body did not arrive in time", reader_.path());
  }
  if (phase_ != Phase::answering) close();
}

}  // namespace autark::http
