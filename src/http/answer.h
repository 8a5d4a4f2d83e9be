// The state of one answer, between the threads that write it and the connection that sends it. The connection
// and the handler's Stream share it; one mutex guards it. `wake` is called with the mutex held and only
// posts.
#pragma once
#include <atomic>
#include <mutex>
#include "http/message.h"

namespace autark::http {

class Answer {
 public:
  using Flag = std::shared_ptr<std::atomic<bool>>;  // outlives the server

  // `last`: connections end after answers that begin when it is set. `more`: headers that every answer gets.
  Answer(std::shared_ptr<const Options> options, Flag last, Form form, std::string path, Headers more,
         std::function<void()> wake)
      : options_(std::move(options)),
        last_(std::move(last)),
        path_(std::move(path)),
        more_(std::move(more)),
        wake_(std::move(wake)),
        form_(form) {}

  // The handler's side; what each means stands in stream.h.
  void respond(Response response);
  void refuse(int status, std::string reason, Headers headers);
  void start(int status, Headers headers);
  bool write(std::string bytes);
  void finish();
  bool closed() const;
  void on_close(std::function<void()> gone);
  void drop();

  // The connection's side. take() appends what is ready to `out`, regards what it gave before as sent, and
  // tells what comes after it.
  enum class Then { more, next_request, close, abort };
  Then take(std::string& out);
  // A byte of the answer ahead of its time, which no reader can tell from one in time: the next of its first
  // bytes, or a zero before the size of the next chunk. Empty where there is none, or something else is
  // ready.
  std::string probe();
  void lose();  // the connection is gone: from now on nothing wakes it; calls the on_close handler

 private:
  void give(Response&& response);  // these: REQUIRE mutex_
  std::string head(int status, Headers headers, std::optional<size_t> length) const;
  bool misused(const char* what) const;
  void wake();

  const std::shared_ptr<const Options> options_;  // outlives the server
  const Flag last_;
  const std::string path_;
  const Headers more_;
  const std::function<void()> wake_;
  mutable std::mutex mutex_;
  Form form_;
  std::string ready_;     // framed, not yet taken
  size_t in_flight_ = 0;  // taken, not yet sent
  size_t probed_ = 0;     // of the head, sent ahead
  bool started_ = false, finished_ = false;
  bool chunked_ = false;
  bool cut_ = false;     // dropped unfinished: what was written is sent, then the connection is closed
  bool broken_ = false;  // too far behind: closed at once
  int64_t owed_ = -1;  // bytes that a content-length promised and write() has not brought; -1: none promised
  bool lost_ = false;
  bool woken_ = false;  // a wake is on its way
  std::function<void()> gone_;
};

}  // namespace autark::http
