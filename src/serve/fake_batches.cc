#include "serve/fake_batches.h"
#include <algorithm>
#include <chrono>
#include <sstream>
#include <thread>
#include <utility>

namespace autark::serve {

std::string line(const std::string& id, const std::string& body, const std::string& url) {
  return R"({"custom_id":")" + id + R"(","method":"POST","url":")" + url + R"(","body":)" + body + "}\n";
}

std::string lines(int count) {
  std::string all;
  for (int i = 0; i < count; ++i) all += line("c" + std::to_string(i), R"({"n":)" + std::to_string(i) + "}");
  return all;
}

bool wait_until(const std::function<bool()>& condition) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!condition())
    if (std::chrono::steady_clock::now() > until)
      return false;
    else
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return true;
}

CallerPtr caller(const std::string& workspace, const std::string& key) {
  return std::make_shared<api::Caller>(api::Caller{.key = key, .workspace = workspace});
}

World::World() : files(std::make_shared<storage::MemoryFiles>()), batches(*storage::memory_batches()) {}
World::~World() = default;

std::unique_ptr<BatchRunner> World::runner() {
  return std::make_unique<BatchRunner>(BatchRunner::Options{
      .files = files,
      .batches = batches,
      .send = [this](const CallerPtr& caller, const std::string&, std::string body,
                     BatchRunner::Answered answered) -> std::optional<BatchRunner::Cancel> {
        if (!takes) return {};
        const std::lock_guard lock(mutex);
        sent.push_back(body);
        keys.push_back(caller ? caller->key : "none");
        waiting.push_back(answered);
        most = std::max(most, waiting.size());
        return [answered] { answered({}); };
      },
      .find_caller = find_caller,
      .now = [this] { return now.load(); },
      .retry = std::chrono::milliseconds(5)});
}

size_t World::count() {
  const std::lock_guard lock(mutex);
  return waiting.size();
}

void World::answer(int status, const std::string& body) {
  ASSERT_TRUE(wait_until([&] { return count() > 0; }));
  BatchRunner::Answered answered;
  {
    const std::lock_guard lock(mutex);
    answered = waiting.front();
    waiting.pop_front();
  }
  answered({status, "req_1", body});
}

Json World::create(BatchRunner& r, const std::string& text, const std::string& more) {
  auto made = r.create(caller("me"), R"({"input_file_id":")" + files->add(text, "me") + R"(","endpoint":")" +
                                         kChatRoute + R"(","completion_window":"24h")" + more + "}");
  EXPECT_TRUE(std::holds_alternative<Json>(made)) << std::get<api::ApiError>(made).message;
  return std::get<Json>(made);
}

Json World::now_is(BatchRunner& r, const Json& batch) {
  return std::get<Json>(r.find("me", batch["id"]));
}

Json World::wait_for(BatchRunner& r, const Json& batch, const std::string& status) {
  Json last;
  EXPECT_TRUE(wait_until([&] { return (last = now_is(r, batch))["status"] == status; })) << dump_json(last);
  return last;
}

std::map<std::string, Json> World::output(const Json& file) {
  std::map<std::string, Json> all;
  if (!file.is_string()) return all;
  std::istringstream text(files->text(file));
  for (std::string l; std::getline(text, l);) {
    auto json = parse_json(l, "line");
    EXPECT_TRUE(json) << l;
    const std::string id = (*json)["custom_id"];
    EXPECT_TRUE(all.emplace(id, *json).second) << "twice: " << id;
  }
  return all;
}

Json counts(int total, int completed, int failed) {
  return {{"total", total}, {"completed", completed}, {"failed", failed}};
}

api::ApiError fault_of(const api::ApiResult<Json>& result) {
  const auto* fault = std::get_if<api::ApiError>(&result);
  EXPECT_TRUE(fault);
  return fault ? *fault : api::ApiError{};
}

}  // namespace autark::serve
