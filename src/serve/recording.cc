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
    if (event.starts_with(':'))
      for (const Reader& r : readers_) r.stream->write(event);
    else
      add(std::move(event));
  }
  return true;
}

void Recording::add(std::string event) {
  if (over_) return;
  bytes_ += event.size();
  if (bytes_ > kBytesMax) {
    over_ = true;
    readers_.clear();
    return;
  }
  const auto number = int64_t(events_.size());
  for (const Reader& r : readers_)
    if (number > r.after) r.stream->write(event);
  std::erase_if(readers_, [](const Reader& r) { return r.stream->closed(); });
  events_.push_back(std::move(event));
}

void Recording::finish() {
  const std::lock_guard lock(mutex_);
  over_ = true;
  for (const Reader& r : readers_) r.stream->finish();
  readers_.clear();
}

bool Recording::begun() const {
  const std::lock_guard lock(mutex_);
  return !events_.empty();
}

void Recording::follow(http::StreamPtr reader, int64_t after) {
  const std::lock_guard lock(mutex_);
  std::string past;
  for (size_t i = size_t(std::max<int64_t>(after + 1, 0)); i < events_.size(); ++i) past += events_[i];
  if (!past.empty()) reader->write(std::move(past));
  if (over_) return reader->finish();
  readers_.push_back({std::move(reader), after});
}

}  // namespace autark::serve
