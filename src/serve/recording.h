// The event stream of a background answer: kept from its first event, so that clients can read it from any
// place while it is written, and again after its end. Bounded: beyond kBytesMax the stream is cut for those
// who read it, and the answer goes on. Thread-safe.
#pragma once
#include <mutex>
#include <string>
#include <vector>
#include "http/stream.h"

namespace autark::serve {

class Recording final : public http::Stream {
 public:
  static constexpr size_t kBytesMax = size_t{8} << 20;

  // The writing side, used by an Exchange. respond() is called if the answer fails before its first event.
  void respond(http::Response response) override;
  void start(int status, http::Headers headers) override;
  bool write(std::string bytes) override;
  void finish() override;
  bool closed() const override { return false; }
  void on_close(std::function<void()>) override {}

  bool begun() const;  // the first event was written
  // Sends all events with a number above `after`, now and as they come, and finishes the stream at the end.
  // `reader` must have been started.
  void follow(http::StreamPtr reader, int64_t after);

 private:
  struct Reader {
    http::StreamPtr stream;
    int64_t after;
  };
  void add(std::string event);  // REQUIRES: mutex_ is held

  mutable std::mutex mutex_;
  std::vector<std::string> events_;  // the text of each; event i has the sequence number i
  std::vector<Reader> readers_;
  size_t bytes_ = 0;
  bool over_ = false;
};

}  // namespace autark::serve
