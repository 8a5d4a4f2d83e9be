// Goal: every request of a batch is answered once and kept, whatever is cut, cancelled or expires; wrong files fail
// with their lines; owners and limits hold. Method: a runner over files in memory, whose requests the test answers;
// a second runner over the same stores for a restart; then a service with a scripted backend.
#include "serve/batch_runner.h"
#include "serve/batch_object.h"
#include "serve/fake_batches.h"

namespace autark::serve {
namespace {

TEST(BatchRunner, AWholeLife) {
  World w;
  const auto r = w.runner();
  const Json made = w.create(*r, lines(10),
                             R"(,"metadata":{"a":"b"},"output_expires_after":)"
                             R"({"anchor":"created_at","seconds":3600})");
  EXPECT_TRUE(made["id"].get<std::string>().starts_with("batch_"));
  EXPECT_EQ(made["object"], "batch");
  EXPECT_EQ(made["status"], "validating");
  EXPECT_EQ(made["metadata"], (Json{{"a", "b"}}));
  EXPECT_EQ(made["expires_at"], 1000 + 86400);
  EXPECT_FALSE(made.contains("own"));
  w.answer(400, R"({"error":{"code":"bad"}})");
  EXPECT_EQ(w.wait_for(*r, made, "in_progress")["request_counts"]["total"], 10);
  for (int i = 1; i < 10; ++i) w.answer();
  const Json done = w.wait_for(*r, made, "completed");
  EXPECT_EQ(done["request_counts"], counts(10, 9, 1));
  for (const char* time : {"in_progress_at", "finalizing_at", "completed_at"})
    EXPECT_EQ(done[time], 1000) << time;
  const auto output = w.output(done["output_file_id"]), errors = w.output(done["error_file_id"]);
  ASSERT_EQ(output.size(), 9u);
  ASSERT_EQ(errors.size(), 1u);
  const Json answer = output.begin()->second;
  EXPECT_TRUE(answer["id"].get<std::string>().starts_with("batch_req_"));
  EXPECT_EQ(answer["response"],
            (Json{{"status_code", 200}, {"request_id", "req_1"}, {"body", {{"ok", true}}}}));
  EXPECT_EQ(answer["error"], nullptr);
  EXPECT_EQ(errors.begin()->second["response"]["status_code"], 400);
  const auto file = w.files->find(done["output_file_id"], "me", 1000);
  ASSERT_TRUE(file);
  EXPECT_EQ(file->purpose, "batch_output");
  EXPECT_EQ(file->expires, 1000 + 3600);
  EXPECT_LE(w.most, size_t(BatchRunner::kRunningMax));
}

TEST(BatchRunner, AddsUpTheUsageOfItsAnswers) {
  World w;
  const auto r = w.runner();
  const Json made = w.create(*r, lines(4));
  EXPECT_EQ(made["usage"]["total_tokens"], 0);
  w.answer(
      200,
      R"({"usage":{"prompt_tokens":5,"completion_tokens":3,"total_tokens":8,)"
      R"("prompt_tokens_details":{"cached_tokens":2},"completion_tokens_details":{"reasoning_tokens":1}}})");
  w.answer(200,
           R"({"usage":{"input_tokens":7,"output_tokens":1,"total_tokens":8,)"
           R"("input_tokens_details":{"cached_tokens":4},"output_tokens_details":{"reasoning_tokens":1}}})");
  w.answer(400, R"({"error":{"code":"bad"}})");
  w.answer(200, R"({"usage":null})");
  EXPECT_EQ(w.wait_for(*r, made, "completed")["usage"],
            (Json{{"input_tokens", 12},
                  {"input_tokens_details", {{"cached_tokens", 6}}},
                  {"output_tokens", 4},
                  {"output_tokens_details", {{"reasoning_tokens", 2}}},
                  {"total_tokens", 16}}));
}

TEST(BatchRunner, WrongLinesFailWithTheirNumbers) {
  World w;
  const auto r = w.runner();
  const Json made =
      w.create(*r, line("a") + "\nno json\n" + line("a") + line("") + line("b", "{}", "/v1/completions") +
                       line("c", R"({"stream":true})") + line("d", "[]") +
                       R"({"custom_id":"e","method":"GET","url":"/v1/chat/completions","body":{}})" + "\n" +
                       line("f"));
  const Json failed = w.wait_for(*r, made, "failed");
  std::string found;
  for (const Json& e : failed["errors"]["data"])
    found += std::to_string(e["line"].get<int>()) + e["code"].get<std::string>() + " ";
  EXPECT_EQ(found,
            "3invalid_json_line 4duplicate_custom_id 5invalid_custom_id 6invalid_url 7invalid_request "
            "8invalid_request 9invalid_method ");
  EXPECT_EQ(failed["failed_at"], 1000);
  EXPECT_EQ(failed["output_file_id"], nullptr);
  EXPECT_TRUE(w.sent.empty()) << "nothing of a wrong file runs";
  EXPECT_EQ(w.wait_for(*r, w.create(*r, "\n\n"), "failed")["errors"]["data"][0]["code"], "empty_file");
  std::string many;
  for (int i = 0; i < 150; ++i) many += "x\n";
  EXPECT_EQ(w.wait_for(*r, w.create(*r, many), "failed")["errors"]["data"].size(), kBatchErrorsMax);
}

TEST(BatchRunner, ARestartAnswersTheRestOnce) {
  World w;
  auto r = w.runner();
  const Json made = w.create(*r, lines(12));
  for (int i = 0; i < 5; ++i) w.answer();
  ASSERT_TRUE(wait_until([&] { return w.now_is(*r, made)["request_counts"]["completed"] == 5; }));
  r.reset();
  const std::vector<std::string> before(w.sent.begin(), w.sent.begin() + 5);
  w.waiting.clear();
  w.sent.clear();
  r = w.runner();
  for (int i = 5; i < 12; ++i) w.answer();
  const Json done = w.wait_for(*r, made, "completed");
  EXPECT_EQ(done["request_counts"], counts(12, 12, 0));
  EXPECT_EQ(w.output(done["output_file_id"]).size(), 12u);
  EXPECT_EQ(w.sent.size(), 7u);
  for (const std::string& body : before) EXPECT_EQ(std::ranges::count(w.sent, body), 0) << body;
}

TEST(BatchRunner, CancelKeepsWhatWasAnswered) {
  World w;
  const auto r = w.runner();
  const Json made = w.create(*r, lines(12));
  for (int i = 0; i < 3; ++i) w.answer();
  ASSERT_TRUE(wait_until([&] { return w.now_is(*r, made)["request_counts"]["completed"] == 3; }));
  const auto cancelled = r->cancel("me", made["id"]);
  ASSERT_TRUE(std::holds_alternative<Json>(cancelled));
  EXPECT_EQ(std::get<Json>(cancelled)["status"], "cancelling");
  const Json done = w.wait_for(*r, made, "cancelled");
  EXPECT_EQ(done["request_counts"], counts(12, 3, 9));
  EXPECT_EQ(w.output(done["output_file_id"]).size(), 3u);
  EXPECT_EQ(done["cancelled_at"], 1000);
  EXPECT_TRUE(std::holds_alternative<Json>(r->cancel("me", made["id"]))) << "again";
}

TEST(BatchRunner, WhatIsOverCannotBeCancelled) {
  World w;
  const auto r = w.runner();
  const Json made = w.create(*r, lines(1));
  w.answer();
  w.wait_for(*r, made, "completed");
  EXPECT_EQ(fault_of(r->cancel("me", made["id"])).kind, api::ApiError::Kind::conflict);
  EXPECT_EQ(fault_of(r->cancel("me", "batch_none")).kind, api::ApiError::Kind::not_found);
}

TEST(BatchRunner, ExpiresAfterItsWindow) {
  World w;
  const auto r = w.runner();
  const Json made = w.create(*r, lines(12));
  for (int i = 0; i < 2; ++i) w.answer();
  ASSERT_TRUE(wait_until([&] { return w.now_is(*r, made)["request_counts"]["completed"] == 2; }));
  w.now = 1000 + 86400;
  const Json done = w.wait_for(*r, made, "expired");
  EXPECT_EQ(done["expired_at"], 1000 + 86400);
  EXPECT_EQ(w.output(done["output_file_id"]).size(), 2u);
}

TEST(BatchRunner, AFullOrStoppingServerIsAskedAgain) {
  World w;
  w.takes = false;
  const auto r = w.runner();
  const Json made = w.create(*r, lines(2));
  w.wait_for(*r, made, "in_progress");
  w.takes = true;
  w.answer(503, R"({"error":{"code":"server_error"}})");
  w.answer(429, "");
  w.answer(503, R"({"error":{"code":"ended_by_operator"}})");
  w.answer();
  EXPECT_EQ(w.wait_for(*r, made, "completed")["request_counts"], counts(2, 1, 1));
}

TEST(BatchRunner, ADeletedInputFailsAfterARestart) {
  World w;
  auto r = w.runner();
  const Json made = w.create(*r, lines(12));
  w.answer();
  ASSERT_TRUE(wait_until([&] { return w.now_is(*r, made)["request_counts"]["completed"] == 1; }));
  EXPECT_FALSE(w.files->erase(made["input_file_id"], "me", 1000));
  w.answer();
  ASSERT_TRUE(wait_until([&] { return w.now_is(*r, made)["request_counts"]["completed"] == 2; }));
  r.reset();
  w.waiting.clear();
  r = w.runner();
  const Json failed = w.wait_for(*r, made, "failed");
  EXPECT_EQ(failed["errors"]["data"][0]["code"], "input_file_not_found");
  EXPECT_EQ(w.output(failed["output_file_id"]).size(), 2u) << "what was answered is not lost";
}

TEST(BatchRunner, AnOutputThatCannotBeWrittenFails) {
  World w;
  const auto r = w.runner();
  const Json made = w.create(*r, lines(1));
  w.files->refusal = Error{Code::exhausted, "no room"};
  w.answer();
  const Json failed = w.wait_for(*r, made, "failed");
  EXPECT_EQ(failed["errors"]["data"][0]["code"], "output_not_written");
}

TEST(BatchRunner, AnotherOwnerFindsNothing) {
  World w;
  const auto r = w.runner();
  const Json made = w.create(*r, lines(1));
  EXPECT_EQ(fault_of(r->find("you", made["id"])).kind, api::ApiError::Kind::not_found);
  EXPECT_EQ(fault_of(r->cancel("you", made["id"])).kind, api::ApiError::Kind::not_found);
  EXPECT_TRUE(std::get<Json>(r->list("you", ""))["data"].empty());
  EXPECT_EQ(
      fault_of(r->create(caller("you"), R"({"input_file_id":")" + made["input_file_id"].get<std::string>() +
                                            R"(","endpoint":"/v1/responses"})"))
          .param,
      "input_file_id");
}

TEST(BatchRunner, RunsWithTheKeyThatMadeItUntilThatIsDisabled) {
  World w;
  std::atomic<bool> disabled = false;
  w.find_caller = [&](const std::string& key) { return disabled ? nullptr : caller("me", key); };
  auto r = w.runner();
  const std::string file = w.files->add(lines(12), "me");
  const Json made = std::get<Json>(r->create(
      caller("me", "key_1"), R"({"input_file_id":")" + file + R"(","endpoint":"/v1/chat/completions"})"));
  w.answer();
  ASSERT_TRUE(wait_until([&] { return w.now_is(*r, made)["request_counts"]["completed"] == 1; }));
  r.reset();  // the key is in the store
  w.waiting.clear();
  r = w.runner();
  ASSERT_TRUE(wait_until([&] { return w.count() > 0; }));
  disabled = true;
  w.answer();
  const Json failed = w.wait_for(*r, made, "failed");
  EXPECT_EQ(failed["errors"]["data"][0]["code"], "key_disabled") << dump_json(failed);
  EXPECT_GE(w.output(failed["output_file_id"]).size(), 1u) << "what was answered is not lost";
  EXPECT_EQ(dump_json(failed).find("key_1"), std::string::npos);
  for (const std::string& key : w.keys) EXPECT_EQ(key, "key_1");
}

TEST(BatchRunner, AUsedUpBudgetIsAnAnswer) {
  World w;
  const auto r = w.runner();
  const Json made = w.create(*r, lines(2));
  w.answer(429, R"({"error":{"code":"insufficient_quota"}})");
  w.answer();
  EXPECT_EQ(w.wait_for(*r, made, "completed")["request_counts"], counts(2, 1, 1));
}

TEST(BatchRunner, RequestsAndListsAreBounded) {
  World w;
  w.takes = false;
  const auto r = w.runner();
  for (int i = 0; i < BatchRunner::kOpenMax; ++i) w.create(*r, lines(1));
  const std::string body =
      R"({"input_file_id":")" + w.files->add(lines(1), "me") + R"(","endpoint":"/v1/chat/completions"})";
  EXPECT_EQ(fault_of(r->create(caller("me"), body)).kind, api::ApiError::Kind::overloaded);
  std::set<std::string> seen;
  std::string after;
  for (bool more = true; more;) {
    const Json page = std::get<Json>(r->list("me", "limit=30" + after));
    for (const Json& b : page["data"]) EXPECT_TRUE(seen.insert(b["id"]).second);
    more = page["has_more"];
    after = "&after=" + page["last_id"].get<std::string>();
  }
  EXPECT_EQ(seen.size(), size_t(BatchRunner::kOpenMax));
}

TEST(BatchObject, WrongBodiesNameTheField) {
  const auto param = [](const std::string& body) { return fault_of(read_batch(body, "batch_1", 1)).param; };
  const std::string good = R"({"input_file_id":"f","endpoint":"/v1/responses")";
  EXPECT_EQ(param("{}"), "input_file_id");
  EXPECT_EQ(param(R"({"input_file_id":"f","endpoint":"/v1/embeddings"})"), "endpoint");
  for (const char* window : {"", "h", "24", "0h", "-1h", "24x", "1000d", "99999999999999999999h"})
    EXPECT_EQ(param(good + R"(,"completion_window":")" + window + "\"}"), "completion_window") << window;
  EXPECT_EQ(param(good + R"(,"output_expires_after":{"anchor":"created_at","seconds":1}})"),
            "output_expires_after.seconds");
  EXPECT_EQ(param(good + R"(,"metadata":{"a":1}})"), "metadata.a");
}

// Through the routes, with the requests of all three endpoints.
TEST(BatchService, RunsRequestsAsTheirRoutesDo) {
  World w;
  std::atomic<int> flex = 0;
  const auto script = [&](api::Request request, api::Backend::Sink sink) {
    flex += request.tier == api::Tier::flex;
    return say_hello(std::move(request), std::move(sink));
  };
  const Running s(script, {.files = w.files, .batches = w.batches});
  const std::pair<const char*, const char*> kinds[] = {
      {"/v1/chat/completions", kChat},
      {"/v1/completions", R"({"model":"tiny","prompt":"hi"})"},
      {"/v1/responses", R"({"model":"tiny","input":"hi"})"}};
  for (const auto& [route, body] : kinds) {
    const std::string id =
        w.files->add(line("good", body, route) + line("bad", R"({"model":7})", route), owner_of_key(""));
    const Answered made =
        s.ask("POST", "/v1/batches",
              R"({"input_file_id":")" + id + R"(","endpoint":")" + route + R"(","completion_window":"24h"})");
    ASSERT_EQ(made.status, 200) << made.body;
    const std::string path = "/v1/batches/" + made.json()["id"].get<std::string>();
    Json done;
    ASSERT_TRUE(wait_until([&] { return (done = s.ask("GET", path).json())["status"] == "completed"; }));
    EXPECT_EQ(done["request_counts"], counts(2, 1, 1));
    const Json good = w.output(done["output_file_id"]).at("good"),
               bad = w.output(done["error_file_id"]).at("bad");
    EXPECT_NE(dump_json(good["response"]["body"]).find("Hello world"), std::string::npos) << dump_json(good);
    EXPECT_TRUE(good["response"]["request_id"].get<std::string>().starts_with("req_"));
    EXPECT_EQ(bad["response"]["status_code"], 400);
    EXPECT_EQ(bad["response"]["body"]["error"]["param"], "model");
  }
  EXPECT_EQ(flex, 3) << "the lowest class";
  const std::string metrics = s.ask("GET", "/metrics").body;
  EXPECT_NE(metrics.find("/v1/chat/completions batch"), std::string::npos);
  EXPECT_NE(metrics.find("autark_completion_tokens_total 6"), std::string::npos) << metrics;
  EXPECT_EQ(s.ask("GET", "/v1/batches").json()["data"].size(), 3u);
}

TEST(BatchService, RequestsThatTheStopEndsRunAgain) {
  World w;
  const std::string id = w.files->add(line("a", kChat), owner_of_key(""));
  std::string path;
  {
    std::atomic<int> begun = 0;
    Running s([&](api::Request, api::Backend::Sink sink) { return ++begun, api::Backend::Handle([sink] {}); },
              {.files = w.files, .batches = w.batches});
    path = "/v1/batches/" + s.ask("POST", "/v1/batches",
                                  R"({"input_file_id":")" + id + R"(","endpoint":"/v1/chat/completions"})")
                                .json()["id"]
                                .get<std::string>();
    ASSERT_TRUE(wait_until([&] { return begun > 0; }));
    s.service.stop();
  }
  const Running again(say_hello, {.files = w.files, .batches = w.batches});
  Json done;
  ASSERT_TRUE(wait_until([&] { return (done = again.ask("GET", path).json())["status"] == "completed"; }));
  EXPECT_EQ(done["request_counts"], counts(1, 1, 0));
}

TEST(BatchService, CancelEndsTheRequestsThatRun) {
  World w;
  std::atomic<int> begun = 0, cancelled = 0;
  const Running s(
      [&](api::Request, api::Backend::Sink sink) {
        return ++begun, api::Backend::Handle([&cancelled, sink] { ++cancelled; });
      },
      {.files = w.files, .batches = w.batches});
  const std::string id = w.files->add(line("a", kChat) + line("b", kChat), owner_of_key(""));
  const std::string path =
      "/v1/batches/" +
      s.ask("POST", "/v1/batches", R"({"input_file_id":")" + id + R"(","endpoint":"/v1/chat/completions"})")
          .json()["id"]
          .get<std::string>();
  ASSERT_TRUE(wait_until([&] { return begun == 2; }));
  EXPECT_EQ(s.ask("POST", path + "/cancel").status, 200);
  ASSERT_TRUE(wait_until([&] { return s.ask("GET", path).json()["status"] == "cancelled"; }));
  EXPECT_EQ(cancelled, 2);
  EXPECT_EQ(s.ask("POST", path).status, 404);
  EXPECT_EQ(s.ask("GET", path + "/x").status, 404);
}

}  // namespace
}  // namespace autark::serve
