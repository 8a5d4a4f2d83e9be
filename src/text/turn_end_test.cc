// Goal: the token with which a template closes the assistant's turn is found, whatever its spelling and
// whatever file has the template, and no other token is taken for it. Method: small templates of every form
// with one small tokenizer, from a folder and from a GGUF file.
#include "text/turn_end.h"
#include <gtest/gtest.h>
#include <unistd.h>
#include <fstream>
#include "base/gguf_testing.h"
#include "text/testing.h"

namespace autark::text {
namespace {

namespace fs = std::filesystem;

const std::vector<std::string> kMarks = {"<a>",        "</a>", "<u>",     "<done>",
                                         "<stop now>", "</s>", "<think>", "</think>"};

class F04_TurnEnd : public ::testing::Test {
 protected:
  F04_TurnEnd() : dir_(fs::path(::testing::TempDir()) / ("autark_turn_end_" + std::to_string(getpid()))) {
    with_marks(kMarks);
  }
  ~F04_TurnEnd() override { fs::remove_all(dir_); }
  void write(const std::string& name, const std::string& text) const {
    fs::create_directories((dir_ / name).parent_path());
    std::ofstream(dir_ / name, std::ios::binary) << text;
  }
  // Writes a tokenizer of letters and these added tokens; every second one is special.
  void with_marks(const std::vector<std::string>& marks) {
    marks_ = marks;
    Json added = Json::array(), vocab = Json::object();
    for (char c = 'A'; c <= 'z'; ++c) vocab[std::string(1, c)] = c - 'A';
    int id = 58;
    for (const std::string& mark : marks)
      added.push_back({{"id", id++},
                       {"content", mark},
                       {"single_word", false},
                       {"lstrip", false},
                       {"rstrip", false},
                       {"normalized", false},
                       {"special", id % 2 == 0}});
    write("tokenizer.json",
          dump_json({{"version", "1.0"},
                     {"truncation", nullptr},
                     {"padding", nullptr},
                     {"added_tokens", added},
                     {"normalizer", nullptr},
                     {"pre_tokenizer", nullptr},
                     {"post_processor", nullptr},
                     {"decoder", nullptr},
                     {"model", {{"type", "BPE"}, {"vocab", vocab}, {"merges", Json::array()}}}}));
  }
  // What ends a turn, spelled.
  std::string ends() const {
    const auto tokenizer = Tokenizer::open(dir_);
    EXPECT_TRUE(tokenizer) << tokenizer.error().message;
    const auto chat = ChatTemplate::open(dir_, tokenizer->get());
    if (!chat) return chat.error().message;
    std::string all;
    for (const int32_t id : turn_ends(**chat, **tokenizer)) all += spelled(**tokenizer, id);
    return all;
  }
  std::string spelled(const Tokenizer& t, int32_t id) const {
    for (const std::string& mark : marks_)
      if (t.id_of(mark) == id) return mark;
    return "another token";
  }
  std::string ends(const std::string& source) const {
    write("chat_template.jinja", source);
    return ends();
  }
  static std::string each(const std::string& body) {
    return "{% for m in messages %}" + body + "{% endfor %}{% if add_generation_prompt %}<a>{% endif %}";
  }
  const fs::path dir_;
  std::vector<std::string> marks_;
};

TEST_F(F04_TurnEnd, WhateverItIsCalled) {
  EXPECT_EQ(ends(each("<a>{{ m.role }}{{ m.content }}<done>\n")), "<done>");
  EXPECT_EQ(ends(each("{{ '<a>' + m.role + m['content'] }}<stop now>")), "<stop now>");
  EXPECT_EQ(ends(each("<a>{{ m.content | trim }}\n</a>\n")), "</a>")
      << "a line end before it, and no special token";
  EXPECT_EQ(ends(each("<a>{{ m.content }} \n\n<done></s>")), "<done>") << "the first of several";
}

TEST_F(F04_TurnEnd, ByAVariable) {
  write("tokenizer_config.json", R"({"eos_token": "</s>"})");
  EXPECT_EQ(ends(each("<a>{{ m.content }}{{ eos_token }}")), "</s>");
}

TEST_F(F04_TurnEnd, OtherRolesCloseOtherwise) {
  EXPECT_EQ(
      ends(each(
          "{% if m.role == 'user' %}<u>{{ m.content }}<done>{% else %}<a>{{ m.content }}</a>{% endif %}")),
      "</a>");
  EXPECT_EQ(
      ends(each("{% if m.role == 'user' %}<u>{{ m.content }}<done>{% else %}{{ m.content }}{% endif %}")),
      "<u>");
}

TEST_F(F04_TurnEnd, ByTheNextTurnsBeginning) {
  EXPECT_EQ(ends(each("{{ '<u>' if m.role == 'user' else '<a>' }}\n{{ m.content }}")), "<u>");
}

TEST_F(F04_TurnEnd, OnlyBetweenTurnsOrOnlyAtTheEnd) {
  EXPECT_EQ(ends(each("<a>{{ m.content }}{% if not loop.last %}<done>{% endif %}")), "<done>");
  EXPECT_EQ(ends(each("<a>{{ m.content }}{% if loop.last %}</s>{% else %}<done>{% endif %}")), "</s><done>");
  EXPECT_EQ(ends(each("USER: {{ m.content }}\n") + "</s>"), "</s>");
}

// Harmony's: a call ends the turn with a mark of its own.
TEST_F(F04_TurnEnd, OfCallsThatEndOtherwise) {
  with_marks({"<|start|>", "<|message|>", "<|channel|>", "<|end|>", "<|return|>", "<|call|>"});
  EXPECT_EQ(
      ends("{% for m in messages %}<|start|>{{ m.role }}{% if m.tool_calls %}"
           "{% set c = m.tool_calls[0].function %} to=functions.{{ c.name }}<|channel|>commentary json"
           "<|message|>{{ c.arguments | tojson }}<|call|>"
           "{% else %}{% if m.role == 'assistant' %}<|channel|>final{% endif %}<|message|>{{ m.content }}"
           "{{ '<|return|>' if loop.last and m.role == 'assistant' else '<|end|>' }}"
           "{% endif %}{% endfor %}"),
      "<|return|><|end|><|call|>");
}

// What stands behind each of several calls does not end the turn.
TEST_F(F04_TurnEnd, OfSeveralCalls) {
  with_marks({"<|start|>", "<|message|>", "<|channel|>", "<|end|>", "<|return|>", "<|call|>"});
  EXPECT_EQ(
      ends(
          "{% for m in messages %}{% for t in m.tool_calls or [] %}{% set c = t.function %}<|start|>assistant"
          "<|channel|>commentary to=functions.{{ c.name }}<|message|>{{ c.arguments | tojson }}<|call|>{% "
          "endfor %}"
          "{% if not m.tool_calls %}<|start|>{{ m.role }}<|message|>{{ m.content }}<|end|>{% endif %}{% "
          "endfor %}"),
      "<|end|>");
}

TEST_F(F04_TurnEnd, OfCallsByTheResultsBeginning) {
  with_marks({"<a>", "<u>", "<result>", "<tool_call>", "</tool_call>", "<arg_key>", "</arg_key>",
              "<arg_value>", "</arg_value>"});
  EXPECT_EQ(ends(each("{{ {'user': '<u>', 'tool': '<result>'}[m.role] or '<a>' }}\n{{ m.content }}"
                      "{% for t in m.tool_calls or [] %}{% set c = t.function %}<tool_call>{{ c.name }}\n"
                      "{% for k, v in c.arguments.items() %}<arg_key>{{ k }}</arg_key>\n"
                      "<arg_value>{{ v }}</arg_value>\n{% endfor %}</tool_call>{% endfor %}")),
            "<u><result>")
      << "</tool_call> closes a call, not the turn";
}

TEST_F(F04_TurnEnd, OfCallsAsOfText) {
  with_marks({"<a>", "<done>", "<think>", "</think>", "<tool_call>", "</tool_call>"});
  EXPECT_EQ(
      ends(each("<a>{{ m.role }}{{ m.content }}{% for t in m.tool_calls or [] %}{% set c = t.function %}"
                "<tool_call>{{ {'name': c.name, 'arguments': c.arguments} | tojson }}</tool_call>"
                "{% endfor %}<done>\n")),
      "<done>");
  EXPECT_EQ(ends(each("{{ m.role }}{{ m.content }}{% for t in m.tool_calls or [] %}<think>"
                      "{{ t.function.arguments.key }}</think>{% endfor %}<done>\n")),
            "<done>")
      << "nobody reads these calls";
}

// Templates that tests/fetch_tokenizers brings, with the tokens that end a turn in their published files.
TEST_F(F04_TurnEnd, OfPublishedTemplatesWithCalls) {
  struct {
    const char* name;
    std::vector<std::string> marks;
    const char* ends;
  } const rows[] = {
      {"openai-gpt-oss-120b",
       {"<|start|>", "<|message|>", "<|channel|>", "<|constrain|>", "<|end|>", "<|return|>", "<|call|>"},
       "<|return|><|call|>"},
      {"GLM-4.6",
       {"<|user|>", "<|assistant|>", "<|system|>", "<|observation|>", "<think>", "</think>", "<tool_call>",
        "</tool_call>", "<arg_key>", "</arg_key>", "<arg_value>", "</arg_value>", "<tool_response>"},
       "<|user|><|observation|>"},
      {"Kimi-K2-Instruct",
       {"<|im_end|>", "<|im_user|>", "<|im_assistant|>", "<|im_system|>", "<|im_middle|>",
        "<|tool_calls_section_begin|>", "<|tool_calls_section_end|>", "<|tool_call_begin|>",
        "<|tool_call_argument_begin|>", "<|tool_call_end|>"},
       "<|im_end|>"},
      {"MiniMax-M2",
       {"]~!b[", "]~b]", "[e~[", "<think>", "</think>", "<minimax:tool_call>", "</minimax:tool_call>"},
       "[e~["},
      {"deepseek-ai-DeepSeek-V3.1",
       {"<｜end▁of▁sentence｜>", "<｜User｜>", "<｜Assistant｜>", "<think>", "</think>",
        "<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>", "<｜tool▁call▁begin｜>", "<｜tool▁call▁end｜>",
        "<｜tool▁sep｜>", "<｜tool▁output▁begin｜>", "<｜tool▁output▁end｜>"},
       "<｜end▁of▁sentence｜>"},
  };
  int checked = 0;
  for (const auto& row : rows) {
    const fs::path file = tokenizer_folder("templates") / (std::string(row.name) + ".jinja");
    if (!fs::exists(file)) continue;
    with_marks(row.marks);
    EXPECT_EQ(ends(read_all(file)), row.ends) << row.name;
    ++checked;
  }
  if (checked == 0) GTEST_SKIP() << "no templates; run tests/fetch_tokenizers";
}

TEST_F(F04_TurnEnd, PlainTextIsNoToken) {
  EXPECT_EQ(ends(each("{{ m.role }}: {{ m.content }}\n\n### ")), "");
  EXPECT_EQ(ends(each("{{ m.role }}: {{ m.content }}\n</b>")), "");
  EXPECT_EQ(ends(each("{% if m.role == 'user' %}\nUser <u>: {% endif %}{{ m.content }}")), "")
      << "part of the next turn";
}

TEST_F(F04_TurnEnd, WhatStandsInsideATurnEndsNone) {
  EXPECT_EQ(ends(each("<a>{% if m.reasoning_content %}<think>{{ m.reasoning_content }}</think>{% endif %}"
                      "{{ m.content }}<done>")),
            "<done>");
  EXPECT_EQ(ends(each("{% if m.thinking %}<u>{{ m.thinking }}<done>{% endif %}<a>{{ m.content }}"
                      "{{ '</s>' if loop.last else '<done>' }}")),
            "</s>")
      << "<done> closes parts";
}

TEST_F(F04_TurnEnd, PickyTemplates) {
  EXPECT_EQ(ends(each("{% if m.content is string %}{{ raise_exception('parts are wanted') }}{% endif %}"
                      "<a>{{ m.content[0].text }}<done>")),
            "<done>");
  EXPECT_EQ(
      ends(each(
          "{% if loop.index > 2 %}{{ raise_exception('two at most') }}{% endif %}<a>{{ m.content }}<done>")),
      "<done>");
  EXPECT_EQ(ends(each("{{ raise_exception('never') }}")), "");
  EXPECT_EQ(ends("nothing"), "");
}

TEST_F(F04_TurnEnd, TemplatesOfEveryPlace) {
  const std::string source = each("<a>{{ m.content }}<done>");
  write("chat_template.json", dump_json({{"chat_template", source}}));
  EXPECT_EQ(ends(), "<done>");
  fs::remove(dir_ / "chat_template.json");
  write("tokenizer_config.json",
        dump_json({{"chat_template", Json::array({{{"name", "tool_use"}, {"template", "t"}},
                                                  {{"name", "default"}, {"template", source}}})}}));
  EXPECT_EQ(ends(), "<done>");
  write("chat_template.jinja", "");
  EXPECT_EQ(ends(), "<done>") << "an empty file is none";
}

// The published ones that are here.
TEST(F04_TurnEndOfModels, IsTheirs) {
  int checked = 0;
  for (const auto& [name, mark] : {std::pair{"qwen3", "<|im_end|>"},
                                   {"gemma3", "<end_of_turn>"},
                                   {"deepseek-v3", "<｜end▁of▁sentence｜>"}}) {
    const fs::path folder = tokenizer_folder(name);
    if (!fs::exists(folder / "tokenizer.json")) continue;
    const auto tokenizer = Tokenizer::open(folder);
    ASSERT_TRUE(tokenizer) << tokenizer.error().message;
    const auto chat = ChatTemplate::open(folder, tokenizer->get());
    if (!chat) continue;
    ++checked;
    EXPECT_EQ(turn_ends(**chat, **tokenizer), (std::vector<int32_t>{(*tokenizer)->id_of(mark).value_or(-1)}))
        << name;
  }
  if (checked == 0) GTEST_SKIP() << "no tokenizer files; run tests/fetch_tokenizers";
}

// It has an encoder instead of a template.
TEST_F(F04_TurnEnd, OfDeepseekV4) {
  const fs::path published = tokenizer_folder("deepseek-v4") / "tokenizer.json";
  if (!fs::exists(published)) GTEST_SKIP() << "no tokenizer files; run tests/fetch_tokenizers";
  fs::remove(dir_ / "tokenizer.json");
  fs::create_symlink(published, dir_ / "tokenizer.json");
  write("config.json", R"({"model_type": "deepseek_v4"})");
  const auto tokenizer = Tokenizer::open(dir_);
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  const auto chat = ChatTemplate::open(dir_, tokenizer->get());
  ASSERT_TRUE(chat) << chat.error().message;
  EXPECT_EQ(turn_ends(**chat, **tokenizer),
            (std::vector<int32_t>{(*tokenizer)->id_of("<｜end▁of▁sentence｜>").value_or(-1)}));
}

TEST_F(F04_TurnEnd, OfAGgufFile) {
  GgufBytes g;
  g.key("tokenizer.ggml.model", "gpt2").key("tokenizer.ggml.pre", "gpt-2");
  g.key("tokenizer.ggml.tokens", std::vector<std::string>{"a", "b", "<u>", "<over>", "<|im_end|>", "</s>"});
  g.array<int32_t>("tokenizer.ggml.token_type", Gguf::Type::i32, {1, 1, 3, 4, 3, 3});
  g.key("tokenizer.ggml.merges", std::vector<std::string>{});
  GgufBytes told = g;
  told.key("tokenizer.chat_template", each("<u>{{ m.content }}<over>\n"));
  told.write(dir_ / "m.gguf");
  const auto tokenizer = Tokenizer::open(dir_ / "m.gguf");
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  EXPECT_EQ((*tokenizer)->end_tokens(), (std::vector<int32_t>{5})) << "the template says what ends a turn";
  const auto chat = ChatTemplate::open(dir_ / "m.gguf", tokenizer->get());
  ASSERT_TRUE(chat) << chat.error().message;
  EXPECT_EQ(turn_ends(**chat, **tokenizer), (std::vector<int32_t>{3}));
  g.write(dir_ / "m.gguf");
  EXPECT_EQ((*Tokenizer::open(dir_ / "m.gguf"))->end_tokens(), (std::vector<int32_t>{4, 5})) << "no template";
}

}  // namespace
}  // namespace autark::text
