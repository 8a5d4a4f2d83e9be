// Goal: who waits hears of it in time and in the words of the dialect; an operator sees every request and can end
// it; the numbers of /v1/engine are those of the engine. Method: a scripted backend that tells a place in the
// queue, behind a real server whose clock the test moves; the engine's numbers against exact JSON and lines.
#include "base/mapped_file.h"
#include "engine/prefix_reuse.h"
#include "serve/engine_state.h"
#include "serve/testing.h"

namespace autark::serve {
namespace {

// A backend whose request waits until the test lets it begin.
struct Waiting {
  std::mutex mutex;
  api::Backend::Sink sink;
  api::Request asked;
  std::atomic<int> position{3}, cancelled{0};
  ScriptedBackend::Script script() {
    return [this](api::Request r, api::Backend::Sink s) {
      api::Backend::Handle handle([this] { ++cancelled; });
      handle.place = [this]() -> std::optional<api::QueuePlace> {
        if (position == 0) return {};
        return api::QueuePlace{.position = position, .wait_ms = 600 * position};
      };
      const std::lock_guard lock(mutex);
      asked = std::move(r), sink = std::move(s);
      return handle;
    };
  }
  void say(api::Event e) { sink(std::move(e)); }
  void answer() {
    position = 0;
    say({0,
         api::Event::Started{3},
         {3, 0, 0, 0, api::PromptCache{.read = 0, .possible = 0, .tier = "none"}}});
    say({0, api::Event::Delta{"Hey", {}, false}, {3, 0, 1}});
    say({0, api::Event::Finished{api::Finish::stop, ""}, {3, 0, 1}});
  }
};

class ServiceEngine : public testing::Test {
 protected:
  ServiceEngine() : s_(waiting_.script(), {.api_key = "k", .clock = [this] { return time(); }}) {}
  static constexpr const char* kKey = "x-api-key: k\r\n";
  std::chrono::steady_clock::time_point time() const {
    return std::chrono::steady_clock::time_point(std::chrono::seconds(seconds_));
  }
  Json state() { return s_.ask("GET", "/v1/engine", {}, kKey).json(); }
  // Sends a request and returns its line in /v1/engine once it is in the queue.
  Json wait_with(http::RawSocket& socket, const char* path, const std::string& body,
                 std::string headers = {}) {
    socket.send(request_text("POST", path, body, kKey + headers));
    for (;;) {
      const Json all = state()["requests"];
      if (!all.empty() && all[0]["state"] == "queued") return all[0];
    }
  }
  void pass(int seconds) {
    seconds_ += seconds;
    s_.service.tick();
  }

  std::atomic<int64_t> seconds_{1000};
  Waiting waiting_;
  Running s_;
};

TEST_F(ServiceEngine, AStreamHearsItsPlace) {
  auto socket = s_.connect();
  wait_with(socket, "/v1/chat/completions", kChatStream);
  pass(9), pass(1);
  waiting_.position = 2;
  pass(10);
  waiting_.answer();
  const Answered a = read_answer(socket);
  EXPECT_EQ(a.header("x-autark-queue"), "position=3;wait_ms=1800");
  EXPECT_EQ(a.header("x-autark-cache"), "");
  EXPECT_TRUE(
      a.body.starts_with(": queued position=3 wait_ms=1800\n\n"
                         ": queued position=2 wait_ms=1200\n\n"
                         ": x-autark-cache: read=0;possible=0;tier=none"))
      << a.body;
  EXPECT_NE(a.body.find("\"content\":\"Hey\""), std::string::npos);
}

TEST_F(ServiceEngine, MessagesHearAPing) {
  auto socket = s_.connect();
  wait_with(socket, "/v1/messages", kMessagesStream);
  pass(10);
  waiting_.answer();
  const Answered a = read_answer(socket);
  EXPECT_EQ(a.header("x-autark-queue"), "position=3;wait_ms=1800");
  EXPECT_TRUE(a.body.starts_with("event: ping\ndata: {\"type\":\"ping\"}\n\nevent: message_start\n"))
      << a.body;
}

TEST_F(ServiceEngine, WhoStartsAtOnceHearsNothingOfAQueue) {
  auto socket = s_.connect();
  wait_with(socket, "/v1/chat/completions", kChatStream);
  waiting_.answer();
  const Answered a = read_answer(socket);
  EXPECT_EQ(a.header("x-autark-queue"), "");
  EXPECT_TRUE(a.header("x-autark-cache").starts_with("read=0;")) << a.head;
  EXPECT_EQ(a.body.find(": "), a.body.find("data: ") + 4);
}

TEST_F(ServiceEngine, AStreamSpeaksInAThirdOfTheClientsPatience) {
  auto socket = s_.connect();
  wait_with(socket, "/v1/chat/completions", kChatStream, "x-stainless-read-timeout: 9\r\n");
  pass(2);
  pass(1);
  waiting_.answer();
  EXPECT_TRUE(read_answer(socket).body.starts_with(": queued position=3 wait_ms=1800\n\n"));
  EXPECT_EQ(waiting_.asked.seconds_max, 0) << "a stream has no deadline";
}

// Also with the time between two looks at it.
TEST_F(ServiceEngine, NoSilenceIsTooLong) {
  using namespace std::chrono_literals;
  EXPECT_LE(Service::Options().keep_alive + Service::kSpeakTime, 10s)
      << "a place in the queue is told every 10 s";
  EXPECT_LE(1s / 3 + Service::kSpeakTime, 500ms) << "a client with the least patience that clients have";
  auto socket = s_.connect();
  wait_with(socket, "/v1/chat/completions", kChatStream, "x-stainless-read-timeout: 3\r\n");
  seconds_ += 1;
  s_.service.speak();
  waiting_.answer();
  EXPECT_TRUE(read_answer(socket).body.starts_with(": queued position=3 wait_ms=1800\n\n"));
}

TEST_F(ServiceEngine, AWholeAnswerHasTheClientsDeadline) {
  const std::tuple<const char*, double> said[] = {
      {"x-stainless-timeout: 4.5\r\n", 4.5},
      {"x-stainless-timeout: 600\r\nx-stainless-read-timeout: 30\r\n", 30},
      {"x-stainless-timeout: NaN\r\n", 0},
      {"x-stainless-timeout: -1\r\n", 0},
      {"x-stainless-timeout: 1e999\r\n", 0},
      {"", 0}};
  for (const auto& [headers, seconds] : said) {
    waiting_.position = 3;
    auto socket = s_.connect();
    wait_with(socket, "/v1/chat/completions", kChat, headers);
    EXPECT_EQ(waiting_.asked.seconds_max, seconds) << headers;
    waiting_.answer();
    EXPECT_EQ(read_answer(socket).status, 200);
  }
}

TEST_F(ServiceEngine, TheStateNeedsTheKey) {
  EXPECT_EQ(s_.ask("GET", "/v1/engine").status, 401);
  EXPECT_EQ(s_.ask("POST", "/v1/engine/requests/x/cancel").status, 401);
}

TEST_F(ServiceEngine, ShowsARequestOnItsWay) {
  auto socket = s_.connect();
  Json r = wait_with(socket, "/v1/chat/completions", kChatStream);
  EXPECT_EQ(r["route"], "/v1/chat/completions");
  EXPECT_EQ(r["queue"], Json({{"position", 3}, {"wait_ms", 1800}}));
  r.erase("id");
  EXPECT_EQ(r.dump().find("hi"), std::string::npos) << "no text of the prompt";
  waiting_.position = 0;
  EXPECT_EQ(state()["requests"][0]["state"], "submitted");
  waiting_.say({0, api::Event::Started{3}, {3, 2, 0}});
  pass(2);
  r = state()["requests"][0];
  EXPECT_EQ(r["state"], "reading");
  EXPECT_EQ(r["ms"], 2000);
  EXPECT_EQ(r["prompt_tokens"], 3);
  EXPECT_EQ(r["cached_tokens"], 2);
  waiting_.say({0, api::Event::Delta{"Hey", {}, false}, {3, 2, 1}});
  EXPECT_EQ(state()["requests"][0]["state"], "writing");
  waiting_.say({0, api::Event::Finished{api::Finish::stop, ""}, {3, 2, 1}});
  EXPECT_TRUE(state()["requests"].empty());
  read_answer(socket);
}

TEST_F(ServiceEngine, AnOperatorEndsARequest) {
  for (const char* body : {kChat, kChatStream}) {
    waiting_.position = 3, waiting_.cancelled = 0;
    auto socket = s_.connect();
    const std::string id = wait_with(socket, "/v1/chat/completions", body)["id"];
    const std::string path = "/v1/engine/requests/" + id + "/cancel";
    EXPECT_EQ(s_.ask("POST", path, "{}", kKey).json(), Json({{"id", id}, {"cancelled", true}}));
    EXPECT_EQ(waiting_.cancelled, 1);
    const Answered a = read_answer(socket);
    EXPECT_EQ(a.status, 503);
    EXPECT_EQ(a.json()["error"]["code"], "ended_by_operator");
    EXPECT_EQ(a.header("x-should-retry"), "false");
    EXPECT_EQ(s_.ask("POST", path, "{}", kKey).status, 404) << "it is over";
  }
}

TEST_F(ServiceEngine, OtherPathsAreNotFound) {
  for (const char* path : {"requests//cancel", "requests/cancel", "requests/x", "requests/x/cancel", "x"})
    EXPECT_EQ(s_.ask("POST", std::string("/v1/engine/") + path, "{}", kKey).status, 404) << path;
}

// The published schema, of which these tests read types, bounds, names and elements.
Json published() {
  const auto text = read_file(AUTARK_SOURCE_DIR "/docs/engine-state.schema.json", size_t{1} << 20);
  return text ? parse_json(*text, "the schema").value() : Json();
}

std::string kind_of_value(const Json& v) {
  if (v.is_object()) return "object";
  if (v.is_array()) return "array";
  if (v.is_string()) return "string";
  return v.is_number_integer() ? "integer" : "number";
}

void expect_fits(const Json& value, const Json& schema, const std::string& path) {
  const std::string type = schema.value("type", ""), kind = kind_of_value(value);
  EXPECT_TRUE(type.empty() || kind == type || (type == "number" && kind == "integer")) << path;
  if (schema.contains("enum")) {
    EXPECT_EQ(std::ranges::count(schema["enum"], value), 1) << path;
  }
  if (schema.contains("minimum")) {
    EXPECT_GE(value, schema["minimum"]) << path;
  }
  if (schema.contains("maximum")) {
    EXPECT_LE(value, schema["maximum"]) << path;
  }
  for (const Json& name : schema.value("required", Json::array()))
    EXPECT_TRUE(value.contains(name.get<std::string>())) << path << name;
  for (size_t i = 0; value.is_array() && i < value.size(); ++i)
    expect_fits(value[i], schema.at("items"), path + "[]");
  if (!value.is_object()) return;
  for (const auto& [name, member] : value.items()) {
    ASSERT_TRUE(schema.at("properties").contains(name)) << "not in the schema: " << path << name;
    expect_fits(member, schema["properties"][name], path + name + ".");
  }
}

engine::Stats numbers() {
  engine::Stats s{.running = 2, .waiting = 1, .pages_used = 3, .pages_kept = 2, .pages_total = 10};
  s.prefix_tokens.add(
      {.read = 30, .possible = 40, .tier = engine::Tier::memory, .why = engine::Why::differs});
  s.rows_computed = 77, s.nodes_visited = 5;
  s.drafted = 10, s.drafts_accepted = 4;
  s.drafts[int(engine::DraftSource::lookup)] = {.proposals = 3, .drafted = 8, .accepted = 4};
  s.drafts[int(engine::DraftSource::mtp)] = {.proposals = 2, .drafted = 2, .accepted = 0};
  s.finished = {{"stop", 2}, {"stop_string", 1}, {"deadline", 1}};
  s.disk = {.entries = 6, .written = 9};
  s.step.add(0.02), s.step.add(1000);
  s.queue.add(0.5);
  return s;
}

TEST(EngineState, IsTheEnginesNumbers) {
  const Json j = engine_state(numbers());
  EXPECT_EQ(j["pages"]["memory"], Json({{"running", 3}, {"kept", 2}, {"free", 5}, {"total", 10}}));
  EXPECT_EQ(j["pages"]["disk"]["entries"], 6);
  EXPECT_EQ(j["pages"]["disk"]["written"], 9);
  EXPECT_EQ(j["cache"]["hit_ratio"], 0.75);
  EXPECT_EQ(j["cache"]["rows_computed"], 77);
  EXPECT_EQ(j["cache"]["nodes_visited"], 5);
  EXPECT_EQ(j["cache"]["tokens"]["memory"], Json({{"differs", 30}}));
  EXPECT_EQ(j["cache"]["tokens"]["none"], Json({{"differs", 10}}));
  EXPECT_EQ(j["speculation"]["acceptance"], 0.4);
  EXPECT_EQ(j["speculation"]["drafters"].size(), 2u);
  EXPECT_EQ(j["speculation"]["drafters"]["lookup"],
            Json({{"proposals", 3}, {"drafted", 8}, {"accepted", 4}, {"acceptance", 0.5}}));
  EXPECT_EQ(j["speculation"]["drafters"]["mtp"]["acceptance"], 0);
  EXPECT_EQ(j["steps"]["seconds"]["counts"][4], 1) << "up to 25 ms";
  EXPECT_EQ(j["steps"]["seconds"]["counts"][15], 1) << "above all";
  EXPECT_EQ(j["finished"]["deadline"], 1);
}

TEST(EngineState, FitsThePublishedSchema) {
  const Json schema = published();
  Json j = engine_state(numbers());
  j["model"] = {{"id", "m"},   {"architecture", "a"}, {"weights", "w"},
                {"chip", "c"}, {"rounding", "r"},     {"context", 1}};
  for (const Json& name : schema.at("dependentRequired").at("model"))
    EXPECT_TRUE(j.contains(name.get<std::string>())) << name;
  j["requests"] = Json::array();
  expect_fits(j, schema, "");
}

TEST_F(ServiceEngine, RequestsFitThePublishedSchema) {
  auto socket = s_.connect();
  wait_with(socket, "/v1/chat/completions", kChatStream);
  expect_fits(state(), published(), "");
  waiting_.answer();
  read_answer(socket);
}

TEST(EngineState, HasTheNamesOfVllm) {
  Exposition out("vllm:", "m\"");
  expose_as_vllm(numbers(), out);
  const std::string& text = out.text();
  for (const char* line :
       {"vllm:num_requests_running{model_name=\"m\\\"\",engine=\"0\"} 2\n",
        "vllm:kv_cache_usage_perc{model_name=\"m\\\"\",engine=\"0\"} 0.3\n",
        "vllm:prefix_cache_hits_total{model_name=\"m\\\"\",engine=\"0\"} 30\n",
        "vllm:spec_decode_num_drafts_total{model_name=\"m\\\"\",engine=\"0\"} 5\n",
        "vllm:spec_decode_num_draft_tokens_total{model_name=\"m\\\"\",engine=\"0\"} 10\n",
        "vllm:spec_decode_num_accepted_tokens_total{model_name=\"m\\\"\",engine=\"0\"} 4\n",
        "vllm:request_success_total{model_name=\"m\\\"\",engine=\"0\",finished_reason=\"stop\"} 3\n",
        "vllm:request_success_total{model_name=\"m\\\"\",engine=\"0\",finished_reason=\"abort\"} 1\n",
        "vllm:request_queue_time_seconds_bucket{model_name=\"m\\\"\",engine=\"0\",le=\"0.5\"} 1\n"})
    EXPECT_NE(text.find(line), std::string::npos) << line << text;
}

// Of vLLM's own metrics and of releases before, as dashboards and routers ask for them.
constexpr const char* kVllmNames[] = {"num_requests_running",
                                      "num_requests_waiting",
                                      "kv_cache_usage_perc",
                                      "gpu_cache_usage_perc",
                                      "cache_config_info",
                                      "lora_requests_info",
                                      "prompt_tokens_total",
                                      "generation_tokens_total",
                                      "num_preemptions_total",
                                      "request_success_total",
                                      "prefix_cache_queries_total",
                                      "prefix_cache_hits_total",
                                      "gpu_prefix_cache_queries_total",
                                      "gpu_prefix_cache_hits_total",
                                      "spec_decode_num_drafts_total",
                                      "spec_decode_num_draft_tokens_total",
                                      "spec_decode_num_accepted_tokens_total",
                                      "corrupted_requests_total",
                                      "admission_rejections_total",
                                      "time_to_first_token_seconds",
                                      "inter_token_latency_seconds",
                                      "request_time_per_output_token_seconds",
                                      "time_per_output_token_seconds",
                                      "e2e_request_latency_seconds",
                                      "request_queue_time_seconds",
                                      "request_prefill_time_seconds",
                                      "request_decode_time_seconds",
                                      "request_inference_time_seconds",
                                      "request_prompt_tokens",
                                      "request_generation_tokens",
                                      "request_max_num_generation_tokens",
                                      "request_params_n",
                                      "request_params_max_tokens",
                                      "iteration_tokens_total"};

TEST(EngineState, HasEveryNameOfVllmOnce) {
  Exposition out("vllm:", "m");
  Metrics().expose_as_vllm(out);
  expose_as_vllm(numbers(), out);
  for (const std::string name : kVllmNames) {
    const std::string family = "# TYPE vllm:" + name + " ";
    const size_t at = out.text().find(family);
    ASSERT_NE(at, std::string::npos) << name;
    EXPECT_EQ(out.text().find(family, at + 1), std::string::npos) << name;
    EXPECT_NE(out.text().find("\nvllm:" + name), std::string::npos) << name << " has no sample";
  }
}

TEST(Metrics, TellsVllmWhatRequestsAskedFor) {
  Metrics m;
  m.answered({.choices = 3, .max_tokens = 20, .longest = 7}, {.prompt_tokens = 60, .completion_tokens = 15});
  m.answered({.choices = 1, .longest = 2}, {.prompt_tokens = 5, .completion_tokens = 2});
  Exposition out("vllm:", "m");
  m.expose_as_vllm(out);
  const std::string model = "{model_name=\"m\",engine=\"0\"}";
  for (const std::string& line :
       {"request_params_n_sum" + model + " 4\n", "request_params_max_tokens_count" + model + " 1\n",
        "request_max_num_generation_tokens_sum" + model + " 9\n",
        "request_prompt_tokens_sum" + model + " 65\n", "request_generation_tokens_sum" + model + " 17\n"})
    EXPECT_NE(out.text().find("vllm:" + line), std::string::npos) << line << out.text();
}

TEST(Service, MetricsHaveTheNamesOfVllmIfAsked) {
  for (const bool asked : {false, true}) {
    Running s({});
    s.service.open(
        std::make_shared<ScriptedBackend>(say_hello), {},
        asked ? Service::Expose([](Exposition& out) { out.gauge("x", "X.", 1); }) : Service::Expose());
    const std::string text = s.ask("GET", "/metrics").body;
    EXPECT_EQ(text.find("vllm:time_to_first_token_seconds_bucket{model_name=\"tiny\"") != text.npos, asked);
    EXPECT_EQ(text.find("vllm:x{model_name=\"tiny\",engine=\"0\"} 1\n") != text.npos, asked);
    EXPECT_NE(text.find("autark_time_to_first_token_seconds_bucket"), text.npos);
  }
}

}  // namespace
}  // namespace autark::serve
