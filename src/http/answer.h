// The state of one answer. The handler's Stream writes into it from any thread; the connection takes bytes
// out of it and sends them. One mutex guards it.
#pragma once
#include <atomic>
#include <mutex>
#include "http/message.h"

namespace autark::http {

class Answer {
 public:
  using Flag = std::shared_ptr<std::atomic<bool>>;  // outlives the server

  // `last`: once it is true, answers that begin say "connection: close". `path`: of the request. `more`:
  // headers to add to the answer. `wake`: called when there is something to take; the mutex is held, so it
  // must only post.
  Answer(std::shared_ptr<const Options> options, Flag last, Form form, std::string path, Headers more,
         std::function<void()> wake)
      : options_(std::move(options)),
        last_(std::move(last)),
        path_(std::move(path)),
        more_(std::move(more)),
        wake_(std::move(wake)),
        form_(form) {}

  // For the handler; see Stream in stream.h.
  void respond(Response response);
  void refuse(int status, std::string reason, Headers headers);
  void start(int status, Headers headers);
  bool write(std::string bytes);
  void finish();
  bool closed() const;
  void on_close(std::function<void()> gone);
  void on_sent(std::function<void()> sent);
  // The last reference of the handler is gone. Answers 500 if nothing was started; an unfinished answer is
  // sent as far as it was written, then the connection closes.
  void drop();

  // For the connection: what to do when the taken bytes are sent. abort: close at once.
  enum class Then { more, next_request, close, abort };
  // Appends all bytes that are ready to `out`. The bytes of the previous call then count as sent. If there are
  // none, the on_sent handler runs now.
  Then take(std::string& out);
  // One byte to send early, to see whether the client still answers: the next byte of kAnswerBegins, or a
  // zero before the size of the next chunk. Empty if there is no such byte or if other bytes are ready.
  std::string probe();
  // The connection is gone: `wake` is not called again, and the on_close handler runs now.
  void lose();

 private:
  // These REQUIRE that mutex_ is held.
  void give(Response&& response);
  Then take_ready(std::string& out);
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
  size_t probed_ = 0;     // bytes of the head that probes have sent
  bool started_ = false, finished_ = false;
  bool chunked_ = false;
  bool cut_ = false;     // dropped unfinished: send what was written, then close the connection
  bool broken_ = false;  // the client reads too slowly: close at once
  int64_t owed_ = -1;    // bytes still missing from the promised content-length; -1: none was promised
  bool lost_ = false;    // the connection is gone
  bool woken_ = false;   // wake_() was called, and take() has not followed yet
  std::function<void()> gone_, sent_;
};

}  // namespace autark::http
