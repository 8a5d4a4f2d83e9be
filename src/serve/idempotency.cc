#include "serve/idempotency.h"
#include <algorithm>
#include "serve/digest.h"

namespace autark::serve {
namespace {

using Kind = api::ApiError::Kind;

std::string sum_of(const http::Request& request) {
  return digest(request.path + "?" + request.query + "\n" + request.body);
}

size_t bytes_of(const http::Response& answer) {
  size_t bytes = answer.body.size();
  for (const auto& [name, value] : answer.headers) bytes += name.size() + value.size();
  return bytes;
}

// An answer that was streamed is streamed again.
void replay(http::Response answer, http::Stream& stream) {
  answer.headers.emplace_back("idempotent-replayed", "true");
  stream.start(answer.status, std::move(answer.headers));
  stream.write(std::move(answer.body));
  stream.finish();
}

}  // namespace

// Passes an answer on and keeps it once it is whole. An answer that is not kept, or is dropped unfinished, gives
// the key free.
class Idempotency::Copy final : public http::Stream {
 public:
  Copy(std::shared_ptr<Idempotency> owner, std::string key, http::StreamPtr client)
      : owner_(std::move(owner)), key_(std::move(key)), client_(std::move(client)) {}
  ~Copy() override {
    if (!done_) owner_->forget(key_);
  }

  void respond(http::Response response) override {
    answer_ = response;
    begun_ = true;
    keep();
    client_->respond(std::move(response));
  }
  void refuse(int status, std::string reason, http::Headers headers) override {
    keep();
    client_->refuse(status, std::move(reason), std::move(headers));
  }
  void start(int status, http::Headers headers) override {
    answer_ = {status, headers, {}};
    begun_ = true;
    client_->start(status, std::move(headers));
  }
  bool write(std::string bytes) override {
    fits_ = fits_ && answer_.body.size() + bytes.size() <= kAnswerBytesMax;
    if (fits_) answer_.body += bytes;
    return client_->write(std::move(bytes));
  }
  void finish() override {
    keep();
    client_->finish();
  }
  bool closed() const override { return client_->closed(); }
  void on_close(std::function<void()> gone) override { client_->on_close(std::move(gone)); }
  void on_sent(std::function<void()> sent) override { client_->on_sent(std::move(sent)); }

 private:
  void keep() {
    done_ = true;
    const bool good = begun_ && answer_.status >= 200 && answer_.status < 300 && !client_->closed();
    if (good && fits_ && bytes_of(answer_) <= 2 * kAnswerBytesMax)
      owner_->keep(key_, std::move(answer_));
    else
      owner_->forget(key_);
  }

  const std::shared_ptr<Idempotency> owner_;
  const std::string key_;
  const http::StreamPtr client_;
  http::Response answer_;
  bool begun_ = false, fits_ = true, done_ = false;
};

std::optional<api::ApiError> Idempotency::admit(const http::Request& request, const std::string& owner,
                                                Time now, http::StreamPtr& stream) {
  const std::string_view given = request.header("idempotency-key");
  if (given.empty()) return {};
  if (given.size() > kKeyBytesMax)
    return api::ApiError{.message = "an Idempotency-Key has at most 255 bytes", .param = "Idempotency-Key"};
  const std::string key = digest(owner + "\n" + std::string(given));  // whatever a client took for it
  const std::string sum = sum_of(request);
  std::optional<http::Response> answer;
  {
    const std::lock_guard lock(mutex_);
    make_room(now);
    const auto [at, fresh] = kept_.try_emplace(key);
    if (fresh) {
      at->second.sum = sum;
      at->second.begun = now;
      at->second.owner = owner;
      stream = std::make_shared<Copy>(shared_from_this(), key, std::move(stream));
      return {};
    }
    if (at->second.sum != sum)
      return api::ApiError{.kind = Kind::conflict,
                           .message = "another request had this Idempotency-Key",
                           .code = "idempotency_key_reused"};
    if (!at->second.whole)
      return api::ApiError{.kind = Kind::conflict,
                           .message = "a request with this Idempotency-Key is under way; try again in 1s"};
    answer = at->second.answer;
  }
  replay(std::move(*answer), *stream);
  stream = nullptr;
  return {};
}

void Idempotency::keep(const std::string& key, http::Response answer) {
  const std::lock_guard lock(mutex_);
  const auto at = kept_.find(key);
  if (at == kept_.end()) return;
  Owned& owned = owners_[at->second.owner];
  bytes_ += bytes_of(answer);
  owned.bytes += bytes_of(answer);
  at->second.answer = std::move(answer);
  at->second.whole = true;
  at->second.age = ages_.insert(ages_.end(), key);
  at->second.own_age = owned.ages.insert(owned.ages.end(), key);
  make_room(at->second.begun);
}

void Idempotency::forget(const std::string& key) {
  const std::lock_guard lock(mutex_);
  remove(key);
}

void Idempotency::remove(const std::string& key) {
  const auto at = kept_.find(key);
  if (at == kept_.end()) return;
  if (at->second.whole) {
    Owned& owned = owners_.at(at->second.owner);
    bytes_ -= bytes_of(at->second.answer);
    owned.bytes -= bytes_of(at->second.answer);
    ages_.erase(at->second.age);
    owned.ages.erase(at->second.own_age);
    if (owned.ages.empty()) owners_.erase(at->second.owner);
  }
  kept_.erase(at);
}

void Idempotency::make_room(Time now) {
  while (!ages_.empty() && now - kept_.at(ages_.front()).begun >= kKept) remove(std::string(ages_.front()));
  while (ages_.size() > limits_.answers || bytes_ > limits_.bytes) remove(oldest_of_largest());
}

// Of the owner whose answers take the largest part of a limit. REQUIRES: there is an answer.
std::string Idempotency::oldest_of_largest() const {
  const auto part = [&](const auto& owned) {
    const double answers = double(owned.second.ages.size()) / double(std::max<size_t>(limits_.answers, 1));
    return std::max(answers, double(owned.second.bytes) / double(std::max<size_t>(limits_.bytes, 1)));
  };
  return std::ranges::max_element(owners_, {}, part)->second.ages.front();
}

}  // namespace autark::serve
