// Runs the batches of OpenAI's Batch API: checks their input files, sends their requests, at most kRunningMax at a time
// over all batches and one of each batch in turn, keeps every answer as it comes, and writes the output files.
//
//   validating ─▶ in_progress ─▶ finalizing ─▶ completed, expired or failed
//        └────────────┴──────────▶ cancelling ─▶ cancelled
//
// All state is in storage::Batches: a new runner goes on with what it finds there, and sends no request again that has
// an answer. It has one thread. Thread-safe; all functions may read the disk.
#pragma once
#include <chrono>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include "api/item.h"
#include "serve/batch_inbox.h"
#include "serve/batch_input.h"
#include "serve/batch_output.h"
#include "serve/callers.h"
#include "serve/ids.h"
#include "store/batches.h"

namespace autark::serve {

class BatchRunner {
 public:
  static constexpr int kRunningMax = 4;
  static constexpr int kOpenMax = 64;  // batches of one owner that are not over

  using Answered = std::function<void(BatchOutcome)>;  // any thread, once; does not block
  using Cancel = std::function<void()>;
  // Starts a request of the caller at the lowest service class. Unset if the server cannot take it now. Must not block.
  using Send = std::function<std::optional<Cancel>(const CallerPtr& caller, const std::string& endpoint,
                                                   std::string body, Answered)>;
  // The caller of a key by its id, see api::Gate::find. Null: the key opens nothing any more.
  using FindCaller = std::function<CallerPtr(const std::string& key)>;

  struct Options {
    std::shared_ptr<storage::Files> files;
    std::shared_ptr<storage::Batches> batches;
    Send send;
    FindCaller find_caller = {};   // empty: the server has no callers
    std::function<int64_t()> now;  // seconds since 1970
    // After a request or the disk was refused; also how often expiry is checked.
    std::chrono::milliseconds retry{1000};
  };

  explicit BatchRunner(Options options);
  // Leaves what is open to the next runner. Answers that come later are ignored.
  ~BatchRunner();

  // The functions for the routes. A body is that of POST /v1/batches, a query has `limit` and `after`. The requests of
  // a batch run with the key of the caller that made it.
  api::ApiResult<Json> create(const CallerPtr& caller, std::string_view body);
  api::ApiResult<Json> find(const std::string& owner, const std::string& id);
  api::ApiResult<Json> list(const std::string& owner, const std::string& query);
  api::ApiResult<Json> cancel(const std::string& owner, const std::string& id);
  void wake() { inbox_->wake(); }  // the server may take requests now
  void tidy();                     // removes batches that are over and older than 30 days

 private:
  struct Sent {
    BatchRequest request;
    Cancel cancel;
  };
  struct Job {
    storage::Batch kept;
    Json object;
    bool unsaved = false;  // the last change of `object` is not in the store
    std::unique_ptr<BatchInput> input = {};
    bool read_all = false;
    std::set<std::string> seen = {};      // custom_id of lines while validating, of answers while running
    std::deque<BatchRequest> again = {};  // that the server could not take
    std::map<std::string, Sent> running = {};                 // by custom_id
    std::unique_ptr<BatchOutput> output = {};                 // the file that is being written
    std::chrono::steady_clock::time_point paused_until = {};  // after a request was refused
    int files_done = 0;                                       // 1: the output file, 2: the error file, too
  };

  // These run on the thread, and with create() and cancel() REQUIRE that mutex_ is held.
  void work();
  void load();
  bool work_once();
  bool step(Job& job);
  bool open_input(Job& job);
  bool validate(Job& job);
  void check_line(Job& job, const std::string& line);
  void begin(Job& job);
  void take_answers();
  bool take(const BatchInbox::Answer& answer);
  bool keep(Job& job, const std::string& custom_id, const BatchOutcome& outcome);
  void send_some();
  bool send_one(Job& job);
  std::optional<BatchRequest> next_request(Job& job);
  void end_early(Job& job, const std::string& ending, const std::string& status);
  void fail(Job& job, const std::string& code, const std::string& message, int64_t line = 0);
  bool finish(Job& job);
  bool write_some(Job& job, BatchOutput::Kind kind);
  void count_not_run(Job& job);
  bool save(Job& job);
  void pause();
  bool paused() const;

  const Options options_;
  Ids ids_;
  const std::shared_ptr<BatchInbox> inbox_ = std::make_shared<BatchInbox>();
  std::mutex mutex_;
  std::list<std::unique_ptr<Job>> jobs_;    // the next to send a request first
  std::deque<BatchInbox::Answer> answers_;  // taken from the inbox and not yet kept
  int running_ = 0;
  std::chrono::steady_clock::time_point paused_until_;
  std::thread thread_;
};

}  // namespace autark::serve
