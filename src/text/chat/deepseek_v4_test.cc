// Goal: DeepSeek V4 prompts equal those of the official encoder, byte for byte and id for id, and a request
// that needs a missing text of the checkpoint is a clear error. Method: the golden prompts with placeholders;
// in full and as ids if the tokenizer and the texts are available; examples for cases that the goldens lack.
#include "text/chat/deepseek_v4.h"
#include <gtest/gtest.h>
#include <openssl/sha.h>
#include <unistd.h>
#include <fstream>
#include "text/chat/fixed_texts.h"
#include "text/chat/python_json.h"
#include "text/chat/source_literals.h"
#include "text/testing.h"

namespace autark::text {
namespace {

namespace fs = std::filesystem;

std::string sha256(std::string_view text) {
  unsigned char sum[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), sum);
  std::string hex;
  for (const unsigned char b : sum) hex += {"0123456789abcdef"[b >> 4], "0123456789abcdef"[b & 15]};
  return hex;
}

// Rows as text, because numbers in them must reach the encoder unchanged.
std::vector<PythonJson> golden_rows() {
  const std::string all = read_all(golden_file("deepseek-v4/prompts"));
  std::vector<PythonJson> rows;
  for (size_t at = 0, end; at < all.size(); at = end + 1) {
    end = std::min(all.find('\n', at), all.size());
    rows.push_back(PythonJson::parse(std::string_view(all).substr(at, end - at), "row").value());
  }
  return rows;
}

bool is_typed_markup(const std::string& name) {
  return name.find("user types") == 0 || name.find("with markup") != std::string::npos;
}

Result<Prompt> render(const ChatTemplate& chat, const PythonJson& row, bool placeholder) {
  std::string request = row.dump();
  if (placeholder) request.insert(1, R"("fixed": "placeholder", )");
  return chat.render_json(request);
}

TEST(DeepseekV4, RendersTheGoldensWithPlaceholders) {
  const auto chat = make_deepseek_v4({.where = "x"});
  int count = 0;
  for (const PythonJson& row : golden_rows()) {
    const std::string& name = row.find("name")->text();
    const auto prompt = render(*chat, row, true);
    ++count;
    if (const PythonJson* expected = row.find("expected")) {
      ASSERT_TRUE(prompt) << name << ": " << prompt.error().message;
      EXPECT_EQ(prompt->text, expected->find("text")->text()) << name;
    } else if (!row.find("note")) {
      EXPECT_FALSE(prompt) << name;
    } else {
      ASSERT_TRUE(prompt) << name << ": " << prompt.error().message;
      EXPECT_NE(prompt->text.find("<｜DSML｜parameter name=\"arguments\" string=\"false\">"),
                std::string::npos)
          << prompt->text;
    }
  }
  EXPECT_GE(count, 40);
}

TEST(DeepseekV4, RendersTheGoldensInFullAndAsIds) {
  const fs::path folder = tokenizer_folder("deepseek-v4");
  auto tokenizer = Tokenizer::open(folder);
  if (!tokenizer) GTEST_SKIP() << "no DeepSeek V4 tokenizer; run tests/fetch_tokenizers";
  auto chat = ChatTemplate::open(folder, tokenizer->get());
  ASSERT_TRUE(chat) << chat.error().message;
  EXPECT_EQ((*chat)->syntax(), OutputSyntax::dsml);
  int full = 0, total = 0;
  for (const PythonJson& row : golden_rows()) {
    const PythonJson* expected = row.find("expected");
    if (!expected) continue;
    ++total;
    const std::string& name = row.find("name")->text();
    const auto prompt = render(**chat, row, false);
    if (!prompt) {
      EXPECT_TRUE(*expected->find("fixed")) << name << ": " << prompt.error().message;
      continue;
    }
    ++full;
    EXPECT_EQ(sha256(prompt->text), expected->find("sha256")->text()) << name;
    EXPECT_EQ(!prompt->literal.empty(), is_typed_markup(name)) << name;
    auto ids = (*tokenizer)->encode(prompt->text, {.add_special = false, .parse_special = true});
    ASSERT_TRUE(ids);
    const std::string_view bytes(reinterpret_cast<const char*>(ids->data()), 4 * ids->size());
    EXPECT_EQ(sha256(bytes), expected->find("ids_sha256")->text()) << name;
  }
  if (full < total)
    GTEST_SKIP() << total - full << " of " << total << " prompts need texts that are not in "
                 << folder / "encoding";
}

std::string prompt_of(const std::string& request, std::string release = "0731") {
  static const auto chat =
      make_deepseek_v4({.where = "x", .spellings = {"<｜User｜>", "<think>", "｜DSML｜"}});
  std::string row = request;
  row.insert(1, "\"fixed\": \"placeholder\", \"release\": \"" + release + "\", ");
  const auto p = chat->render_json(row);
  if (!p) return "error: " + p.error().message;
  std::string text = p->text + (p->in_reasoning ? " (reasoning)" : "");
  for (const ByteRange& r : p->literal) text += " [" + p->text.substr(r.begin, r.end - r.begin) + "]";
  return text;
}

TEST(DeepseekV4, TakesWhatAServerGives) {
  const std::string user = R"({"messages": [{"role": "user", "content": "u"}])";
  EXPECT_EQ(prompt_of(user + R"(, "kwargs": {"enable_thinking": true}})"),
            "<｜begin▁of▁sentence｜><｜User｜>u<｜Assistant｜><think> (reasoning)");
  EXPECT_EQ(prompt_of(user + R"(, "kwargs": {"enable_thinking": false}})"),
            "<｜begin▁of▁sentence｜><｜User｜>u<｜Assistant｜></think>");
  EXPECT_EQ(prompt_of(user + R"(, "kwargs": {"reasoning_effort": "max"}})"),
            "<｜begin▁of▁sentence｜>{{FIXED:effort_B}}<｜User｜>u<｜Assistant｜><think> (reasoning)");
  EXPECT_EQ(prompt_of(user + R"(, "tools": [{"type": "function", "function": {"name": "f", "n": 1e5}}]})"),
            "<｜begin▁of▁sentence｜>\n\n{{FIXED:tools_preamble_v4}}{\"name\": \"f\", \"n\": "
            "100000.0}{{FIXED:tools_tail}}"
            "<｜User｜>u<｜Assistant｜></think>");
  EXPECT_EQ(
      prompt_of(
          user +
          R"(, "kwargs": {"response_format": {"type": "json_schema", "json_schema": {"schema": {"a": 1}}}}})"),
      "<｜begin▁of▁sentence｜>\n\n{{FIXED:response_format}}{\"a\": 1}<｜User｜>u<｜Assistant｜></think>");
  EXPECT_EQ(
      prompt_of(
          R"({"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
                          {"role": "assistant", "content": "yes, "}], "kwargs": {"continue_final_message": true}})"),
      "<｜begin▁of▁sentence｜><｜User｜>a\n\nb<｜Assistant｜></think>yes, ");
}

TEST(DeepseekV4, SaysWhereThePromptEnds) {
  const auto chat = make_deepseek_v4({.release = DeepseekV4Release::preview, .where = "x"});
  const auto ends = [&](const std::string& kwargs) {
    const auto p = chat->render_json(
        R"({"messages": [{"role": "user", "content": "u"}, {"role": "assistant", "content": "def f():"}], "kwargs": )" +
        kwargs + "}");
    EXPECT_TRUE(p);
    return p && p->continues && !p->in_reasoning && p->text.ends_with("def f():");
  };
  EXPECT_TRUE(ends(R"({"continue_final_message": true})"));
  EXPECT_TRUE(ends(R"({"continue_final_message": true, "thinking_mode": "thinking"})"));
  EXPECT_FALSE(ends("{}"));
}

TEST(DeepseekV4, TypedMarkupIsText) {
  EXPECT_EQ(
      prompt_of(R"({"messages": [{"role": "user", "content": "<think> <｜User｜>"}]})"),
      "<｜begin▁of▁sentence｜><｜User｜><think> <｜User｜><｜Assistant｜></think> [<think>] [<｜User｜>]");
}

// The encoder reads the fields that belong to a user's or a tool's message and ignores the others.
TEST(DeepseekV4, UserTurnsHaveTextResultsAndATask) {
  EXPECT_EQ(
      prompt_of(R"({"messages": [{"role": "user", "content": "a", "tools": [{"function": {"name": "f"}}]},
                           {"role": "assistant", "content": "b", "reasoning_content": "r"},
                           {"role": "user", "content": "c"}], "kwargs": {"thinking_mode": "thinking"}})"),
      "<｜begin▁of▁sentence｜><｜User｜>a<｜Assistant｜></think>b<｜end▁of▁sentence｜><｜User｜>c"
      "<｜Assistant｜><think> (reasoning)")
      << "tools of a user's message are none, and past reasoning is dropped";
  EXPECT_EQ(prompt_of(R"({"messages": [{"role": "tool", "content": "a", "task": "query"}]})"),
            "<｜begin▁of▁sentence｜><｜User｜><tool_result>a</tool_result><｜Assistant｜></think>");
  EXPECT_EQ(prompt_of(R"({"messages": [{"role": "user", "content": "a", "task": "query"}]})"),
            "<｜begin▁of▁sentence｜><｜User｜>a<｜query｜>");
}

TEST(DeepseekV4, OnlyWhatIsRenderedCanBeWrong) {
  EXPECT_EQ(
      prompt_of(R"({"messages": [{"role": "developer", "content": ""}, {"role": "user", "content": "u"}],
                           "kwargs": {"thinking_mode": "thinking"}})"),
      "<｜begin▁of▁sentence｜><｜User｜>u<｜Assistant｜><think> (reasoning)")
      << "an earlier developer turn is dropped";
  EXPECT_EQ(prompt_of(R"({"messages": [{"role": "developer", "content": ""}]})"),
            "error: a developer message is empty");
}

TEST(DeepseekV4, FieldsOfAnotherTypeAreNamed) {
  const std::string user = R"("messages": [{"role": "user", "content": "u"}])";
  const std::pair<const char*, const char*> wrong[] = {
      {R"("kwargs": [])", "kwargs must be an object"},
      {R"("kwargs": "thinking")", "kwargs must be an object"},
      {R"("vars": 3)", "vars must be an object"},
      {R"("now": 3)", "now must be a text"},
      {R"("tools": {})", "tools must be a list"},
      {R"("tools": false)", "tools must be a list"},
      {R"("tools": [3])", "tools of a message holds what is not an object"},
      {R"("kwargs": {"context": {}})", "context must be a list"},
      {R"("kwargs": {"response_format": "json"})", "response_format must be an object"}};
  for (const auto& [field, fault] : wrong)
    EXPECT_EQ(prompt_of("{" + user + ", " + field + "}"), "error: " + std::string(fault));
  EXPECT_EQ(prompt_of(R"({"messages": {}, "tools": [{"function": {"name": "f"}}]})"),
            "error: messages must be a list");
  EXPECT_EQ(prompt_of(R"({"tools": []})"), "error: messages is missing");
  EXPECT_EQ(prompt_of("{" + user + R"(, "kwargs": null, "vars": null, "tools": null, "now": null})"),
            "<｜begin▁of▁sentence｜><｜User｜>u<｜Assistant｜></think>");
}

TEST(DeepseekV4, FaultsSayWhatIsWrong) {
  const auto fault = [](const std::string& request) {
    const std::string p = prompt_of(request);
    return p.starts_with("error: ") ? p.substr(7) : "no error: " + p;
  };
  EXPECT_NE(
      fault(R"({"messages": [{"role": "user", "content": "u"}], "kwargs": {"reasoning_effort": "medium"}})")
          .find("low, high and max"),
      std::string::npos);
  for (const char* bad :
       {R"({"messages": 1})", R"({"messages": [1]})", R"({"messages": [{"role": "user", "content": 1}]})",
        R"({"messages": [{"content": "u"}]})",
        R"({"messages": [{"role": "system", "content": "u", "tools": 1}]})",
        R"({"messages": [{"role": "assistant", "tool_calls": [{}]}]})",
        R"({"messages": [], "kwargs": {"drop_thinking": "no"}})",
        R"({"messages": [], "kwargs": {"context": 3}})",
        R"({"messages": [{"role": "user", "content": "u"}], "kwargs": {"thinking_mode": 3}})"})
    EXPECT_EQ(fault(bad).find("no error"), std::string::npos) << bad << " " << fault(bad);
  const auto chat = make_deepseek_v4({.where = "/m"});
  const auto unsaid = chat->render_json(R"({"messages": []})");
  ASSERT_FALSE(unsaid);
  EXPECT_NE(unsaid.error().message.find("\"release\""), std::string::npos);
  const auto lacking = chat->render_json(
      R"({"release": "0731", "messages": [{"role": "user", "content": "u"}], "tools": [{"name": "f"}]})");
  ASSERT_FALSE(lacking);
  EXPECT_NE(lacking.error().message.find("encoding_dsv4.py"), std::string::npos) << lacking.error().message;
}

Conversation with_sampled(bool in_reasoning, const char* mode, bool drop,
                          const char* reasoning = "a b</think>") {
  SampledTurn sampled{.answer = {"\nc <｜User｜>", {30, 31}}, .in_reasoning = in_reasoning};
  if (in_reasoning) sampled.reasoning = {reasoning, {20, 21}};
  return {.messages = {{{"role", "user"}, {"content", "q"}},
                       {{"role", "assistant"}, {"content", "other"}},
                       {{"role", "user"}, {"content", "r"}}},
          .sampled = {std::nullopt, std::move(sampled)},
          .kwargs = {{"thinking_mode", mode}, {"drop_thinking", drop}}};
}

Prompt rendered(const Conversation& c) {
  static const auto chat = make_deepseek_v4({.release = DeepseekV4Release::preview,
                                             .where = "x",
                                             .spellings = {"<｜User｜>", "</think>", "｜DSML｜"}});
  auto p = chat->render(c);
  EXPECT_TRUE(p);
  return p ? *p : Prompt{};
}

// Sampled turns are in the prompt unchanged, with the sampled tokens.
TEST(DeepseekV4, LetsStandWhatTheModelWrote) {
  const auto answer = [](const Conversation& c) {
    const Prompt p = rendered(c);
    const size_t from = p.text.find("<｜Assistant｜>") + std::string("<｜Assistant｜>").size();
    std::string text = p.text.substr(from, p.text.find("<｜end▁of▁sentence｜>") - from);
    for (const SampledRange& s : p.sampled) {
      text += " [" + p.text.substr(s.bytes.begin, s.bytes.end - s.bytes.begin);
      for (const int32_t id : s.ids) text += " " + std::to_string(id);
      text += "]";
    }
    EXPECT_TRUE(p.literal.empty()) << "nobody typed it";
    return text;
  };
  const std::string kept = " [\nc <｜User｜> 30 31]";
  EXPECT_EQ(answer(with_sampled(true, "thinking", false)),
            "<think>a b</think>\nc <｜User｜> [a b</think> 20 21]" + kept);
  EXPECT_EQ(answer(with_sampled(true, "thinking", true)), "</think>\nc <｜User｜>" + kept)
      << "reasoning dropped";
  EXPECT_EQ(answer(with_sampled(false, "chat", true)), "</think>\nc <｜User｜>" + kept);
  EXPECT_EQ(answer(with_sampled(false, "thinking", false)), "<think></think>\nc <｜User｜>" + kept);
  EXPECT_EQ(answer(with_sampled(true, "thinking", true, "a b")), "</think>other")
      << "its reasoning has no end: the client's words";
  Conversation c = with_sampled(true, "thinking", false);
  c.sampled = {std::nullopt, std::nullopt, c.sampled[1]};
  EXPECT_EQ(answer(c), "<think></think>other") << "a user's turn was not sampled";
  c.sampled = {std::nullopt, SampledTurn{}};
  EXPECT_EQ(answer(c), "<think></think>other") << "there are no tokens";
}

// A system message that the encoder adds in front does not shift the sampled turns.
TEST(DeepseekV4, WhatWasSampledKeepsItsTurnBehindAnAddedMessage) {
  const auto chat = make_deepseek_v4(
      {.release = DeepseekV4Release::preview, .fixed = {{"response_format", "Format: "}}, .where = "x"});
  Conversation c = with_sampled(false, "chat", false);
  c.kwargs["response_format"] = {{"type", "json_object"}};
  const auto p = chat->render(c);
  ASSERT_TRUE(p) << p.error().message;
  EXPECT_NE(p->text.find("Format: {\"type\": \"json_object\"}<｜User｜>q"), std::string::npos) << p->text;
  ASSERT_EQ(p->sampled.size(), 1u);
  EXPECT_EQ(p->sampled[0].ids, (std::vector<int32_t>{30, 31}));
}

// One token for each byte, and for the two marks.
class Bytes final : public Tokenizer {
 public:
  Result<std::vector<int32_t>> encode(std::string_view text, EncodeOptions o) const override {
    std::vector<int32_t> ids;
    for (size_t i = 0; i < text.size(); ++i) {
      const bool literal = std::ranges::any_of(o.literal, [&](auto r) { return r.begin <= i && i < r.end; });
      const bool mark = !literal && text.substr(i).starts_with("<m>");
      ids.push_back(mark ? 256 : uint8_t(text[i]));
      if (mark) i += 2;
    }
    return ids;
  }
  int64_t size() const override { return 257; }
  std::string bytes_of(int32_t) const override { return {}; }
  bool is_special(int32_t) const override { return false; }
  std::optional<int32_t> id_of(std::string_view) const override { return {}; }
  std::optional<std::string> special_text(std::string_view) const override { return {}; }
  std::map<std::string, std::string, std::less<>> special_texts() const override { return {}; }
  std::vector<std::string> markup() const override { return {}; }
  std::vector<int32_t> end_tokens() const override { return {}; }
  std::unique_ptr<StreamDecoder> stream(bool) const override { return nullptr; }
};

TEST(Prompt, IdsAreTheTextsButWhereTheModelWrote) {
  Prompt p{.text = "<m><m>a<m>sampled<m>b<m>", .literal = {{3, 6}, {21, 24}}};
  const auto expected = [&](std::vector<int32_t> middle) {
    std::vector<int32_t> all = {256, '<', 'm', '>', 'a', 256};
    all.insert(all.end(), middle.begin(), middle.end());
    all.insert(all.end(), {256, 'b', '<', 'm', '>'});
    return all;
  };
  EXPECT_EQ(ids_of(p, Bytes()).value(), expected({'s', 'a', 'm', 'p', 'l', 'e', 'd'}));
  p.sampled = {{{10, 17}, {1000, 1001}}};
  EXPECT_EQ(ids_of(p, Bytes()).value(), expected({1000, 1001}));
  p.sampled = {{{10, 13}, {1000}}, {{13, 17}, {1001}}};
  EXPECT_EQ(ids_of(p, Bytes()).value(), expected({1000, 1001}));
}

TEST(DeepseekV4, ReplaysWhatWasSampled) {
  const auto chat = make_deepseek_v4({.release = DeepseekV4Release::r0731, .where = "x"});
  int same = 0;
  for (const Json& row : read_rows(golden_file("deepseek-v4/dsml"))) {
    if (row["source"] != "both" || row["end"] != "stop" || row.contains("invalid_json")) continue;
    const auto parser = make_output_parser(OutputSyntax::dsml, {.in_reasoning = row["mode"] == "thinking"});
    auto pieces = parser->push(row["text"].get<std::string>());
    for (auto& p : parser->finish(false)) pieces.push_back(std::move(p));
    const ParsedOutput out = gather(pieces);
    Json answer = {{"role", "assistant"}, {"content", out.content}, {"reasoning_content", out.reasoning}};
    bool is_regular = true;
    for (const ToolCall& c : out.tool_calls) {
      is_regular &= PythonJson::parse(c.arguments, "").value().dump() == c.arguments;
      answer["tool_calls"].push_back({{"function", {{"name", c.name}, {"arguments", c.arguments}}}});
    }
    if (!is_regular || row["name"] == "no arguments, no empty line" || row["name"] == "empty block") continue;
    const Json request = {{"messages", {{{"role", "user"}, {"content", "u"}}, answer}},
                          {"kwargs", {{"thinking_mode", row["mode"]}}}};
    const auto prompt = chat->render_json(dump_json(request));
    ASSERT_TRUE(prompt) << prompt.error().message;
    const std::string head = row["mode"] == "thinking" ? "<think>" : "</think>";
    EXPECT_EQ(prompt->text, "<｜begin▁of▁sentence｜><｜User｜>u<｜Assistant｜>" + head +
                                row["text"].get<std::string>() + "<｜end▁of▁sentence｜>")
        << row["name"];
    ++same;
  }
  EXPECT_GE(same, 70);
}

class Checkpoint : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("autark_v4_" + std::to_string(getpid()));
    fs::create_directories(folder_ / "encoding");
  }
  void TearDown() override { fs::remove_all(folder_); }
  void write(const char* name, const std::string& text) {
    std::ofstream(folder_ / name, std::ios::binary) << text;
  }
  std::string prompt(const std::string& kwargs) {
    auto chat = ChatTemplate::open(folder_, nullptr);
    if (!chat) return "error: " + chat.error().message;
    auto p = (*chat)->render_json(
        R"({"fixed": "placeholder", "messages": [{"role": "user", "content": "u"}], "kwargs": )" + kwargs +
        "}");
    return p ? p->text : "error: " + p.error().message;
  }
  fs::path folder_;
};

TEST_F(Checkpoint, TellsItsRelease) {
  const char* high = R"({"thinking_mode": "thinking", "reasoning_effort": "high"})";
  write("config.json", R"({"model_type": "deepseek_v4"})");
  EXPECT_EQ(prompt(high), "<｜begin▁of▁sentence｜><｜User｜>u<｜Assistant｜><think>");
  write("config.json", R"({"model_type": "deepseek_v4", "dspark_block_size": 5})");
  EXPECT_EQ(prompt(high), "<｜begin▁of▁sentence｜>{{FIXED:effort_A}}<｜User｜>u<｜Assistant｜><think>");
  write("config.json", R"({"model_type": "qwen3"})");
  EXPECT_EQ(ChatTemplate::open(folder_, nullptr).error().code, Code::not_found);
  fs::remove(folder_ / "config.json");
  EXPECT_EQ(ChatTemplate::open(folder_, nullptr).error().code, Code::not_found);
  write("encoding/encoding_dsv4.py", "");
  EXPECT_NE(prompt(high).find("\"release\""), std::string::npos);
  write("chat_template.jinja", "jinja");
  EXPECT_EQ(prompt(high), "jinja");
}

TEST(FixedTexts, AreFoundInFilesSourcesAndEscapes) {
  const std::string text = "## Title\n\nIt's \"<｜DSML｜x>\" here.\n";
  const std::string sum = sha256(text);
  const FixedText wanted[] = {{"t", text.size(), sum, '#'}};
  const auto is_in = [&](const std::string& source) {
    std::vector<std::string> texts = source_literals(source);
    texts.push_back(source);
    const auto found = find_fixed_texts(wanted, texts);
    return found.contains("t") && found.at("t") == text;
  };
  EXPECT_TRUE(is_in("before " + text + " after"));
  EXPECT_TRUE(is_in(
      "mark: str = \"｜DSML｜\"  # don't\nT = \"\"\"## Title\n\nIt's \"<{mark}x>\" here.\n{more}\n\"\"\"\n"));
  EXPECT_TRUE(
      is_in("T = (\n    \"## Title\\n\\n\"\n    'It\\'s \"<\\uff5cDSML\\uFF5Cx>\"'\n    \" here.\\n\"\n)"));
  EXPECT_TRUE(
      is_in("{%- set mark = '｜DSML｜' -%}{%- set t = 'a\\n## Title\\n\\nIt\\'s \"<' + mark + 'x>\" "
            "here.\\n' ~ x -%}"));
  EXPECT_FALSE(is_in("## Title\n\nIts \"<｜DSML｜x>\" here.\n"));
  EXPECT_FALSE(is_in(""));
}

TEST(PythonJson, WritesAsPythonDoes) {
  const auto out = [](const char* in) {
    auto v = PythonJson::parse(in, "x");
    return v ? v->dump() : "error: " + v.error().message;
  };
  EXPECT_EQ(out(R"( {"b":1.0,"a":[1e5,1E-7,0.10,-0.0,-0,1e16,123456789012345678901234],"b":{}} )"),
            R"({"b": {}, "a": [100000.0, 1e-07, 0.1, -0.0, 0, 1e+16, 123456789012345678901234]})");
  EXPECT_EQ(out(R"(["\u00e9\/\u0001\n\ud83d\ude00\ud83d", true, null])"),
            "[\"é/\\u0001\\n😀\uFFFD\", true, null]");
  EXPECT_EQ(out("[0.0001, 1e-5, 123456789012345680.0, 5e-324, 1e400]"),
            "[0.0001, 1e-05, 1.2345678901234568e+17, 5e-324, Infinity]");
  EXPECT_EQ(out("[NaN, Infinity, -Infinity, -1e400]"), "[NaN, Infinity, -Infinity, -Infinity]");
  for (const char* bad : {"", "{", "[1,]", "-NaN", "nan", "Inf", "{\"a\" 1}", "01", "1.", "\"\n\"", "\"\\x\"",
                          "tru", "1 2", "{1:2}", "\"\xFF\""})
    EXPECT_EQ(out(bad).substr(0, 6), "error:") << bad;
  const std::string deep = std::string(400, '[') + std::string(400, ']');
  EXPECT_EQ(out(deep.c_str()), deep) << "as deep as any tool is called with";
  EXPECT_EQ(out(std::string(100000, '[').c_str()).substr(0, 6), "error:");
}

}  // namespace
}  // namespace autark::text
