// The state of one answer. The handler's Stream writes into it from any thread; the connection takes bytes
// out of it and sends them. One mutex guards it.
#pragma once
#include <atomic>
#include <mutex>
#include "http/loop.h"
#include "http/message.h"

namespace autark::http {

class Connection;

class Answer final : public Stream, public std::enable_shared_from_this<Answer> {
 public:
  using Flag = std::shared_ptr<std::atomic<bool>>;  // outlives the server

  struct Terms {
    std::shared_ptr<const Options> options;  // outlives the server
    Flag last;                               // once it is true, answers that begin say "connection: close"
    std::string path;                        // of the request
    Headers more;                            // headers to add to the answer
    Loop& loop;                              // is told when there is something to take; not after lose()
    std::weak_ptr<Connection> connection;
  };
  Answer(Terms terms, Form form) : terms_(std::move(terms)), form_(form) {}

  void respond(Response response) override;
  void refuse(int status, std::string reason, Headers headers) override;
  void start(int status, Headers headers) override;
  bool write(std::string bytes) override;
  void finish() override;
  bool closed() const override;
  void on_close(std::function<void()> gone) override;
  void on_sent(std::function<void()> sent) override;
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
  // The connection is gone: the loop is not told again, and the on_close handler runs now.
  void lose();
  // Null once it is gone.
  std::shared_ptr<Connection> connection() const { return terms_.connection.lock(); }

 private:
  // These REQUIRE that mutex_ is held.
  void give(Response&& response);
  Then take_ready(std::string& out);
  std::string head(int status, Headers headers, std::optional<size_t> length) const;
  bool misused(const char* what) const;
  void wake();

  // What every write needs comes first, see Connection.
  mutable std::mutex mutex_;
  std::string ready_;     // framed, not yet taken
  size_t in_flight_ = 0;  // taken, not yet sent
  int64_t owed_ = -1;     // bytes still missing from the promised content-length; -1: none was promised
  bool started_ = false, finished_ = false;
  bool chunked_ = false;
  bool cut_ = false;     // dropped unfinished: send what was written, then close the connection
  bool broken_ = false;  // the client reads too slowly: close at once
  bool lost_ = false;    // the connection is gone
  bool woken_ = false;   // the loop was told, and take() has not followed yet
  const Terms terms_;
  Form form_;
  std::function<void()> gone_, sent_;
  size_t probed_ = 0;  // bytes of the head that probes have sent
};

}  // namespace autark::http
