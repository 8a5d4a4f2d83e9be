// The event stream of a background answer: kept from its first event, so that clients can read it from any
// place while it is written, and again after its end. Thread-safe.
//
// Bounded: beyond kBytesMax the oldest events are dropped, except those that a reader still has to get; beyond
// kUnreadBytesMax these, too, and the reader is cut off. The last event always stays. Readers get their bytes in
// pieces, the next one when the last one has been sent, so that a long recording does not count as unsent.
#pragma once
#include <deque>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include "http/stream.h"

namespace autark::serve {

class Recording final : public http::Stream, public std::enable_shared_from_this<Recording> {
 public:
  static constexpr size_t kBytesMax = size_t{8} << 20;         // of the events that are kept
  static constexpr size_t kUnreadBytesMax = size_t{32} << 20;  // while readers have to get them
  static constexpr size_t kPieceBytes = size_t{1} << 18;       // that a reader gets at a time

  // The writing side, used by an Exchange. respond() is called if the request is refused before its first
  // event; the Exchange has the reason.
  void respond(http::Response response) override;
  void start(int status, http::Headers headers) override;
  bool write(std::string bytes) override;
  void finish() override;
  bool closed() const override { return false; }
  void on_close(std::function<void()>) override {}

  bool begun() const;    // the first event was written
  size_t bytes() const;  // of the events that are kept
  // The number of the first event that is kept.
  int64_t first() const;
  // Sends all events with a number above `after`, now and as they come, and finishes the stream at the end.
  // `reader` must have been started. Events that are dropped already are left out.
  void follow(http::StreamPtr reader, int64_t after);

 private:
  struct Reader {
    http::StreamPtr stream;
    int64_t next;          // the number of the event it is in
    size_t at = 0;         // bytes of that event it has
    bool waiting = false;  // for on_sent()
  };
  using ReaderAt = std::list<Reader>::iterator;

  // These REQUIRE that mutex_ is held.
  void add(std::string event);
  void drop_oldest();
  void send_to_all();
  bool send(ReaderAt reader);
  std::string next_piece(Reader& reader) const;
  int64_t end() const { return first_ + int64_t(events_.size()); }

  mutable std::mutex mutex_;
  std::deque<std::string> events_;  // the text of each
  int64_t first_ = 0;               // the sequence number of events_.front()
  std::list<Reader> readers_;
  size_t bytes_ = 0;
  bool over_ = false;
};

}  // namespace autark::serve
