// Goal: the Completions dialect decodes requests and encodes answers, as evaluation harnesses use it. Method:
// bodies as clients send them; scripted events against exact JSON; the joined stream against the whole body.
#include "api/openai_fields.h"
#include "api/testing.h"

namespace autark::api {
namespace {

ApiResult<Request> decode(std::string_view body) {
  return openai_completions().decode(json_of(body));
}

TEST(OpenAiCompletions, ReadsEveryKindOfPrompt) {
  using Ids = std::vector<int32_t>;
  EXPECT_EQ(std::get<std::string>(decoded(decode(R"({"prompt":"a"})")).prompts.at(0)), "a");
  EXPECT_EQ(decoded(decode(R"({"prompt":["a","b"]})")).prompts.size(), 2u);
  EXPECT_EQ(std::get<Ids>(decoded(decode(R"({"prompt":[1,2]})")).prompts.at(0)), (Ids{1, 2}));
  const Request batch =
      decoded(decode(R"({"prompt":[[1,2],[3]],"echo":true,"logprobs":1,"max_tokens":1,"seed":1234,
                                           "temperature":0})"));
  EXPECT_EQ(std::get<Ids>(batch.prompts.at(1)), Ids{3});
  EXPECT_TRUE(batch.echo);
  EXPECT_EQ(batch.logprobs, 1);
  EXPECT_EQ(batch.max_tokens, 1);
}

TEST(OpenAiCompletions, Defaults) {
  const Request r = decoded(decode(R"({"prompt":"a"})"));
  EXPECT_EQ(r.max_tokens, 16);
  EXPECT_EQ(r.logprobs, -1);
  EXPECT_TRUE(r.add_special);
  EXPECT_EQ(
      decoded(decode(R"({"prompt":"a","max_tokens":0,"echo":true,"best_of":1,"suffix":null})")).max_tokens,
      0);
}

TEST(F01_SpecialTokens, OfATextPromptAreSpecialUnlessToldOtherwise) {
  const std::pair<const char*, bool> bodies[] = {
      {R"({"prompt":"<b>"})", true},
      {R"({"prompt":["<b>","a"],"stream":true,"echo":true})", true},
      {R"({"prompt":"<b>","parse_special":null})", true},
      {R"({"prompt":"<b>","parse_special":true})", true},
      {R"({"prompt":"<b>","parse_special":false})", false}};
  for (const auto& [body, special] : bodies) EXPECT_EQ(decoded(decode(body)).parse_special, special) << body;
  EXPECT_EQ(fault_of(decode(R"({"prompt":"a","parse_special":0})")).param, "parse_special");
}

TEST(OpenAiCompletions, ReadsASuffix) {
  EXPECT_EQ(decoded(decode(R"({"prompt":"a","suffix":"b"})")).suffix, "b");
  EXPECT_FALSE(decoded(decode(R"({"prompt":"a","suffix":""})")).suffix);
}

TEST(OpenAiCompletions, TheBestAreThoseWithTheHighestMean) {
  const Request r = decoded(decode(R"({"prompt":["a","b"],"n":1,"best_of":3})"));
  EXPECT_EQ(r.n, 3);
  EXPECT_EQ(r.logprobs, 0) << "they are needed, and not shown";
  Envelope e = envelope();
  e.n = 3;
  e.choices = 6;
  e.logprobs = r.logprobs;
  e.repeated = r.repeated;
  const auto scored = [](double logprob) {
    TokenLogprob t;
    t.token = t.bytes = "t";
    t.logprob = logprob;
    return t;
  };
  const std::vector<std::vector<double>> logprobs{{-1}, {-3, -0.1, -0.1}, {-2}, {-5}, {-4}, {-4}};
  std::vector<Event> events;
  for (int i = 0; i < 6; ++i) events.push_back(started(i, 2));
  for (int i = 0; i < 6; ++i) {
    Event::Delta d{std::to_string(i), {}};
    for (const double p : logprobs[i]) d.logprobs.push_back(scored(p));
    events.push_back({i, std::move(d), {2, 0, 1}});
    events.push_back(finished(i, Finish::stop, 2, 1));
  }
  const Json body = whole(openai_completions(), e, events);
  ASSERT_EQ(body["choices"].size(), 2u);
  EXPECT_EQ(body["choices"][0]["text"], "0");
  EXPECT_EQ(body["choices"][1]["text"], "4") << "of equal ones the first";
  EXPECT_EQ(body["choices"][1]["index"], 1);
  EXPECT_TRUE(body["choices"][0]["logprobs"].is_null());
  EXPECT_EQ(body["usage"]["completion_tokens"], 6) << "all that was computed";
}

TEST(OpenAiCompletions, RefusesByName) {
  const std::pair<const char*, const char*> bad[] = {
      {R"({})", "prompt"},
      {R"({"prompt":[]})", "prompt"},
      {R"({"prompt":{}})", "prompt"},
      {R"({"prompt":[1,"a"]})", "prompt"},
      {R"({"prompt":[1,-2]})", "prompt"},
      {R"({"prompt":[1,2.5]})", "prompt"},
      {R"({"prompt":[4294967296]})", "prompt"},
      {R"({"prompt":["a",[]]})", "prompt"},
      {R"({"prompt":["a","b"],"n":65})", "prompt"},
      {R"({"prompt":"a","max_tokens":0})", "max_tokens"},
      {R"({"prompt":"a","logprobs":true})", "logprobs"},
      {R"({"prompt":"a","logprobs":21})", "logprobs"},
      {R"({"prompt":"a","suffix":"b","echo":true})", "suffix"},
      {R"({"prompt":"a","suffix":1})", "suffix"},
      {R"({"prompt":"a","best_of":2,"stream":true})", "best_of"},
      {R"({"prompt":"a","best_of":2,"echo":true})", "best_of"},
      {R"({"prompt":"a","best_of":129})", "best_of"},
      {R"({"prompt":"a","n":3,"best_of":2})", "best_of"},
  };
  for (const auto& [body, param] : bad) EXPECT_EQ(fault_of(decode(body)).param, param) << body;
}

// Two prompts with echo. One token is half a character; one chosen token is not among the most likely.
std::vector<Event> scored() {
  Event echo0{0, Event::Delta{"né!", {}, true}, {3, 0, 0}};
  std::get<Event::Delta>(echo0.payload).logprobs = {{{"n", "n", 0}, {}, false, 0},
                                                    {{"é", "é", -1}, {{"e", "e", -0.5}}, true, 1},
                                                    {{"!", "!", -2}, {{"!", "!", -2}}, true, 3}};
  Event echo1{1, Event::Delta{"a", {{{"a", "a", 0}, {}, false, 0}}, true}, {1, 0, 0}};
  Event half{0, Event::Delta{"", {{{"\xef\xbf\xbd", "\xe4\xbd", -3}, {}, true, 0}}, false}, {3, 0, 1}};
  Event rest{0, Event::Delta{"你", {{{"\xef\xbf\xbd", "\xa0", -4}, {}, true, 0}}, false}, {3, 0, 2}};
  return {started(0, 3),
          started(1, 1),
          echo0,
          echo1,
          half,
          rest,
          finished(1, Finish::stop, 1, 0),
          finished(0, Finish::stop_sequence, 3, 2, "x")};
}

TEST(OpenAiCompletions, ScoresAPrompt) {
  Envelope e = envelope();
  e.choices = 2;
  e.logprobs = 1;
  const Json body = whole(openai_completions(), e, scored());
  EXPECT_EQ(
      dump_json(body["choices"][0]),
      R"({"index":0,"text":"né!你","logprobs":{"tokens":["n","é","!","bytes:\\xe4\\xbd","bytes:\\xa0"],"token_logprobs":[null,-1.0,-2.0,-3.0,-4.0],"top_logprobs":[null,{"e":-0.5,"é":-1.0},{"!":-2.0},{"bytes:\\xe4\\xbd":-3.0},{"bytes:\\xa0":-4.0}],"text_offset":[0,1,2,3,3]},"finish_reason":"stop"})");
  EXPECT_EQ(dump_json(body["choices"][1]["logprobs"]),
            R"({"tokens":["a"],"token_logprobs":[null],"top_logprobs":[null],"text_offset":[0]})");
  EXPECT_EQ(body["usage"]["prompt_tokens"], 4) << "two prompts";
}

TEST(OpenAiCompletions, StreamJoinedIsTheBody) {
  Envelope e = envelope();
  e.choices = 2;
  e.logprobs = 1;
  e.include_usage = true;
  const Json body = whole(openai_completions(), e, scored());
  std::string text[2];
  Json lists[2] = {Json::object(), Json::object()}, usage;
  for (const Json& f : frames(openai_completions(), e, scored())) {
    if (!f["usage"].is_null()) usage = f["usage"];
    if (f["choices"].empty()) continue;
    const Json& c = f["choices"][0];
    text[int(c["index"])] += c["text"];
    if (c["logprobs"].is_null()) continue;
    for (const auto& [name, list] : c["logprobs"].items())
      for (const Json& v : list) lists[int(c["index"])][name].push_back(v);
  }
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(body["choices"][i]["text"], text[i]);
    EXPECT_EQ(body["choices"][i]["logprobs"], lists[i]);
  }
  EXPECT_EQ(body["usage"], usage);
}

TEST(OpenAiCompletions, StreamsTheseBytes) {
  EXPECT_EQ(
      played(openai_completions(), envelope(),
             {started(0, 3), delta(0, "x", 3, 1), finished(0, Finish::stop, 3, 1)}),
      R"(data: {"id":"cmpl-1","object":"text_completion","created":7,"model":"m","choices":[{"index":0,"text":"x","logprobs":null,"finish_reason":null}],"system_fingerprint":"fp"}

data: {"id":"cmpl-1","object":"text_completion","created":7,"model":"m","choices":[{"index":0,"text":"","logprobs":null,"finish_reason":"stop"}],"system_fingerprint":"fp"}

data: [DONE]

)");
}

}  // namespace
}  // namespace autark::api
