// Goal: fields shared by the dialects are read as clients mean them. Method: each value in each dialect that
// has the field, against the expected request or the field's name in the fault.
#include "api/openai_fields.h"
#include "api/testing.h"

namespace autark::api {
namespace {

constexpr const char* kHi = R"("messages":[{"role":"user","content":"hi"}])";

ApiResult<Request> chat(const std::string& field) {
  return openai_chat().decode(json_of("{" + field + kHi + "}"));
}
ApiResult<Request> completions(const std::string& field) {
  return openai_completions().decode(json_of("{" + field + R"("prompt":"a"})"));
}
ApiResult<Request> claude(const std::string& field) {
  return anthropic_messages().decode(json_of(R"({"max_tokens":1,)" + field + kHi + "}"));
}
ApiResult<Request> counted(const std::string& field) {
  return decode_count_tokens(json_of("{" + field + kHi + "}"));
}

TEST(F07_Seed, MinusOneIsNone) {
  for (const auto& decode : {chat, completions}) {
    for (const char* none : {"-1", "-1.0", "null"})
      EXPECT_FALSE(decoded(decode(R"("seed":)" + std::string(none) + ",")).sampling.seed) << none;
    const std::pair<const char*, int64_t> real[] = {
        {"0", 0}, {"7", 7}, {"-2", -2}, {"4294967295", 4294967295}, {"-9223372036854775808", INT64_MIN}};
    for (const auto& [text, seed] : real)
      EXPECT_EQ(decoded(decode(R"("seed":)" + std::string(text) + ",")).sampling.seed, uint64_t(seed))
          << text;
    EXPECT_EQ(fault_of(decode(R"("seed":"-1",)")).param, "seed");
  }
}

TEST(Service, TierAndPriority) {
  for (const auto& decode : {chat, completions, claude}) {
    const std::pair<const char*, Tier> tiers[] = {{"priority", Tier::priority},
                                                  {"flex", Tier::flex},
                                                  {"batch", Tier::flex},
                                                  {"auto", Tier::standard},
                                                  {"standard_only", Tier::standard},
                                                  {"of-later", Tier::standard}};
    for (const auto& [name, tier] : tiers)
      EXPECT_EQ(decoded(decode(R"("service_tier":")" + std::string(name) + R"(",)")).tier, tier) << name;
    EXPECT_EQ(decoded(decode("")).tier, Tier::standard);
    EXPECT_EQ(decoded(decode(R"("priority":-7,)")).priority, -7);
    EXPECT_EQ(fault_of(decode(R"("priority":1e12,)")).param, "priority");
    EXPECT_EQ(fault_of(decode(R"("service_tier":1,)")).param, "service_tier");
  }
}

TEST(D1_Limit, MinusOneIsAsMuchAsFits) {
  for (const char* field : {"max_tokens", "max_completion_tokens"})
    for (const auto& decode : {chat, completions}) {
      const std::string name = "\"" + std::string(field) + "\":";
      EXPECT_FALSE(decoded(decode(name + "-1,")).max_tokens) << field;
      EXPECT_FALSE(decoded(decode(name + "-1.0,")).max_tokens) << field;
      EXPECT_EQ(decoded(decode(name + "3,")).max_tokens, 3) << field;
      for (const char* wrong : {"-2", "-1.5", "-9223372036854775808", "-99999999999999999999", "\"-1\""})
        EXPECT_EQ(fault_of(decode(name + wrong + ",")).param, field) << wrong;
    }
  EXPECT_EQ(decoded(completions("")).max_tokens, 16);
  EXPECT_FALSE(decoded(chat(R"("max_tokens":5,"max_completion_tokens":-1,)")).max_tokens)
      << "the new name wins";
  EXPECT_EQ(decoded(chat(R"("max_tokens":-1,"max_completion_tokens":5,)")).max_tokens, 5);
  EXPECT_EQ(
      fault_of(anthropic_messages().decode(json_of(R"({"max_tokens":-1,)" + std::string(kHi) + "}"))).param,
      "max_tokens");
}

TEST(G2_EmptyTexts, AreNoModelAndNoEffort) {
  for (const auto& decode : {chat, completions, claude, counted}) {
    EXPECT_EQ(fault_of(decode(R"("model":"",)")).param, "model");
    EXPECT_EQ(decoded(decode(R"("model":null,)")).model, "");
    EXPECT_EQ(decoded(decode(R"("model":"m",)")).model, "m");
  }
  EXPECT_EQ(fault_of(chat(R"("reasoning_effort":"",)")).param, "reasoning_effort");
  decoded(chat(R"("reasoning_effort":null,)"));
  for (const auto& decode : {claude, counted}) {
    EXPECT_EQ(fault_of(decode(R"("output_config":{"effort":""},)")).param, "output_config.effort");
    decoded(decode(R"("output_config":{"effort":null},)"));
  }
}

// Metadata of `pairs` pairs. One pair has a key and a value of the given lengths in two-byte characters.
std::string metadata(int pairs, int key, int value) {
  Json all = Json::object();
  const auto letters = [](int n) {
    std::string text;
    while (n-- > 0) text += "é";
    return text;
  };
  all[letters(key)] = letters(value);
  for (int i = 1; i < pairs; ++i) all[std::to_string(i)] = "";
  return R"("metadata":)" + dump_json(all) + ",";
}

TEST(G3_Metadata, HasOpenAisLimits) {
  for (const std::string& good :
       {metadata(16, 64, 512), std::string(R"("metadata":{},)"), std::string(R"("metadata":null,)")})
    decoded(chat(good));
  const std::pair<std::string, std::string> bad[] = {
      {metadata(17, 1, 1), "metadata"},
      {metadata(1, 65, 1), "metadata"},
      {metadata(1, 1, 513), "metadata.é"},
      {R"("metadata":{"a":1},)", "metadata.a"},
      {R"("metadata":{"a":null},)", "metadata.a"},
      {R"("metadata":{"a":18446744073709551616},)", "metadata.a"},
      {R"("metadata":["a"],)", "metadata"},
      {R"("metadata":"a",)", "metadata"}};
  for (const auto& [field, param] : bad) EXPECT_EQ(fault_of(chat(field)).param, param) << field;
}

TEST(G4_Unbuilt, FieldsAreRefusedByName) {
  const std::pair<const char*, const char*> bad[] = {{"prompt_logprobs", "0"},
                                                     {"bad_words", R"(["a"])"},
                                                     {"length_penalty", "0.9"},
                                                     {"truncate_prompt_tokens", "5"},
                                                     {"documents", R"([{"a":"b"}])"},
                                                     {"allowed_token_ids", "[1]"},
                                                     {"logits_processors", R"(["a"])"},
                                                     {"grammar", R"("root ::= a")"},
                                                     {"json_schema", R"({"type":"object"})"},
                                                     {"regex", R"("a+")"},
                                                     {"use_beam_search", "true"},
                                                     {"chat_template", R"("{{ messages }}")"},
                                                     {"return_tokens_as_token_ids", "true"},
                                                     {"lora", R"([{"id":0}])"},
                                                     {"typical_p", "0.9"},
                                                     {"mirostat", "2"},
                                                     {"dry_multiplier", "0.8"},
                                                     {"xtc_probability", "0.5"},
                                                     {"dynatemp_range", "0.5"},
                                                     {"top_n_sigma", "1"},
                                                     {"n_probs", "5"},
                                                     {"tfs_z", "0.95"}};
  for (const auto& [field, value] : bad)
    for (const auto& decode : {chat, completions}) {
      const ApiError f = fault_of(decode("\"" + std::string(field) + "\":" + value + ","));
      EXPECT_EQ(f.param, field);
      EXPECT_EQ(f.kind, ApiError::Kind::unsupported) << field;
    }
}

TEST(G4_Unbuilt, WhatSaysNothingPasses) {
  const char* neutral =
      R"("prompt_logprobs":null,"bad_words":[],"length_penalty":1.0,"truncate_prompt_tokens":null,
    "documents":[],"best_of":1,"grammar":"","json_schema":{},"use_beam_search":false,"typical_p":1,"mirostat":0,
    "mirostat_mode":0,"dry_multiplier":0.0,"xtc_probability":0,"dynatemp_range":0,"top_n_sigma":-1,"n_probs":0,
    "tfs_z":1,"top_a":0,"smoothing_factor":0,"lora":[],)";
  for (const auto& decode : {chat, completions}) {
    const Request r = decoded(decode(neutral));
    EXPECT_TRUE(r.ignored.empty()) << r.ignored.front();
  }
  decoded(chat(R"("n":3,"best_of":3,)"));
  EXPECT_EQ(fault_of(chat(R"("n":3,"best_of":2,)")).kind, ApiError::Kind::invalid);
  EXPECT_EQ(fault_of(chat(R"("best_of":2,)")).kind, ApiError::Kind::unsupported);
}

TEST(OpenAiFields, TheOtherNameOfTheRepetitionPenalty) {
  EXPECT_EQ(decoded(chat(R"("repeat_penalty":1.2,)")).sampling.repetition_penalty, 1.2);
  EXPECT_EQ(decoded(chat(R"("repeat_penalty":1.2,"repetition_penalty":1.1,)")).sampling.repetition_penalty,
            1.1);
}

TEST(OpenAiFields, TheUserOfMetadataIsALabelInEveryDialect) {
  for (const auto& decode : {chat, completions}) {
    EXPECT_EQ(decoded(decode(R"("metadata":{"user_id":"ada"},)")).user, "ada");
    EXPECT_EQ(decoded(decode(R"("user":"bob","metadata":{"user_id":"ada"},)")).user, "bob");
  }
  EXPECT_EQ(decoded(completions(R"("metadata":7,)")).user, "") << "Completions has no metadata of its own";
}

TEST(OpenAiFields, AStreamWithDiagnosticsHasItsUsage) {
  for (const auto& decode : {chat, completions}) {
    EXPECT_TRUE(decoded(decode(R"("stream":true,"cache_diagnostics":true,)")).include_usage);
    EXPECT_FALSE(decoded(decode(R"("stream":true,"cache_diagnostics":false,)")).include_usage);
  }
}

// A number of any length is refused by every field that takes a string.
TEST(G1_LongIntegers, AreAWrongTypeForEveryText) {
  const std::pair<const char*, const char*> of_chat[] = {
      {R"("model":#,)", "model"},
      {R"("user":#,)", "user"},
      {R"("user_id":#,)", "user_id"},
      {R"("stop":#,)", "stop"},
      {R"("stop":["a",#],)", "stop"},
      {R"("reasoning_effort":#,)", "reasoning_effort"},
      {R"("tool_choice":#,)", "tool_choice"},
      {R"("response_format":#,)", "response_format"},
      {R"("tools":[{"type":"function","function":{"name":#}}],)", "tools[0].function.name"},
      {R"("tools":[{"type":#,"function":{"name":"f"}}],)", "tools[0].type"},
      {R"("tools":[{"function":{"name":"f","description":#}}],)", "tools[0].function.description"}};
  const std::pair<const char*, const char*> of_messages[] = {
      {R"({"role":"user","content":#})", "messages[0].content"},
      {R"({"role":#,"content":"a"})", "messages[0].role"},
      {R"({"role":"user","content":[#]})", "messages[0].content[0]"},
      {R"({"role":"user","content":[{"type":"text","text":#}]})", "messages[0].content[0].text"},
      {R"({"role":"assistant","content":"a","reasoning_content":#})", "messages[0].reasoning_content"},
      {R"({"role":"tool","content":"a","tool_call_id":#})", "messages[0].tool_call_id"},
      {R"({"role":"assistant","tool_calls":[{"id":#,"function":{"name":"f"}}]})",
       "messages[0].tool_calls[0].id"}};
  const std::pair<const char*, const char*> of_completions[] = {
      {R"({"prompt":#,"max_tokens":0,"echo":true})", "prompt"},
      {R"({"prompt":["a",#]})", "prompt"},
      {R"({"prompt":[#]})", "prompt"},
      {R"({"prompt":[[#]]})", "prompt"},
      {R"({"prompt":[1,#]})", "prompt"},
      {R"({"prompt":"a","suffix":#})", "suffix"}};
  const std::pair<const char*, const char*> of_claude[] = {
      {R"("system":#,)", "system"},
      {R"("system":[{"type":"text","text":#}],)", "system.0.text"},
      {R"("stop_sequences":[#],)", "stop_sequences"},
      {R"("metadata":{"user_id":#},)", "metadata.user_id"},
      {R"("tools":[{"name":#,"input_schema":{}}],)", "tools.0.name"},
      {R"("output_config":{"effort":#},)", "output_config.effort"}};
  for (const char* digits :
       {"18446744073709551616", "-9223372036854775809", "123456789012345678901234567890"}) {
    const auto filled = [&](std::string text) { return text.replace(text.find('#'), 1, digits); };
    for (const auto& [body, param] : of_chat) EXPECT_EQ(fault_of(chat(filled(body))).param, param) << body;
    for (const auto& [message, param] : of_messages)
      EXPECT_EQ(
          fault_of(openai_chat().decode(json_of(filled(R"({"messages":[)" + std::string(message) + "]}"))))
              .param,
          param)
          << message;
    for (const auto& [body, param] : of_completions)
      EXPECT_EQ(fault_of(openai_completions().decode(json_of(filled(body)))).param, param) << body;
    for (const auto& [body, param] : of_claude)
      for (const auto& decode : {claude, counted})
        EXPECT_EQ(fault_of(decode(filled(body))).param, param) << body;
  }
}

TEST(G1_LongIntegers, PassWhereAnythingMayStand) {
  const Request r = decoded(chat(
      R"("tools":[{"type":"function","function":{"name":"f","parameters":{"maximum":18446744073709551616}}}],)"));
  EXPECT_EQ(dump_json(r.tools.at(0).function["parameters"]), R"({"maximum":18446744073709551616})");
}

}  // namespace
}  // namespace autark::api
