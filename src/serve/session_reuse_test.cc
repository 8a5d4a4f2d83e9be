// Goal: in the sessions of coding agents every turn reuses at least 95 % of what it has in common with an earlier request,
// in whole blocks; where less is reused, the answer says why and which part of the request is the cause; domains see
// nothing of each other except public texts. Method: the recorded shapes of four agents (bench/traces, texts divided by 8)
// go through the dialects and a Jinja template to toy models whose tokens are bytes; what prompts have in common is
// counted on the tokens that reach the engine. If AUTARK_SESSION_MODEL names a model's file or folder, the sessions go to
// it instead, with the texts as long as recorded.
#include <gtest/gtest.h>
#include <unistd.h>
#include <cstdio>
#include <fstream>
#include <future>
#include "api/dialect.h"
#include "engine/testing.h"
#include "serve/engine_backend.h"
#include "serve/fake_engine.h"

namespace autark::serve {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kBlock = 128;

// <b> is a token; calls are written as Hermes does.
constexpr const char* kTemplate =
    "{% if tools %}<b>tools:{% for t in tools %}{{ t | tojson }}\n{% endfor %}"
    "For each call: <tool_call>\n{\"name\": …, \"arguments\": …}\n</tool_call>;{% endif %}"
    "{% for m in messages %}<b>{{ m.role }}:{{ m.content }}"
    "{% for c in m.tool_calls %}<tool_call>\n{\"name\": \"{{ c.function.name }}\", \"arguments\": "
    "{{ c.function.arguments | tojson }}}\n</tool_call>{% endfor %}<b>{% endfor %}"
    "{% if add_generation_prompt %}<b>assistant:{% endif %}";

// Passes everything on and remembers the prompts.
class Recording final : public engine::Engine {
 public:
  explicit Recording(std::unique_ptr<engine::Engine> inner) : inner_(std::move(inner)) {}
  const engine::ModelCard& card() const override { return inner_->card(); }
  using Engine::submit;
  Result<std::vector<engine::RequestId>> submit(std::vector<engine::Request> group,
                                                engine::GroupSink sink) override {
    for (const auto& r : group) prompts.push_back(r.prompt);
    return inner_->submit(std::move(group), std::move(sink));
  }
  void finish(engine::RequestId id, engine::Finish why) override { inner_->finish(id, why); }
  engine::Stats stats() const override { return inner_->stats(); }
  std::vector<std::vector<int32_t>> prompts;

 private:
  std::unique_ptr<engine::Engine> inner_;
};

class Server {
 public:
  explicit Server(const std::string& architecture = "llama", std::vector<std::string> public_texts = {}) {
    if (fs::exists(architecture)) {
      open(architecture);
      return;
    }
    const fs::path path =
        fs::path(::testing::TempDir()) / ("session_" + std::to_string(::getpid()) + ".jinja");
    std::ofstream(path) << kTemplate;
    text::ModelText text{.tokenizer = std::make_unique<ByteTokenizer>()};
    auto chat = text::ChatTemplate::open(path, text.tokenizer.get());
    fs::remove(path);
    EXPECT_TRUE(chat) << (chat ? "" : chat.error().message);
    text.chat = std::move(*chat);
    auto model = engine::test_model(architecture, engine::chip_named("cpu"), random_tensor,
                                    {{"vocab_size", 300},
                                     {"num_hidden_layers", 2},
                                     {"sliding_window_pattern", 2},
                                     {"hidden_size", 16},
                                     {"num_attention_heads", 1},
                                     {"num_key_value_heads", 1},
                                     {"max_position_embeddings", 1 << 15}});
    serve(engine::test_engine(std::move(model),
                              {.state_bytes_max = 64 << 20, .cache_bytes_max = 256 << 20, .running_max = 1}),
          std::move(text), std::move(public_texts));
  }
  // What the last event of a request says about its prompt.
  api::PromptCache ask(const api::Dialect& dialect, Json body) {
    body["model"] = "toy";
    auto r = dialect.decode(body);
    auto* request = std::get_if<api::Request>(&r);
    EXPECT_TRUE(request) << std::get<api::ApiError>(r).message;
    if (!request) return {};
    request->max_tokens = 3;
    request->ignore_end = true;
    std::promise<api::PromptCache> told;
    (void)backend->submit(std::move(*request), [&](api::Event e) {
      if (const auto* fault = std::get_if<api::ApiError>(&e.payload)) {
        ADD_FAILURE() << fault->message;
        told.set_value({});
      }
      if (std::holds_alternative<api::Event::Finished>(e.payload))
        told.set_value(e.usage.prompt_cache.value_or(api::PromptCache{}));
    });
    return told.get_future().get();
  }

  Recording* engine = nullptr;
  std::unique_ptr<EngineBackend> backend;

 private:
  void open(const fs::path& model) {
    auto text = text::ModelText::open(model);
    auto opened =
        engine::Engine::open(model, {.end_tokens = text ? text->end_tokens : std::vector<int32_t>{}});
    ASSERT_TRUE(text && opened) << (text ? opened.error().message : text.error().message);
    serve(std::move(*opened), std::move(*text), {});
  }
  void serve(std::unique_ptr<engine::Engine> opened, text::ModelText text,
             std::vector<std::string> public_texts) {
    auto recording = std::make_unique<Recording>(std::move(opened));
    engine = recording.get();
    backend = std::make_unique<EngineBackend>(
        std::move(recording), std::move(text),
        EngineBackend::Options{.id = "toy", .public_texts = std::move(public_texts)});
  }
};

const api::Dialect& dialect_of(const std::string& path) {
  if (path.starts_with("/v1/messages")) return api::anthropic_messages();
  return path.starts_with("/v1/responses") ? api::openai_responses() : api::openai_chat();
}

std::vector<Json> trace_of(const std::string& client, int scale) {
  const std::string command =
      "python3 " AUTARK_SOURCE_DIR "/bench/traces/make.py " + client + " 1 --scale " + std::to_string(scale);
  const std::unique_ptr<FILE, int (*)(FILE*)> from(::popen(command.c_str(), "r"), ::pclose);
  std::string all;
  char piece[65536];
  while (const size_t n = from ? std::fread(piece, 1, sizeof piece, from.get()) : 0) all.append(piece, n);
  std::vector<Json> requests;
  for (size_t at = 0; at < all.size();) {
    const size_t end = std::min(all.find('\n', at), all.size());
    auto line = parse_json(std::string_view(all).substr(at, end - at), "trace");
    if (line) requests.push_back(std::move(*line));
    at = end + 1;
  }
  return requests;
}

// Tokens that the last prompt has in common with an earlier one.
int64_t in_common(const std::vector<std::vector<int32_t>>& prompts) {
  const auto& last = prompts.back();
  int64_t most = 0;
  for (size_t i = 0; i + 1 < prompts.size(); ++i)
    most = std::max<int64_t>(most, std::ranges::mismatch(last, prompts[i]).in1 - last.begin());
  return std::min<int64_t>(most, std::ssize(last) - 1);
}

// AUTARK_SESSION_MODEL, or the architectures of the toys.
std::vector<std::string> models() {
  const char* path = std::getenv("AUTARK_SESSION_MODEL");
  return path ? std::vector<std::string>{path} : std::vector<std::string>{"llama", "gemma3"};
}

class SessionReuse : public ::testing::TestWithParam<std::tuple<const char*, std::string>> {};

TEST_P(SessionReuse, EveryTurnReusesWhatItHasInCommon) {
  const auto [client, model] = GetParam();
  const auto requests = trace_of(client, fs::exists(model) ? 1 : 8);
  ASSERT_EQ(requests.size(), 21u);
  Server server(model);
  ASSERT_TRUE(server.engine);
  for (size_t turn = 0; turn < requests.size(); ++turn) {
    const Json& r = requests[turn];
    const auto told = server.ask(dialect_of(r["path"].get<std::string>()), r["body"]);
    const int64_t common = in_common(server.engine->prompts) / kBlock * kBlock;
    EXPECT_EQ(told.possible, (std::ssize(server.engine->prompts.back()) - 1) / kBlock * kBlock);
    EXPECT_GE(double(told.read), 0.95 * double(common)) << "turn " << turn << " of " << told.possible;
    if (fs::exists(model))
      std::printf("%s turn %zu: read %ld of %ld, %ld in common\n", client, turn, long(told.read),
                  long(told.possible), long(common));
    if (turn == 0) continue;
    EXPECT_GT(common, 1000) << "turn " << turn << ": the history is not repeated";
  }
}

INSTANTIATE_TEST_SUITE_P(Agents, SessionReuse,
                         ::testing::Combine(::testing::Values("claude-code", "codex", "opencode",
                                                              "qwen-code"),
                                            ::testing::ValuesIn(models())),
                         [](const auto& info) {
                           std::string name =
                               std::get<0>(info.param) + fs::path(std::get<1>(info.param)).stem().string();
                           std::erase_if(name, [](char c) { return !std::isalnum(c); });
                           return name;
                         });

std::string words(int n, int seed) {
  std::string text;
  for (int i = 0; i < n; ++i) text += "word" + std::to_string((i * 7 + seed * 13) % 97) + " ";
  return text;
}

Json tool(const char* name, const std::string& text) {
  return {{"type", "function"},
          {"function",
           {{"name", name},
            {"description", text},
            {"parameters", {{"type", "object"}, {"properties", Json::object()}}}}}};
}

Json conversation() {
  Json messages = Json::array({{{"role", "system"}, {"content", words(60, 1)}}});
  for (int i = 0; i < 4; ++i) {
    messages.push_back({{"role", "user"}, {"content", words(40, 10 + i)}});
    messages.push_back({{"role", "assistant"}, {"content", words(40, 20 + i)}});
  }
  messages.push_back({{"role", "user"}, {"content", "and now?"}});
  return {{"messages", messages},
          {"tools", Json::array({tool("read", words(30, 2)), tool("write", words(30, 3))})},
          {"cache_diagnostics", true}};
}

TEST(SessionReuseReasons, NameThePartThatChanged) {
  Server server;
  const auto ask = [&](const Json& body) { return server.ask(api::openai_chat(), body); };
  const Json base = conversation();
  ask(base);
  auto told = ask(base);
  EXPECT_EQ(told.why, "complete");
  EXPECT_EQ(told.read, told.possible);
  EXPECT_EQ(told.tier, "memory");
  EXPECT_TRUE(told.own.empty() && told.other.empty());

  Json edited = base;
  edited["messages"][3]["content"] = "edited " + words(40, 11);
  told = ask(edited);
  EXPECT_EQ(told.why, "differs");
  EXPECT_EQ(told.part, "messages[3]");
  EXPECT_TRUE(told.own.starts_with("edited word")) << told.own;
  EXPECT_TRUE(told.other.starts_with("word")) << told.other;
  EXPECT_LE(told.own.size(), 40u);
  EXPECT_LE(told.other.size(), 40u);
  EXPECT_GE(told.read, *told.at / kBlock * kBlock);

  Json reordered = base;
  std::swap(reordered["tools"][0], reordered["tools"][1]);
  told = ask(reordered);
  EXPECT_EQ(std::pair(told.why, told.part), std::pair(std::string("differs"), std::string("tools")));

  Json changed = base;
  changed["tools"][1]["function"]["description"] = words(29, 3) + "changed";
  changed.erase("cache_diagnostics");
  told = ask(changed);
  EXPECT_EQ(std::pair(told.why, told.part), std::pair(std::string("differs"), std::string("tools")));
  EXPECT_TRUE(told.own.empty() && told.other.empty()) << "was not asked for";
}

// Another user's text is not shown, whatever is asked for.
TEST(SessionReuseReasons, AnotherDomainGivesNoDiagnostics) {
  Server server;
  Json body = conversation();
  body["user"] = "victim";
  server.ask(api::openai_chat(), body);
  body["user"] = "stranger";
  body["messages"][0]["content"] = "x" + words(60, 1);
  const auto told = server.ask(api::openai_chat(), body);
  EXPECT_EQ(told.read, 0);
  EXPECT_EQ(told.why, "never_stored");
  EXPECT_TRUE(told.own.empty() && told.other.empty());
}

TEST(SessionReuseReasons, APublicTextIsSharedAndNothingBehindIt) {
  const std::string text = words(100, 1);
  Server server("llama", {text});
  const auto body = [&](const char* user, const std::string& asked) {
    return Json{{"user", user},
                {"messages", Json::array({{{"role", "system"}, {"content", text}},
                                          {{"role", "user"}, {"content", asked + words(100, 5)}}})}};
  };
  EXPECT_EQ(server.ask(api::openai_chat(), body("a", "hello ")).read, 0);
  const auto told = server.ask(api::openai_chat(), body("b", "hello "));
  const int64_t shared =
      int64_t(std::string("<b>system:" + text + "<b><b>user:").size()) - 6;  // <b> is a token
  EXPECT_EQ(told.read, shared / kBlock * kBlock);
  EXPECT_EQ(told.why, "never_stored");
  EXPECT_EQ(server.ask(api::openai_chat(), body("b", "hello ")).why, "complete");
}

}  // namespace
}  // namespace autark::serve
