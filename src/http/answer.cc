#include "http/answer.h"
#include <algorithm>
#include <charconv>
#include "base/log.h"

namespace autark::http {
namespace {

void append_chunk(std::string& out, std::string_view bytes) {
  char size[20];
  const char* const end = std::to_chars(size, size + sizeof size, bytes.size(), 16).ptr;
  out.append(std::string_view(size, end)).append("\r\n").append(bytes).append("\r\n");
}

bool asks_to_close(const Headers& headers) {
  for (const auto& [name, value] : headers) {
    if (name == "connection" && value == "close") return true;
  }
  return false;
}

// The content-length; -1 if there is none.
int64_t promised(const Headers& headers) {
  int64_t bytes = -1;
  for (const auto& [name, value] : headers) {
    if (name == "content-length") std::from_chars(value.data(), value.data() + value.size(), bytes);
  }
  return bytes;
}

}  // namespace

void Answer::wake() {
  if (woken_ || lost_) return;
  woken_ = true;
  terms_.loop.hand_over(shared_from_this());
}

// Whether the answer has begun already; logs that the handler's call is ignored.
bool Answer::misused(const char* what) const {
  if (started_)
    log_error(std::string("http: ") + what + " after the answer to " + terms_.path + " was begun; ignored");
  return started_;
}

// The head of the response without the bytes that probes have sent.
std::string Answer::head(int status, Headers headers, std::optional<size_t> length) const {
  headers.insert(headers.end(), terms_.more.begin(), terms_.more.end());
  return response_head(status, headers, form_, length).substr(probed_);
}

void Answer::give(Response&& response) {
  started_ = finished_ = true;
  gone_ = nullptr;
  form_.keep_alive = form_.keep_alive && !*terms_.last && !asks_to_close(response.headers);
  ready_ = head(response.status, std::move(response.headers), response.body.size());
  if (!form_.head_only && response.status != 204 && response.status != 304) ready_ += response.body;
  wake();
}

void Answer::respond(Response response) {
  const std::lock_guard lock(mutex_);
  if (!misused("respond")) give(std::move(response));
}

void Answer::refuse(int status, std::string reason, Headers headers) {
  Response response = error_response(*terms_.options, status, reason, terms_.path);
  headers.insert(headers.end(), response.headers.begin(), response.headers.end());
  respond({status, std::move(headers), std::move(response.body)});
}

void Answer::start(int status, Headers headers) {
  const std::lock_guard lock(mutex_);
  if (misused("start")) return;
  started_ = true;
  owed_ = promised(headers);
  chunked_ = form_.may_chunk && owed_ < 0;
  form_.head_only = form_.head_only || status == 204 || status == 304;
  form_.keep_alive = form_.keep_alive && !*terms_.last && (chunked_ || owed_ >= 0) && !asks_to_close(headers);
  ready_ = head(status, std::move(headers), std::nullopt);
  wake();
}

bool Answer::write(std::string bytes) {
  const std::lock_guard lock(mutex_);
  if (lost_ || broken_ || !started_ || finished_) return false;
  if (bytes.empty() || form_.head_only) return true;
  if (owed_ >= 0) {
    bytes.resize(std::min<size_t>(bytes.size(), owed_));
    owed_ -= static_cast<int64_t>(bytes.size());
  }
  if (in_flight_ + ready_.size() + bytes.size() > terms_.options->limits.unsent_bytes) {
    broken_ = true;
    woken_ = false;  // a wake that waits for the write on its way would come too late
  } else {
    chunked_ ? append_chunk(ready_, bytes) : void(ready_ += bytes);
  }
  wake();
  return !broken_;
}

void Answer::finish() {
  const std::lock_guard lock(mutex_);
  if (!started_ || finished_ || broken_ || lost_) return;
  finished_ = true;
  gone_ = nullptr;
  cut_ = owed_ > 0 && !form_.head_only;
  if (chunked_ && !form_.head_only) ready_ += "0\r\n\r\n";
  wake();
}

bool Answer::closed() const {
  const std::lock_guard lock(mutex_);
  return lost_ || broken_;
}

void Answer::on_close(std::function<void()> gone) {
  {
    const std::lock_guard lock(mutex_);
    if (finished_) return;
    if (!lost_) {
      gone_ = std::move(gone);
      return;
    }
  }
  gone();
}

// The connection comes to take bytes and finds none.
void Answer::on_sent(std::function<void()> sent) {
  const std::lock_guard lock(mutex_);
  if (lost_ || broken_ || finished_) return;
  sent_.swap(sent);
  wake();
}

void Answer::drop() {
  std::unique_lock lock(mutex_);
  if (!started_ && !lost_) {
    lock.unlock();
    return refuse(500, "the request was not answered", {});
  }
  if (finished_) return;
  finished_ = cut_ = true;
  gone_ = nullptr;
  wake();
}

Answer::Then Answer::take(std::string& out) {
  std::function<void()> sent;
  Then then;
  {
    const std::lock_guard lock(mutex_);
    then = take_ready(out);
    if (in_flight_ == 0) sent.swap(sent_);
  }
  if (sent && then == Then::more) sent();
  return then;
}

Answer::Then Answer::take_ready(std::string& out) {
  woken_ = false;
  in_flight_ = ready_.size();
  if (out.empty())
    out.swap(ready_);
  else
    out += ready_, ready_.clear();
  if (broken_) return Then::abort;
  if (!finished_) return Then::more;
  return form_.keep_alive && !cut_ ? Then::next_request : Then::close;
}

std::string Answer::probe() {
  const std::lock_guard lock(mutex_);
  if (finished_ || broken_ || lost_ || !ready_.empty()) return {};
  if (started_) return chunked_ && !form_.head_only ? "0" : "";
  return probed_ < kAnswerBegins.size() ? std::string(1, kAnswerBegins[probed_++]) : std::string();
}

void Answer::lose() {
  std::function<void()> gone, sent;  // destroyed without the mutex: they may hold this answer's stream
  {
    const std::lock_guard lock(mutex_);
    lost_ = true;
    std::swap(gone, gone_);
    std::swap(sent, sent_);
  }
  if (gone) gone();
}

}  // namespace autark::http
