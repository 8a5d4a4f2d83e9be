#include "serve/recording.h"
#include <algorithm>
#include <string_view>

namespace autark::serve {

void Recording::respond(http::Response) {
  finish();
}

void Recording::start(int, http::Headers) {}

// A write has whole events, each ended by an empty line, or a comment. Comments are passed on and not kept.
bool Recording::write(std::string bytes) {
  constexpr std::string_view kEnd = "\n\n";
  const std::lock_guard lock(mutex_);
  for (size_t at = 0, end; (end = bytes.find(kEnd, at)) != std::string::npos; at = end + kEnd.size()) {
    std::string event = bytes.substr(at, end + kEnd.size() - at);
    if (!event.starts_with(':')) {
      add(std::move(event));
      continue;
    }
    for (const Reader& r : readers_)
      if (!r.waiting) r.stream->write(event);
  }
  send_to_all();
  return true;
}

void Recording::add(std::string event) {
  bytes_ += event.size();
  events_.push_back(std::move(event));
  drop_oldest();
}

void Recording::drop_oldest() {
  const auto is_wanted = [&] {
    return bytes_ <= kUnreadBytesMax &&
           std::ranges::any_of(readers_, [&](const Reader& r) { return r.next <= first_; });
  };
  while (bytes_ > kBytesMax && events_.size() > 1 && !is_wanted()) {
    bytes_ -= events_.front().size();
    events_.pop_front();
    ++first_;
  }
}

void Recording::finish() {
  const std::lock_guard lock(mutex_);
  over_ = true;
  send_to_all();
}

void Recording::send_to_all() {
  for (auto r = readers_.begin(); r != readers_.end();) r = send(r) ? std::next(r) : readers_.erase(r);
}

// Sends the next piece unless one is under way. False if the reader has gone, was cut off or has all.
bool Recording::send(ReaderAt reader) {
  if (reader->stream->closed() || reader->next < first_) return false;
  if (reader->waiting) return true;
  std::string piece = next_piece(*reader);
  if (piece.empty() && over_) return reader->stream->finish(), false;
  if (piece.empty()) return true;
  reader->waiting = true;
  if (!reader->stream->write(std::move(piece))) return false;
  reader->stream->on_sent([self = shared_from_this(), stream = std::weak_ptr(reader->stream)] {
    const std::lock_guard lock(self->mutex_);
    const auto done = std::ranges::find(self->readers_, stream.lock(), &Reader::stream);
    if (done == self->readers_.end()) return;
    done->waiting = false;
    if (!self->send(done)) self->readers_.erase(done);
    self->drop_oldest();
  });
  return true;
}

std::string Recording::next_piece(Reader& r) const {
  std::string piece;
  while (r.next < end() && piece.size() < kPieceBytes) {
    const std::string& event = events_[size_t(r.next - first_)];
    const size_t bytes = std::min(event.size() - r.at, kPieceBytes - piece.size());
    piece.append(event, r.at, bytes);
    r.at += bytes;
    if (r.at == event.size()) ++r.next, r.at = 0;
  }
  return piece;
}

bool Recording::begun() const {
  const std::lock_guard lock(mutex_);
  return !events_.empty();
}

size_t Recording::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

int64_t Recording::first() const {
  const std::lock_guard lock(mutex_);
  return first_;
}

void Recording::follow(http::StreamPtr reader, int64_t after) {
  const std::lock_guard lock(mutex_);
  readers_.push_front({std::move(reader), std::max(after + 1, first_)});
  if (!send(readers_.begin())) readers_.pop_front();
}

}  // namespace autark::serve
