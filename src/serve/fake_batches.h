// For tests of batches: the stores of a runner in memory, and the requests that it sends, which the test answers.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>
#include "serve/batch_runner.h"
#include "serve/testing.h"
#include "store/testing.h"

namespace autark::serve {

inline const std::string kChatRoute = "/v1/chat/completions";

std::string line(const std::string& id, const std::string& body = R"({"n":1})",
                 const std::string& url = kChatRoute);
std::string lines(int count);

bool wait_until(const std::function<bool()>& condition);

CallerPtr caller(const std::string& workspace, const std::string& key = "");

// The stores, and the requests that runners have sent.
struct World {
  World();
  ~World();

  std::shared_ptr<storage::MemoryFiles> files;
  std::shared_ptr<storage::Batches> batches;
  std::atomic<int64_t> now = 1000;
  std::atomic<bool> takes = true;
  BatchRunner::FindCaller find_caller = {};
  std::vector<std::string> keys;  // of the callers of the requests that were sent

  std::unique_ptr<BatchRunner> runner();
  size_t count();
  // Answers the oldest request that waits.
  void answer(int status = 200, const std::string& body = R"({"ok":true})");
  Json create(BatchRunner& r, const std::string& text, const std::string& more = "");
  Json now_is(BatchRunner& r, const Json& batch);
  Json wait_for(BatchRunner& r, const Json& batch, const std::string& status);
  // The lines of a file by custom_id.
  std::map<std::string, Json> output(const Json& file);

  std::mutex mutex;
  std::vector<std::string> sent;
  std::deque<BatchRunner::Answered> waiting;
  size_t most = 0;
};

Json counts(int total, int completed, int failed);
api::ApiError fault_of(const api::ApiResult<Json>& result);

}  // namespace autark::serve
