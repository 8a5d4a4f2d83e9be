// Goal: requests reach the engine with the right settings, and its events reach a dialect in the right form.
// Method: a fake engine whose tokens are bytes; requests as dialects decode them.
#include "serve/engine_backend.h"
#include <gtest/gtest.h>
#include <future>
#include "api/openai_fields.h"
#include "api/tally.h"
#include "engine/testing.h"
#include "serve/fake_engine.h"
#include "serve/sampling_defaults.h"

namespace autark::serve {
namespace {

struct Bench {
  explicit Bench(bool with_chat = true, EngineBackend::Options options = {.id = "fake", .aliases = {"other"}})
      : Bench(with_chat ? new PlainTemplate : nullptr, 40, std::move(options)) {}
  explicit Bench(text::OutputSyntax syntax, EngineBackend::Options options = {.id = "fake"})
      : Bench(syntax, 40, std::move(options)) {}
  Bench(text::OutputSyntax syntax, int64_t context, EngineBackend::Options options = {.id = "fake"})
      : Bench(template_of(syntax), context, std::move(options)) {}
  Bench(PlainTemplate* chat, int64_t context, EngineBackend::Options options)
      : engine(new FakeEngine(context)),
        chat_template(chat),
        backend(std::unique_ptr<engine::Engine>(engine), byte_text(std::unique_ptr<text::ChatTemplate>(chat)),
                std::move(options)) {}
  static PlainTemplate* template_of(text::OutputSyntax syntax) {
    auto* chat = new PlainTemplate;
    chat->form = syntax;
    return chat;
  }

  api::Backend::Handle submit(api::Request r) {
    return backend.submit(std::move(r), [this](api::Event e) { events.push_back(std::move(e)); });
  }
  const api::ApiError& fault() const {
    static const api::ApiError none;
    EXPECT_TRUE(!events.empty() && std::holds_alternative<api::ApiError>(events.back().payload));
    return events.empty() ? none : std::get<api::ApiError>(events.back().payload);
  }
  engine::Request& asked(int i) { return engine->submitted.at(i).request; }
  void say(int i, engine::Event e) { engine->say(i, std::move(e)); }

  FakeEngine* engine;
  PlainTemplate* chat_template;
  EngineBackend backend;
  std::vector<api::Event> events;
};

std::string text_of(const std::vector<int32_t>& ids) {
  std::string all;
  for (const int32_t id : ids)
    if (id < ByteTokenizer::kPieces) all += ByteTokenizer().bytes_of(id);
  return all;
}

api::Request chat(std::string text) {
  return {.items = {{api::Role::user, {api::Text{std::move(text)}}}}};
}

engine::Event token(std::string text, int64_t count) {
  engine::Event e;
  e.tokens.push_back({.id = ByteTokenizer::token(text)});
  e.usage = {.prompt_tokens = 3, .completion_tokens = count};
  return e;
}

TEST(EngineBackend, TellsItsTokens) {
  Bench b;
  api::Request r;
  r.prompts = {std::string("hi")};
  EXPECT_EQ(std::get<std::vector<int32_t>>(b.backend.tokenize(r)),
            (std::vector<int32_t>{ByteTokenizer::kBegin, 'h', 'i'}));
  r.add_special = false;
  EXPECT_EQ(std::get<std::vector<int32_t>>(b.backend.tokenize(r)), (std::vector<int32_t>{'h', 'i'}));
  EXPECT_EQ(std::get<std::vector<int32_t>>(b.backend.tokenize(chat("a"))).size(),
            size_t(std::get<int64_t>(b.backend.count_tokens(chat("a")))));
  const std::vector<int32_t> ids{ByteTokenizer::kBegin, 'h', 'i'}, unknown{'h', 1 << 20};
  EXPECT_EQ(std::get<std::string>(b.backend.detokenize(ids)), "<b>hi") << "special tokens, too";
  EXPECT_EQ(std::get<api::ApiError>(b.backend.detokenize(unknown)).param, "tokens");
  EXPECT_EQ(std::get<Json>(b.backend.tokenizer_info())["model_max_length"], 40);
  EXPECT_EQ(std::get<Json>(b.backend.tokenizer_info())["chat_template"], "{{ messages }}");
  EXPECT_EQ(b.backend.about()["model"], "fake");
  r.model = "none";
  EXPECT_EQ(std::get<api::ApiError>(b.backend.tokenize(r)).code, "model_not_found");
}

TEST(EngineBackend, APreparedRequestIsNotRenderedAgain) {
  Bench b;
  api::Request r = chat("a");
  r.n = 2, r.max_tokens = 5;
  const auto extent = std::get<api::Extent>(b.backend.prepare(r));
  EXPECT_EQ(extent.prompt_tokens, std::get<int64_t>(b.backend.count_tokens(chat("a"))));
  EXPECT_EQ(extent.answer_max, 10) << "of both choices";
  r.items = chat("something else").items;
  b.submit(r);
  EXPECT_EQ(text_of(b.asked(0).prompt), "<b>user:a;<b>");
  api::Request open = chat("a");
  EXPECT_EQ(std::get<api::Extent>(b.backend.prepare(open)).answer_max, 40 - extent.prompt_tokens)
      << "by the context";
}

TEST(EngineBackend, PrepareRefusesAsSubmitDoes) {
  Bench b;
  api::Request unknown = chat("a"), large = chat(std::string(50, 'x'));
  unknown.model = "unknown";
  for (const api::Request& r : {unknown, large, chat("raise")}) {
    api::Request prepared = r;
    const auto fault = std::get<api::ApiError>(b.backend.prepare(prepared));
    b.submit(r);
    EXPECT_EQ(fault.message, b.fault().message);
    EXPECT_EQ(fault.kind, b.fault().kind);
  }
}

TEST(EngineBackend, TellsWhatIsLeftOfItsQueue) {
  Bench b(true, {.id = "fake", .requests_max = 8});
  api::Request r = chat("a");
  r.n = 2;
  b.submit(r);
  for (int i : {0, 1}) b.say(i, token("x", 1));
  const auto& first = std::get<api::Event::Started>(b.events.at(0).payload).allowances;
  ASSERT_EQ(first.size(), 1u);
  EXPECT_EQ(first[0].of, "requests");
  EXPECT_EQ(first[0].limit, 8);
  EXPECT_LT(first[0].reset_seconds, 0) << "not known";
  EXPECT_TRUE(std::get<api::Event::Started>(b.events.at(1).payload).allowances.empty());
}

TEST(EngineBackend, ASuffixNeedsTokensForAGap) {
  Bench b;
  api::Request r;
  r.prompts = {std::string("hi")};
  r.suffix = "ho";
  b.submit(r);
  EXPECT_EQ(b.fault().param, "suffix");
}

TEST(EngineBackend, RendersAndKeepsTypedTokensText) {
  Bench b;
  api::Request r = chat("<b>x");
  r.items.insert(r.items.begin(), {api::Role::developer, {api::Text{"be"}, api::Text{"brief"}}});
  b.submit(r);
  const auto& ids = b.asked(0).prompt;
  EXPECT_EQ(text_of(ids), "<b>system:be\nbrief;<b>user:<b>x;<b>");
  EXPECT_EQ(std::ranges::count(ids, ByteTokenizer::kBegin), 3) << "the typed one stays text";
}

TEST(EngineBackend, ALastAssistantTurnIsContinued) {
  Bench b;
  api::Request r = chat("a");
  r.template_kwargs["continue_final_message"] = true;
  b.submit(r);
  EXPECT_TRUE(text_of(b.asked(0).prompt).ends_with(";"));
}

TEST(EngineBackend, PromptsAreTextOrIds) {
  Bench b;
  api::Request r{.prompts = {"<b>a", std::vector<int32_t>{7, 8}}};
  b.submit(r);
  EXPECT_EQ(b.asked(0).prompt, (std::vector<int32_t>{256, '<', 'b', '>', 'a'}));
  EXPECT_EQ(b.asked(1).prompt, (std::vector<int32_t>{7, 8}));
  r = {.prompts = {"<b>a"}, .add_special = false, .parse_special = true};
  b.submit(r);
  EXPECT_EQ(b.asked(2).prompt, (std::vector<int32_t>{256, 'a'}));
}

TEST(F01_SpecialTokens, WhatTheTokenizerPutsInFrontComesOnce) {
  Bench b;
  using Ids = std::vector<int32_t>;
  const std::pair<const char*, Ids> texts[] = {{"a", {256, 'a'}},
                                               {"<b>a", {256, 'a'}},
                                               {"<b>", {256}},
                                               {"", {256}},
                                               {"<b><b>a", {256, 256, 'a'}},
                                               {"a<b>", {256, 'a', 256}},
                                               {" <b>", {256, ' ', 256}}};
  for (const auto& [text, ids] : texts) {
    b.submit({.prompts = {text}, .parse_special = true, .echo = true});
    EXPECT_EQ(b.engine->submitted.back().request.prompt, ids) << text;
  }
  b.submit({.prompts = {"<b>a"}, .add_special = false, .parse_special = true});
  EXPECT_EQ(b.engine->submitted.back().request.prompt, (Ids{256, 'a'})) << "as spelled";
  b.submit({.prompts = {"<b>a"}, .parse_special = false});
  EXPECT_EQ(b.engine->submitted.back().request.prompt, (Ids{256, '<', 'b', '>', 'a'})) << "letters";
  b.submit({.prompts = {Ids{256, 256, 7}, Ids{7}}, .parse_special = true});
  EXPECT_EQ(b.asked(int(std::size(texts)) + 2).prompt, (Ids{256, 256, 7}))
      << "token ids are taken as they are";
  EXPECT_EQ(b.engine->submitted.back().request.prompt, (Ids{7}));
}

// The attribution line is gone before tokens are counted, told and computed, unless the server keeps it.
TEST(EngineBackend, TheAttributionLineIsNoPartOfAPrompt) {
  api::Request r = chat("hello"), marked = r;
  r.items.insert(r.items.begin(), {.role = api::Role::system, .parts = {api::Text{"Help"}}});
  marked.items.insert(marked.items.begin(),
                      {.role = api::Role::system,
                       .parts = {api::Text{"x-anthropic-billing-header: cc_version=1;"}, api::Text{"Help"}}});
  for (const bool keeps : {false, true}) {
    Bench b(text::OutputSyntax::hermes, 1000, {.id = "fake", .keep_attribution = keeps});
    const auto counted = [&](const api::Request& of) {
      return std::get<int64_t>(b.backend.count_tokens(of));
    };
    EXPECT_EQ(counted(marked) > counted(r), keeps);
    const auto told = [&](const api::Request& of) {
      return std::get<std::vector<int32_t>>(b.backend.tokenize(of));
    };
    EXPECT_EQ(told(marked) != told(r), keeps);
    b.submit(r), b.submit(marked);
    EXPECT_EQ(b.asked(0).prompt != b.asked(1).prompt, keeps);
    EXPECT_EQ(int64_t(b.asked(1).prompt.size()), counted(marked));
  }
}

TEST(EngineBackend, HintsReachThePrefixCache) {
  Bench b;
  api::Request r = chat("hello");
  b.submit(r);
  EXPECT_TRUE(b.asked(0).prefix.marks.empty());
  EXPECT_EQ(b.asked(0).prefix.value, 1);
  EXPECT_EQ(b.asked(0).prefix.keep_until, 0);
  r.items[0].place = "messages[0]";
  r.cache_marks = {"messages[0]", "tools"};
  r.keep_seconds = 300, r.returns = true;
  b.submit(r);
  const engine::PrefixHints& hints = b.asked(1).prefix;
  ASSERT_EQ(hints.marks.size(), 1u) << "there are no tools";
  EXPECT_GT(hints.marks[0], 0);
  EXPECT_LE(hints.marks[0], std::ssize(b.asked(1).prompt));
  EXPECT_EQ(hints.value, 2);
  EXPECT_EQ(hints.keep_until - hints.arrived, 300);
}

TEST(EngineBackend, RefusesWithAReason) {
  using Kind = api::ApiError::Kind;
  Bench b;
  api::Request r = chat("a");
  r.model = "unknown";
  b.submit(r);
  EXPECT_EQ(b.fault().kind, Kind::not_found);
  EXPECT_EQ(b.fault().code, "model_not_found");
  b.submit(chat("raise"));
  EXPECT_EQ(b.fault().kind, Kind::invalid);
  EXPECT_EQ(b.fault().message, "the template says no");
  b.submit(chat(std::string(50, 'x')));
  EXPECT_EQ(b.fault().kind, Kind::context_length);
  EXPECT_EQ(b.fault().limit, 40);
  EXPECT_EQ(b.fault().tokens, 50 + 8);
  EXPECT_TRUE(b.engine->submitted.empty());
  r.model = "other";
  b.submit(r);
  EXPECT_EQ(b.engine->submitted.size(), 1u) << "an alias is served";
  Bench bare(false);
  bare.submit(chat("a"));
  EXPECT_NE(bare.fault().message.find("no chat template"), std::string::npos);
  bare.submit({.prompts = {"a"}});
  EXPECT_EQ(bare.engine->submitted.size(), 1u) << "completions still work";
}

TEST(EngineBackend, TokensOutsideTheVocabularyAreRefusedByField) {
  using Kind = api::ApiError::Kind;
  Bench b;
  const auto size = int32_t(b.engine->card().vocabulary);
  b.submit({.prompts = {std::vector<int32_t>{1, size}}});
  EXPECT_EQ(b.fault().kind, Kind::invalid);
  EXPECT_EQ(b.fault().param, "prompt");
  b.submit({.prompts = {std::vector<int32_t>{}}});
  EXPECT_EQ(b.fault().param, "prompt");
  api::Request r = chat("a");
  r.sampling.logit_bias[size] = 1;
  b.submit(r);
  EXPECT_EQ(b.fault().kind, Kind::invalid);
  EXPECT_EQ(b.fault().param, "logit_bias");
  EXPECT_TRUE(b.engine->submitted.empty());
}

TEST(EngineBackend, SettingsReachTheEngine) {
  Bench b(true, {.id = "fake", .defaults = {.temperature = 0.7f, .top_k = 20}});
  api::Request r = chat("a");
  r.sampling = {.temperature = 0, .top_p = 0.5, .seed = 9, .logit_bias = {{3, -1.f}}};
  r.stop_tokens = {1};
  r.max_tokens = 5;
  r.min_tokens = 2;
  r.logprobs = 3;
  r.ignore_end = true;
  b.submit(r);
  const engine::Request& e = b.asked(0);
  EXPECT_EQ(e.sampling.temperature, 0);
  EXPECT_EQ(e.sampling.top_k, 20) << "the model's default";
  EXPECT_EQ(e.sampling.top_p, 0.5f);
  EXPECT_EQ(e.sampling.seed, 9u);
  EXPECT_EQ(e.sampling.logit_bias.at(3), -1);
  EXPECT_EQ(e.stop_tokens, r.stop_tokens);
  EXPECT_EQ(e.max_tokens, 5);
  EXPECT_EQ(e.min_tokens, 2);
  EXPECT_EQ(e.logprobs, 3);
  EXPECT_TRUE(e.ignore_end);
  EXPECT_FALSE(e.prompt_logprobs);
  b.submit(chat("a"));
  EXPECT_EQ(b.asked(1).max_tokens, -1) << "until the context is full";
}

TEST(EngineBackend, SeedsOfChoicesDifferButNotWithTheBatch) {
  Bench b;
  b.submit({.prompts = {"a", "b"}, .sampling = {.seed = 5}, .n = 2});
  b.submit({.prompts = {"b"}, .sampling = {.seed = 5}, .n = 2});
  EXPECT_NE(b.asked(0).sampling.seed, b.asked(1).sampling.seed);
  for (const int i : {0, 1}) {
    EXPECT_EQ(b.asked(2 + i).sampling.seed, b.asked(4 + i).sampling.seed);
    EXPECT_EQ(b.asked(0 + i).sampling.seed, b.asked(2 + i).sampling.seed);
  }
  b.submit({.prompts = {"a"}});
  b.submit({.prompts = {"a"}});
  EXPECT_NE(b.asked(6).sampling.seed, b.asked(7).sampling.seed);
}

TEST(EngineBackend, EventsBecomeAnAnswer) {
  Bench b;
  api::Request r = chat("a");
  r.stop = {"?!"};
  b.submit(r);
  b.say(0, token("Hi", 1));
  engine::Event last = token("?", 2);  // held back
  last.finish = engine::Finish::length;
  b.say(0, last);
  ASSERT_EQ(b.events.size(), 5u);
  EXPECT_EQ(std::get<api::Event::Started>(b.events[0].payload).prompt_tokens, 9);
  EXPECT_EQ(std::get<api::Event::Delta>(b.events[1].payload).text, "Hi");
  EXPECT_EQ(std::get<api::Event::Delta>(b.events[3].payload).text, "?");
  EXPECT_EQ(std::get<api::Event::Finished>(b.events[4].payload).why, api::Finish::length);
  EXPECT_EQ(b.events[4].usage.completion_tokens, 2);
}

engine::Event ended(engine::Finish why, int64_t count) {
  engine::Event e;
  e.finish = why;
  e.usage = {.prompt_tokens = 3, .completion_tokens = count};
  return e;
}

api::Request with_tool(std::string text, api::ToolChoice::Mode mode = api::ToolChoice::Mode::automatic) {
  api::Request r = chat(std::move(text));
  r.tools = {{"f", Json{{"name", "f"}}}};
  r.tool_choice = {mode, "f"};
  return r;
}

template <class T>
std::vector<T> all_of(const std::vector<api::Event>& events) {
  std::vector<T> found;
  for (const api::Event& e : events)
    if (const auto* t = std::get_if<T>(&e.payload)) found.push_back(*t);
  return found;
}

// One token after the other, then the end.
void speak(Bench& b, int i, std::initializer_list<const char*> tokens, engine::Finish why) {
  int64_t n = 0;
  for (const char* t : tokens) b.say(i, token(t, ++n));
  b.say(i, ended(why, n));
}

// The same with tokens of their own, in one event with the end.
void speak(Bench& b, int i, const std::vector<std::pair<int32_t, std::string>>& tokens, engine::Finish why) {
  engine::Event e = ended(why, std::ssize(tokens));
  for (const auto& [id, text] : tokens) {
    ByteTokenizer::name(id, text);
    e.tokens.push_back({.id = id});
  }
  if (why == engine::Finish::stop) e.tokens.push_back({.id = ByteTokenizer::kBegin});
  b.say(i, e);
}

TEST(EngineBackend, ReasoningAndCallsBecomeEvents) {
  Bench b(text::OutputSyntax::hermes);
  api::Request r = with_tool("a");
  r.stop = {"never"};
  r.logprobs = 0;
  b.submit(r);
  EXPECT_EQ(text_of(b.asked(0).prompt), "<b>tools:f;<b>user:a;<b>");
  speak(b, 0,
        {"<think>", "Hm", ".", "</think>", "<tool_call>{\"name\":\"f\"", ",\"arguments\":{}}</tool_call>"},
        engine::Finish::stop);
  EXPECT_EQ(all_of<api::Event::Reasoned>(b.events).size(), 2u);
  const auto calls = all_of<api::Event::CallBegun>(b.events);
  ASSERT_EQ(calls.size(), 1u);
  EXPECT_EQ(calls[0].name, "f");
  EXPECT_EQ(calls[0].id.size(), 24u);
  EXPECT_EQ(all_of<api::Event::CallEnded>(b.events).size(), 1u);
  EXPECT_EQ(std::get<api::Event::Finished>(b.events.back().payload).why, api::Finish::tool_calls);
  EXPECT_EQ(b.events.back().usage.completion_tokens, 6);
  EXPECT_EQ(b.events.back().usage.reasoning_tokens, 3);
}

TEST(EngineBackend, SaysHowMuchOfAPredictionWasRight) {
  Bench b(text::OutputSyntax::hermes);
  api::Request r = chat("a");
  r.prediction = "abcd";
  r.n = 2;
  b.submit(r);
  const auto say = [&](int i, const std::string& letters) {
    for (const char c : letters) b.say(i, token(std::string(1, c), 1));
  };
  b.say(0, token("<think>", 1));
  say(0, "abcd");
  b.say(0, token("</think>", 1));
  say(0, "axcdb");
  b.say(0, ended(engine::Finish::stop, 11));
  EXPECT_EQ(b.events.back().usage.prediction->accepted, 3) << "a, c, d; what it thought does not count";
  EXPECT_EQ(b.events.back().usage.prediction->rejected, 1);
  say(1, "d");
  b.say(1, ended(engine::Finish::length, 1));
  api::Tally tally(2, 2);
  for (const api::Event& e : b.events) tally.add(e);
  EXPECT_EQ(
      api::openai_usage(tally.total())["completion_tokens_details"],
      Json::parse(R"({"reasoning_tokens":1,"accepted_prediction_tokens":4,"rejected_prediction_tokens":4})"));
}

TEST(EngineBackend, EveryTokenHasItsLogProbability) {
  Bench b(text::OutputSyntax::hermes);
  api::Request r = chat("a");
  r.logprobs = 0;
  b.submit(r);
  int64_t n = 0;
  for (const char* t :
       {"<think>", "Hm", "</think>", "Yes", "<tool_call>", "{\"name\":\"f\",\"arguments\":{}}"}) {
    engine::Event e = token(t, ++n);
    e.tokens[0].logprobs = engine::Logprobs{{'x', -float(n)}, {}};
    b.say(0, e);
  }
  std::vector<double> values;
  for (const auto& d : all_of<api::Event::Delta>(b.events))
    for (const auto& t : d.logprobs) values.push_back(t.logprob);
  EXPECT_EQ(values, (std::vector<double>{-1, -2, -3, -4, -5, -6}));
}

TEST(EngineBackend, AStopStringInContentEndsTheChoice) {
  Bench b(text::OutputSyntax::hermes);
  api::Request r = chat("a");
  r.stop = {"es"};
  r.n = 2;
  b.submit(r);
  for (const char* t : {"<think>yes", "</think>", "Ye", "s!"}) b.say(0, token(t, 1));
  EXPECT_EQ(b.engine->submitted[0].finished, engine::Finish::stop_string);
  EXPECT_FALSE(b.engine->submitted[1].finished) << "the other choice goes on";
  b.say(0, token("late", 9));
  b.say(0, ended(engine::Finish::stop_string, 9));
  const auto ends = all_of<api::Event::Finished>(b.events);
  ASSERT_EQ(ends.size(), 1u);
  EXPECT_EQ(ends[0].why, api::Finish::stop_sequence);
  EXPECT_EQ(ends[0].stop_sequence, "es");
  EXPECT_EQ(b.events.back().usage.completion_tokens, 1) << "what comes late does not count";
  speak(b, 1, {"Hi"}, engine::Finish::stop);
  std::string text[2];
  for (const api::Event& e : b.events)
    if (const auto* d = std::get_if<api::Event::Delta>(&e.payload)) text[e.choice] += d->text;
  EXPECT_EQ(text[0], "Y");
  EXPECT_EQ(text[1], "Hi");
  EXPECT_EQ(all_of<api::Event::Finished>(b.events).size(), 2u);
}

TEST(EngineBackend, OneCallIsEnoughWhereOnlyOneIsWanted) {
  Bench b(text::OutputSyntax::hermes);
  api::Request r = with_tool("a");
  r.parallel_calls = false;
  b.submit(r);
  b.say(0, token("<tool_call>{\"name\":\"f\",\"arguments\":{}}</tool_call>\n<tool_call>{\"name\":\"f\",", 1));
  EXPECT_EQ(b.engine->submitted[0].finished, engine::Finish::stop);
  b.say(0, ended(engine::Finish::stop, 1));
  EXPECT_EQ(all_of<api::Event::CallBegun>(b.events).size(), 1u);
  EXPECT_EQ(std::get<api::Event::Finished>(b.events.back().payload).why, api::Finish::tool_calls);
}

TEST(EngineBackend, ACutCallEndsWithItsLimit) {
  for (const auto& [said, why] : {std::pair{engine::Finish::length, api::Finish::length},
                                  std::pair{engine::Finish::cancelled, api::Finish::cancelled},
                                  std::pair{engine::Finish::stop, api::Finish::tool_calls}}) {
    Bench b(text::OutputSyntax::hermes);
    b.submit(with_tool("a"));
    speak(b, 0, {"<tool_call>{\"name\":\"f\",", "\"arguments\":{\"x"}, said);
    EXPECT_EQ(all_of<api::Event::CallEnded>(b.events).empty(), said != engine::Finish::stop)
        << "a model that stops leaves none open";
    EXPECT_EQ(std::get<api::Event::Finished>(b.events.back().payload).why, why);
  }
}

TEST(EngineBackend, TheNextPromptHoldsWhatWasSampled) {
  Bench b(text::OutputSyntax::hermes);
  b.submit(with_tool("a"));
  speak(b, 0, {"<think>Hm</think>", "<tool_call>{\"name\":\"f\",\"arguments\":{\"x\":  1e2}}</tool_call>"},
        engine::Finish::stop);
  const std::string id = all_of<api::Event::CallBegun>(b.events).at(0).id;
  api::Request r = with_tool("a");
  r.items.push_back({api::Role::assistant, {api::ToolCall{"toolu_" + id, "f", "{\"x\":100.0}"}}});
  r.items.push_back({api::Role::user, {api::ToolResult{"toolu_" + id, {{"ok"}}}}});
  b.submit(r);
  const Json& turn = b.chat_template->asked.messages[1];
  EXPECT_EQ(turn["reasoning_content"], "Hm");
  EXPECT_EQ(turn["tool_calls"][0]["function"]["arguments"], Json({{"x", 100.0}}))
      << "as this template takes them";
}

std::vector<int32_t> ids_in(const Bench& b, int from, int count) {
  const auto& ids = b.engine->submitted.back().request.prompt;
  const auto at = std::ranges::find(ids, from);
  return {at, at + std::min<ptrdiff_t>(count, ids.end() - at)};
}

// Tokens that no encoding of their text gives, unusual spacing, and a forced beginning: the next prompt has
// the sampled tokens, one by one.
TEST(EngineBackend, ATurnStandsInTheNextPromptAsItWasSampled) {
  for (const bool forced : {false, true}) {
    for (const auto end : {engine::Finish::stop, engine::Finish::length}) {
      Bench b(text::OutputSyntax::dsml, 1000);
      api::Request r = chat("q");
      r.tools = {{"f", Json{{"name", "f"}}}};
      if (forced) r.tool_choice = {api::ToolChoice::Mode::required, ""};
      b.submit(r);
      const std::string opening = "\n\n<｜DSML｜tool_calls>\n";
      const std::string call =
          "<｜DSML｜invoke name=\"f\">\n<｜DSML｜parameter name=\"x\" string=\"false\">[1,  "
          "2]</｜DSML｜parameter>\n"
          "</｜DSML｜invoke>\n</｜DSML｜tool_calls>";
      speak(b, 0, {{1000, forced ? "" : "So." + opening}, {1001, call}}, end);
      const auto id = all_of<api::Event::CallBegun>(b.events).at(0).id;
      r.tool_choice = {};
      r.items.push_back({api::Role::assistant, {api::ToolCall{"call_" + id, "f", "{\"x\":[1,2]}"}}});
      if (!forced) r.items.back().parts.insert(r.items.back().parts.begin(), api::Text{"So."});
      r.items.push_back({api::Role::user, {api::ToolResult{"call_" + id, {{"ok"}}, false}}});
      b.submit(r);
      EXPECT_EQ(ids_in(b, 1000, 3), (std::vector<int32_t>{1000, 1001, ';'}));
      const std::string before = text_of(b.asked(1).prompt);
      EXPECT_EQ(before.find(opening) != before.npos, forced)
          << "what the prompt had begun is text there, too";
    }
  }
}

TEST(EngineBackend, ATurnWithoutCallsStandsAsItWasSampled) {
  Bench b(text::OutputSyntax::dsml, 1000);
  b.chat_template->in_reasoning = true;
  b.submit(chat("q"));
  speak(b, 0, {{1000, "Hm"}, {1001, "</think>"}, {1002, "Ye"}, {1003, "s"}}, engine::Finish::stop);
  api::Request r = chat("q");
  r.items.push_back({api::Role::assistant, {api::Text{"Yes"}}});
  r.items.push_back({api::Role::user, {api::Text{"more"}}});
  b.submit(r);
  EXPECT_EQ(ids_in(b, 1000, 5), (std::vector<int32_t>{1000, 1001, 1002, 1003, ';'}))
      << "all but the end token";
  r.items[1].parts = {api::Text{"No"}};
  b.submit(r);
  EXPECT_TRUE(ids_in(b, 1000, 1).empty()) << "a changed answer is the client's";
}

// A client cannot return what follows the cut.
TEST(EngineBackend, ACallThatWasCutDoesNotStand) {
  Bench b(text::OutputSyntax::dsml, 1000);
  api::Request r = with_tool("q");
  b.submit(r);
  speak(b, 0, {{1000, "So.\n\n<｜DSML｜tool_calls>\n<｜DSML｜invoke name=\"f\">\n<｜DSML｜param"}},
        engine::Finish::length);
  r.items.push_back({api::Role::assistant, {api::Text{"So."}}});
  b.submit(r);
  EXPECT_TRUE(ids_in(b, 1000, 1).empty());
}

TEST(EngineBackend, CallsThatCannotBeForcedAreRefused) {
  using Mode = api::ToolChoice::Mode;
  Bench v4(text::OutputSyntax::dsml);
  v4.chat_template->in_reasoning = true;
  v4.submit(with_tool("a", Mode::required));
  EXPECT_EQ(v4.fault().param, "tool_choice") << "not while it thinks";
  Bench other(text::OutputSyntax::plain);
  api::Request r = with_tool("a", Mode::named);
  other.submit(r);
  EXPECT_EQ(other.fault().kind, api::ApiError::Kind::unsupported);
}

TEST(EngineBackend, AForcedCallBeginsInThePrompt) {
  Bench b(text::OutputSyntax::dsml, 400);
  b.submit(with_tool("a", api::ToolChoice::Mode::named));
  EXPECT_TRUE(
      text_of(b.asked(0).prompt).ends_with("\n\n<｜DSML｜tool_calls>\n<｜DSML｜invoke name=\"f\">\n"));
  speak(b, 0, {"</｜DSML｜invoke>\n</｜DSML｜tool_calls>"}, engine::Finish::stop);
  EXPECT_EQ(all_of<api::Event::CallBegun>(b.events).at(0).name, "f");
  EXPECT_EQ(std::get<api::Event::Finished>(b.events.back().payload).why, api::Finish::tool_calls);
}

std::string content_of(const std::vector<api::Event>& events) {
  std::string all;
  for (const auto& d : all_of<api::Event::Delta>(events)) all += d.text;
  return all;
}

TEST(F02_TheRequestDecides, WhetherCallsAreRead) {
  const char* kCall = "<tool_call>{\"name\":\"f\",\"arguments\":{}}</tool_call>";
  const api::Request none = with_tool("a", api::ToolChoice::Mode::none);
  for (const api::Request& r : {chat("a"), none}) {
    Bench b(text::OutputSyntax::hermes);
    b.submit(r);
    speak(b, 0, {"<think>Hm</think>", kCall}, engine::Finish::stop);
    EXPECT_EQ(content_of(b.events), kCall);
    EXPECT_EQ(all_of<api::Event::Reasoned>(b.events).size(), 1u);
    EXPECT_TRUE(all_of<api::Event::CallBegun>(b.events).empty());
    EXPECT_EQ(std::get<api::Event::Finished>(b.events.back().payload).why, api::Finish::stop);
  }
  Bench b(text::OutputSyntax::hermes);
  b.submit(with_tool("a"));
  speak(b, 0, {"The tag <tool_call> ", kCall}, engine::Finish::stop);
  EXPECT_EQ(content_of(b.events), "The tag <tool_call> ");
  EXPECT_EQ(std::get<api::Event::Finished>(b.events.back().payload).why, api::Finish::tool_calls);
}

TEST(F09_CallsThatAreNotRead, ToolsAreRefusedAndNothingElse) {
  auto* chat_template = new PlainTemplate;
  chat_template->lists_tools = true;
  Bench b(chat_template, 40, {.id = "fake"});
  b.submit(with_tool("a"));
  EXPECT_EQ(b.fault().kind, api::ApiError::Kind::unsupported);
  EXPECT_EQ(b.fault().param, "tools");
  EXPECT_NE(b.fault().message.find("does not read"), std::string::npos) << b.fault().message;
  EXPECT_TRUE(std::holds_alternative<api::ApiError>(b.backend.count_tokens(with_tool("a"))));
  b.submit(chat("a"));
  b.submit(with_tool("a", api::ToolChoice::Mode::none));
  api::Request history = chat("a");
  history.items.push_back({api::Role::assistant, {api::ToolCall{"1", "f", "{}"}}});
  history.items.push_back({api::Role::user, {api::ToolResult{"1", {{"ok"}}}}});
  b.submit(history);
  EXPECT_EQ(b.engine->submitted.size(), 3u);
}

TEST(EngineBackend, ToolsThatTheTemplateDoesNotTakeAreRefused) {
  Bench b;
  b.submit(with_tool("a"));
  EXPECT_EQ(b.fault().kind, api::ApiError::Kind::unsupported);
  EXPECT_EQ(b.fault().param, "tools");
  b.submit(with_tool("a", api::ToolChoice::Mode::none));
  EXPECT_EQ(b.engine->submitted.size(), 1u);
}

TEST(EngineBackend, MannersOfTheServerReachTheTemplate) {
  Bench b(text::OutputSyntax::dsml, {.id = "fake", .reasoning = {.thinking = true, .effort = "max"}});
  b.submit(chat("a"));
  EXPECT_EQ(b.chat_template->asked.kwargs["thinking_mode"], "thinking");
  EXPECT_EQ(b.chat_template->asked.kwargs["reasoning_effort"], "max");
}

TEST(EngineBackend, EveryChoiceStartsBeforeAnyHasADelta) {
  Bench b;
  b.engine->at_once = [](int) { return token("x", 1); };
  b.submit({.prompts = {"a", "b"}});
  b.engine->join();
  ASSERT_EQ(b.events.size(), 4u);
  for (const int i : {0, 1}) EXPECT_TRUE(std::holds_alternative<api::Event::Started>(b.events[i].payload));
  for (const int i : {2, 3}) EXPECT_TRUE(std::holds_alternative<api::Event::Delta>(b.events[i].payload));
}

TEST(EngineBackend, AFullQueueRefusesTheWholeRequest) {
  Bench b;
  b.engine->room = 2;
  b.submit({.prompts = {"a", "b", "c"}});
  ASSERT_EQ(b.events.size(), 1u);
  EXPECT_EQ(b.fault().kind, api::ApiError::Kind::overloaded);
  EXPECT_TRUE(b.engine->submitted.empty());
}

// Text of each choice of a request, and how much of its prompt was there.
struct Answers {
  Answers(EngineBackend& backend, api::Request request) {
    const int choices = request.n;
    texts.resize(choices), cached.resize(choices);
    const auto done = std::make_shared<std::promise<void>>();
    (void)backend.submit(std::move(request), [this, done, open = choices](api::Event e) mutable {
      if (const auto* d = std::get_if<api::Event::Delta>(&e.payload)) texts[e.choice] += d->text;
      cached[e.choice] = e.usage.cached_tokens;
      if (std::holds_alternative<api::Event::Finished>(e.payload) && --open == 0) done->set_value();
    });
    done->get_future().wait();
  }
  std::vector<std::string> texts;
  std::vector<int64_t> cached;
};

TEST(EngineBackend, ChoicesComputeTheirPromptOnceAndAnswerAsIfAlone) {
  auto owned = engine::test_engine(engine::test_model("gemma3", engine::ref_chip()));
  engine::Engine& engine = *owned;
  EngineBackend backend(std::move(owned), byte_text(nullptr), {.id = "tiny"});
  api::Request r{.prompts = {engine::test_prompt(200, 1)}, .n = 4};
  r.sampling.temperature = 1, r.sampling.seed = 7;
  r.max_tokens = 9;
  r.ignore_end = true;
  const Answers together(backend, r);
  EXPECT_EQ(engine.stats().prompt_tokens, 200u + 3 * 72);
  EXPECT_EQ(together.cached, (std::vector<int64_t>{0, 128, 128, 128}));
  r.n = 1;
  for (uint64_t i = 0; i < 4; ++i) {
    r.sampling.seed = 7 + i * 0x9e3779b97f4a7c15;
    EXPECT_EQ(Answers(backend, r).texts[0], together.texts[i]) << "choice " << i;
  }
}

TEST(EngineBackend, AFailureEndsTheWholeRequest) {
  Bench b;
  b.submit({.prompts = {"a", "b"}});
  engine::Event e;
  e.finish = engine::Finish::failed;
  e.error = Error{Code::internal, "a step failed"};
  b.say(0, e);
  EXPECT_EQ(b.fault().kind, api::ApiError::Kind::internal);
  EXPECT_EQ(b.engine->submitted[1].finished, engine::Finish::cancelled);
}

TEST(EngineBackend, CancelReachesEveryChoice) {
  Bench b;
  const auto request = b.submit({.prompts = {"a"}, .n = 2});
  request.cancel();
  request.cancel();
  for (const auto& s : b.engine->submitted) EXPECT_EQ(s.finished, engine::Finish::cancelled);
  engine::Event e;
  e.finish = engine::Finish::cancelled;
  b.say(0, e);
  EXPECT_EQ(std::get<api::Event::Finished>(b.events.back().payload).why, api::Finish::cancelled);
}

TEST(EngineBackend, EchoScoresThePrompt) {
  Bench b;
  b.submit({.prompts = {"hey"}, .max_tokens = 0, .echo = true, .logprobs = 1});
  EXPECT_TRUE(b.asked(0).prompt_logprobs);
  engine::Event e;
  for (const char c : {'h', 'e', 'y'}) e.prompt.push_back({{c, -float(c)}, {{'z', -1}}});
  e.finish = engine::Finish::length;
  b.say(0, e);
  const auto& d = std::get<api::Event::Delta>(b.events.at(1).payload);
  EXPECT_TRUE(d.prompt);
  EXPECT_EQ(d.text, "hey");
  ASSERT_EQ(d.logprobs.size(), 4u) << "<b> and three bytes";
  EXPECT_FALSE(d.logprobs[0].scored);
  EXPECT_EQ(d.logprobs[1].bytes, "h");
  EXPECT_EQ(d.logprobs[1].logprob, -float('h'));
  EXPECT_EQ(d.logprobs[1].top[0].bytes, "z");
  EXPECT_EQ(d.logprobs[3].text_at, 2u);
  EXPECT_EQ(std::get<api::Event::Finished>(b.events.at(2).payload).why, api::Finish::length);
}

TEST(EngineBackend, EchoedTokensLieWhereTheirTextIs) {
  Bench b;
  b.submit({.prompts = {"a<b>c"}, .parse_special = true, .max_tokens = 0, .echo = true, .logprobs = 0});
  engine::Event e;
  e.prompt.resize(3);
  e.finish = engine::Finish::length;
  b.say(0, e);
  std::vector<size_t> at;
  for (const auto& t : std::get<api::Event::Delta>(b.events.at(1).payload).logprobs) at.push_back(t.text_at);
  EXPECT_EQ(at, (std::vector<size_t>{0, 0, 1, 4})) << "the first <b> was added and is not in the text";
}

TEST(EngineBackend, EchoOfIdsIsTheirText) {
  Bench b;
  b.submit({.prompts = {std::vector<int32_t>{256, 'o', 'k'}}, .echo = true});
  b.say(0, token("!", 1));
  EXPECT_EQ(std::get<api::Event::Delta>(b.events.at(1).payload).text, "ok");
  EXPECT_EQ(std::get<api::Event::Delta>(b.events.at(2).payload).text, "!");
}

TEST(EngineBackend, CountsTokens) {
  const Bench b;
  EXPECT_EQ(std::get<int64_t>(b.backend.count_tokens(chat("a"))), 9);
}

TEST(SamplingDefaults, ComeFromTheCheckpoint) {
  const auto folder = std::filesystem::path(testing::TempDir()) / "autark_sampling_defaults";
  std::filesystem::create_directories(folder);
  const auto with = [&](const char* text) {
    FILE* f = std::fopen((folder / "generation_config.json").c_str(), "w");
    std::fputs(text, f);
    std::fclose(f);
    return sampling_defaults(folder);
  };
  const auto s = with(R"({"temperature":0.7,"top_k":20,"top_p":0.8,"repetition_penalty":1.1})");
  EXPECT_EQ(s.temperature, 0.7f);
  EXPECT_EQ(s.top_k, 20);
  EXPECT_EQ(with(R"({"temperature":"hot","top_p":9,"top_k":-5})").top_p, 1);
  EXPECT_EQ(with("[").temperature, 1);
  std::filesystem::remove_all(folder);
  EXPECT_EQ(sampling_defaults(folder / "gone.gguf").temperature, 1);
}

const Error kChanged{Code::io, "the file 'm' was truncated"};

TEST(F11_EngineBackend, AChangedModelIsAFaultOfItsOwn) {
  Bench before, at_submit, during;
  before.engine->broken = kChanged;
  before.submit(chat("a"));
  EXPECT_TRUE(before.engine->submitted.empty());
  at_submit.engine->refusal = kChanged;
  at_submit.submit(chat("a"));
  during.submit(chat("a"));
  during.say(0, token("x", 1));
  engine::Event end;
  end.finish = engine::Finish::failed;
  end.error = kChanged;
  during.say(0, end);
  for (const Bench* b : {&before, &at_submit, &during}) {
    EXPECT_EQ(b->fault().kind, api::ApiError::Kind::unavailable);
    EXPECT_EQ(b->fault().code, "model_changed");
    EXPECT_EQ(b->fault().message, kChanged.message);
  }
  EXPECT_EQ(before.backend.fault()->code, "model_changed");
  EXPECT_FALSE(during.backend.fault());
}

TEST(EngineBackend, TheQueueHearsTierPriorityAndPatience) {
  Bench b;
  api::Request r = chat("a");
  r.tier = api::Tier::flex, r.priority = -3, r.seconds_max = 2.5;
  b.submit(r);
  EXPECT_EQ(b.asked(0).service.tier, engine::ServiceClass::flex);
  EXPECT_EQ(b.asked(0).service.priority, -3);
  EXPECT_EQ(b.asked(0).service.seconds_max, 2.5);
  r.tier = api::Tier::priority;
  b.submit(r);
  EXPECT_EQ(b.asked(1).service.tier, engine::ServiceClass::priority);
}

TEST(EngineBackend, ADeadlineIsAFaultOfItsOwn) {
  Bench b;
  b.submit(chat("a"));
  b.say(0, token("x", 1));
  engine::Event e;
  e.finish = engine::Finish::deadline;
  b.say(0, e);
  EXPECT_EQ(b.fault().kind, api::ApiError::Kind::timeout);
}

TEST(EngineBackend, TellsThePlaceWhileTheEngineHasOne) {
  Bench b;
  b.engine->place = engine::QueuePlace{.position = 3, .waited_ms = 10, .expected_ms = 1800};
  const auto handle = b.submit(chat("a"));
  ASSERT_TRUE(handle.place && handle.place());
  EXPECT_EQ(handle.place()->position, 3);
  EXPECT_EQ(handle.place()->wait_ms, 1800);
  b.engine->place.reset();
  EXPECT_FALSE(handle.place());
}

}  // namespace
}  // namespace autark::serve
