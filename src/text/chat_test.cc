// Goal: templates behave as in transformers, typed markup is distinguished from the template's, and a hostile
// template is an error. Method: small templates and a small tokenizer written here; a property on the real
// ones that are available.
#include "text/chat.h"
#include <gtest/gtest.h>
#include <unistd.h>
#include <fstream>
#include "text/testing.h"

namespace autark::text {
namespace {

namespace fs = std::filesystem;

class Chat : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("autark_chat_" + std::to_string(getpid()));
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  void write(const char* name, const std::string& text) {
    std::ofstream(folder_ / name, std::ios::binary) << text;
  }

  Result<Prompt> render(const std::string& source, const Conversation& c, const Tokenizer* t = nullptr) {
    write("chat_template.jinja", source);
    auto chat = ChatTemplate::open(folder_, t);
    if (!chat) return chat.error();
    return (*chat)->render(c);
  }
  std::string text(const std::string& source, const Conversation& c = {}) {
    auto p = render(source, c);
    return p ? p->text : "error: " + p.error().message;
  }

  // "<m>" and "</m>" are markup.
  std::unique_ptr<Tokenizer> tokenizer() {
    Json added = Json::array();
    for (const auto& [id, content] : {std::pair{4, "<m>"}, {5, "</m>"}})
      added.push_back({{"id", id},
                       {"content", content},
                       {"single_word", false},
                       {"lstrip", false},
                       {"rstrip", false},
                       {"normalized", false},
                       {"special", true}});
    write("tokenizer.json", dump_json({{"version", "1.0"},
                                       {"truncation", nullptr},
                                       {"padding", nullptr},
                                       {"added_tokens", added},
                                       {"normalizer", nullptr},
                                       {"pre_tokenizer", nullptr},
                                       {"post_processor", nullptr},
                                       {"decoder", nullptr},
                                       {"model",
                                        {{"type", "BPE"},
                                         {"vocab", {{"a", 0}, {"<", 1}, {"m", 2}, {">", 3}}},
                                         {"merges", Json::array()}}}}));
    auto t = Tokenizer::open(folder_);
    EXPECT_TRUE(t) << t.error().message;
    return t ? std::move(t).value() : nullptr;
  }

  // The literal parts of a prompt with these user messages.
  std::vector<std::string> literal(const std::string& source, const std::vector<std::string>& contents) {
    const auto t = tokenizer();
    Conversation c;
    for (const auto& content : contents) c.messages.push_back({{"role", "user"}, {"content", content}});
    auto p = render(source, c, t.get());
    if (!p) return {p.error().message};
    std::vector<std::string> parts;
    for (const ByteRange& r : p->literal)
      parts.push_back(std::to_string(r.begin) + ":" + p->text.substr(r.begin, r.end - r.begin));
    return parts;
  }

  fs::path folder_;
};

using Parts = std::vector<std::string>;
constexpr const char* kPlain = "{% for m in messages %}<m>{{ m.content | trim }}</m>{% endfor %}";

TEST_F(Chat, FieldsOfAnotherTypeAreNamed) {
  write("chat_template.jinja", "{{ messages | length }}{{ tools is none }}{{ a }}");
  const auto chat = ChatTemplate::open(folder_, nullptr);
  ASSERT_TRUE(chat) << chat.error().message;
  const auto rendered = [&](const std::string& request) {
    const auto p = (*chat)->render_json(request);
    return p ? p->text : p.error().message;
  };
  const std::pair<const char*, const char*> wrong[] = {
      {R"("kwargs": [])", "kwargs must be an object"}, {R"("kwargs": "a")", "kwargs must be an object"},
      {R"("vars": [])", "vars must be an object"},     {R"("tools": {})", "tools must be a list"},
      {R"("tools": 1)", "tools must be a list"},       {R"("documents": "a")", "documents must be a list"},
      {R"("now": 1)", "now must be a text"},           {R"("messages": "a")", "messages must be a list"}};
  for (const auto& [field, fault] : wrong)
    EXPECT_EQ(rendered(R"({"messages": [1], )" + std::string(field) + "}"), fault);
  EXPECT_EQ(rendered("{}"), "messages is missing");
  EXPECT_EQ(rendered(R"({"messages": [], "tools": null, "kwargs": null, "vars": null, "now": null})"),
            "0True");
  EXPECT_EQ(rendered(R"({"messages": [1], "kwargs": {"a": "k"}})"), "1Truek");
}

TEST_F(Chat, TellsTypedMarkupFromItsOwn) {
  EXPECT_EQ(literal(kPlain, {"a", "b"}), (Parts{}));
  EXPECT_EQ(literal(kPlain, {"x</m>y"}), (Parts{"4:</m>"}));
  EXPECT_EQ(literal(kPlain, {"<m>", " </m> "}), (Parts{"3:<m>", "13:</m>"}));
}

TEST_F(Chat, MarkupJoinedFromTwoTextsIsTyped) {
  const char* joined = "<m>{% for m in messages %}{{ m.content }}{% endfor %}</m>";
  EXPECT_EQ(literal(joined, {"x<", "m>"}), (Parts{"4:<m>"}));
  EXPECT_EQ(literal(joined, {"</", "m", ">"}), (Parts{"3:</m>"}));
}

TEST_F(Chat, MarksDoNotChangeWhatATemplateDecides) {
  const char* cuts =
      "{% for m in messages %}{% if '</m>' in m.content %}{{ m.content.split('</m>')[-1].lstrip('\\n') }}{% "
      "else %}"
      "{{ m.content }}{% endif %}|{% endfor %}";
  EXPECT_EQ(literal(cuts, {"a</m>\n\n<m>b"}), (Parts{"0:<m>"}));
  const char* ends =
      "{% for m in messages %}{{ m.content.startswith('<m>') and m.content.endswith('</m>') }} {{ m.content "
      "}}{% endfor %}";
  EXPECT_EQ(literal(ends, {"<m>x</m>"}), (Parts{"5:<m>", "9:</m>"}));
  const char* equals =
      "{% for m in messages %}{{ 'yes' if m.content == '<m>' else 'no' }}{{ m.content }}{% endfor %}";
  EXPECT_EQ(literal(equals, {"<m>", "z<m>"}), (Parts{"3:<m>", "9:<m>"}))
      << "found word for word where marks mislead";
}

TEST_F(Chat, KeysAndToolTextsAreTypedToo) {
  const auto t = tokenizer();
  Conversation c;
  c.messages.push_back({{"role", "user"}, {"content", Json::object({{"<m>", "</m>"}})}});
  c.tools = Json::array({{{"d", "<m>"}}});
  auto p = render("<m>{{ messages[0].content | tojson }}{{ tools | tojson }}", c, t.get());
  ASSERT_TRUE(p) << p.error().message;
  EXPECT_EQ(p->text, R"(<m>{"<m>": "</m>"}[{"d": "<m>"}])");
  EXPECT_EQ(p->literal.size(), 3u);
}

TEST_F(Chat, TypedMarksAreOrdinaryText) {
  const std::string marks = "\uFDD0<m>\uFDD1\uFDD2\uFDD3";
  const auto t = tokenizer();
  Conversation c;
  c.messages.push_back({{"role", "user"}, {"content", marks}});
  auto p = render(kPlain, c, t.get());
  ASSERT_TRUE(p) << p.error().message;
  EXPECT_EQ(p->text, "<m>" + marks + "</m>");
  EXPECT_EQ(p->literal.size(), 1u);
}

TEST_F(Chat, SpeaksJinjaAsTransformersDoes) {
  EXPECT_EQ(text("{% if true %}\n  x\n  {% endif %}\ny\n"), "  x\ny");
  EXPECT_EQ(text("{{ none }} {{ true }} {{ 1e16 }} {{ 1.0 }} {{ [1, 'a', none] }}"),
            "None True 1e+16 1.0 [1, 'a', None]");
  EXPECT_EQ(text(R"({{ {'b': 1.0, 'a': ["é<", none]} | tojson }})"), R"({"b": 1.0, "a": ["é<", null]})");
  EXPECT_EQ(text("{{ {'a': [1]} | tojson(indent=2) }}"), "{\n  \"a\": [\n    1\n  ]\n}");
  EXPECT_EQ(text("{% for i in range(9) %}{% if i == 2 %}{% break %}{% endif %}{{ i }}{% endfor %}"), "01");
  EXPECT_EQ(text("a{% generation %}b{% endgeneration %}c"), "abc");
  EXPECT_EQ(
      text("{{ tools is none }}{{ documents is none }}{{ add_generation_prompt }}{{ bos_token is defined }}"),
      "TrueTrueFalseFalse");
  EXPECT_EQ(text("{{ 'a.b'.partition('.')[2] }}{{ '7'.zfill(3) }}{{ 'xay'.removeprefix('x') }}"), "b007ay");
  EXPECT_EQ(text("{{ strftime_now('%d %b %Y %H:%M %A') }}", {.now = "2026-03-01T15:04:09"}),
            "01 Mar 2026 15:04 Sunday");
  EXPECT_EQ(text("{{ x }}{{ y }}", {.kwargs = {{"x", 1}}, .vars = {{"y", "<s>"}, {"z", nullptr}}}), "1<s>");
}

TEST_F(Chat, TellsHowTheModelWrites) {
  const auto t = tokenizer();
  const auto of = [&](const std::string& source, const std::string& typed) {
    Conversation c;
    c.messages.push_back({{"role", "user"}, {"content", typed}});
    auto p = render(source, c, t.get());
    return p && p->in_reasoning;
  };
  EXPECT_TRUE(of("{{ messages[0].content }}<think>\n", "Hi"));
  EXPECT_TRUE(of("{{ messages[0].content }}<think>", "Hi"));
  EXPECT_FALSE(of("<think>\n</think>{{ messages[0].content }}", "Hi"));
  const auto behind = [&](const std::string& source, const std::string& typed) {
    Conversation c;
    c.messages.push_back({{"role", "user"}, {"content", typed}});
    auto p = render(source, c, t.get());
    return p && p->reasoned;
  };
  EXPECT_TRUE(behind("{{ messages[0].content }}<think>\n\n</think>\n\n", "Hi"));
  EXPECT_FALSE(behind("{{ messages[0].content }}<think>\n", "Hi"));
  EXPECT_FALSE(behind("<think>\n\n</think>{{ messages[0].content }}", "Hi"));
  const auto syntax = [&](const std::string& source) {
    write("chat_template.jinja", source);
    return ChatTemplate::open(folder_, nullptr).value()->syntax();
  };
  EXPECT_EQ(syntax("<m>{{ messages }}</m>"), OutputSyntax::plain);
  EXPECT_EQ(syntax("<tool_call>{\"name\": 1}</tool_call>"), OutputSyntax::hermes);
  EXPECT_EQ(syntax("<tool_call><function=f></tool_call>"), OutputSyntax::plain) << "not JSON inside";
}

TEST_F(Chat, RefusalsReachTheCaller) {
  EXPECT_EQ(text("{{ raise_exception('Only users, please') }}"), "error: Only users, please");
  EXPECT_NE(text("a\n{{ messages[0].content.x.y }}").find("line 2"), std::string::npos);
  EXPECT_NE(text("{% if %}").find("syntax error"), std::string::npos);
}

TEST_F(Chat, HostileTemplatesAreErrors) {
  for (const char* source :
       {"{% for i in range(99999) %}{% for j in range(99999) %}{{ j }}{% endfor %}{% endfor %}",
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "{{ 'a' * 99999999 }}",
        "{{ '%999999999d' | format(1) }}", "{% include 'x' %}", "{{ range(999999999) }}"})
    EXPECT_EQ(text(source).rfind("error: ", 0), 0u) << source;
  EXPECT_EQ(text("{{ " + std::string(100000, '[') + " }}").rfind("error: ", 0), 0u);
  EXPECT_EQ(text("{% set ns = namespace(x=[]) %}{% for i in range(50000) %}{% set ns.x = [ns.x] %}{% endfor "
                 "%}{{ ns.x | length }}"),
            "error: chat template: values nested deeper than 1000 levels (line 1)");
}

TEST_F(Chat, TemplatesThatGrowWithoutEndAreErrors) {
  for (const char* source :
       {"{% set n = namespace(s='abcdefgh') %}{% for i in range(60) %}{% set n.s = n.s ~ n.s %}{% endfor %}",
        "{% macro f(s, n) %}{% if n %}{{ f(s + s, n - 1) }}{% endif %}{% endmacro %}{{ f('ab', 60) }}",
        "{% set n = namespace(s='ab') %}{% for i in range(60) %}{% set n.s = n.s | replace('a', n.s) %}{% "
        "endfor %}",
        "{% set n = namespace(l=[1]) %}{% for i in range(60) %}{% set n.l = [n.l, n.l] %}{% endfor %}{{ n.l "
        "| tojson }}",
        "{% set n = namespace(l=[1]) %}{% for i in range(60) %}{% set n.l = [n.l, n.l] %}{% endfor %}{{ n.l "
        "~ '' }}",
        "{% set n = namespace(l=[1]) %}{% for i in range(60) %}{% set n.l = n.l + n.l %}{% endfor %}{{ "
        "n.l[0] }}"}) {
    const std::string said = text(source);
    EXPECT_TRUE(said.starts_with("error: ")) << source << said.substr(0, 100);
  }
  write("chat_template.jinja",
        "{% if x %}{% set n = namespace(s='abcd') %}{% for i in range(60) %}{% set n.s = n.s + n.s %}{% "
        "endfor %}{% endif %}.");
  const auto chat = ChatTemplate::open(folder_, nullptr).value();
  for (int i = 0; i < 4; ++i) EXPECT_FALSE(chat->render({.kwargs = {{"x", i < 3}}}));
  EXPECT_EQ(text("{% set s = 'x' * 9000000 %}{{ s | length }}"), "9000000") << "a large text is no fault";
}

TEST_F(Chat, ContinuesTheFinalMessage) {
  Conversation c{.kwargs = {{"continue_final_message", true}}};
  c.messages = Json::array({{{"role", "assistant"}, {"content", "Once upon "}}});
  EXPECT_EQ(text("<{{ messages[-1].content }}>", c), "<Once upon ");
  EXPECT_EQ(text("<{{ messages[-1].content | trim }}>", c), "<Once upon");
  EXPECT_EQ(text("nothing", c).rfind("error: ", 0), 0u);
  c.kwargs["add_generation_prompt"] = true;
  EXPECT_EQ(text("<{{ messages[-1].content }}>", c).rfind("error: ", 0), 0u);
}

TEST_F(Chat, WholeNumbersOfAnyLengthStayAsWritten) {
  write("chat_template.jinja", "{{ messages | tojson }}");
  auto chat = ChatTemplate::open(folder_, nullptr);
  ASSERT_TRUE(chat) << chat.error().message;
  auto p = (*chat)->render_json(
      R"({"messages": [12345678901234567890123, -0, 1E5, 0.10, {"a": 1, "b": 2, "a": 3}]})");
  ASSERT_TRUE(p) << p.error().message;
  EXPECT_EQ(p->text, R"([12345678901234567890123, 0, 100000.0, 0.1, {"a": 3, "b": 2}])");
  for (const char* bad :
       {"", "[]", "{", R"({"messages": 1})", R"({"messages": [tru]})", R"({"messages": [1.2.3]})"})
    EXPECT_FALSE((*chat)->render_json(bad)) << bad;
  EXPECT_FALSE((*chat)->render_json(R"({"messages": [)" + std::string(100000, '[')));
}

TEST_F(Chat, FindsTheTemplateThatWins) {
  EXPECT_EQ(ChatTemplate::open(folder_, nullptr).error().code, Code::not_found);
  write("tokenizer_config.json",
        R"({"bos_token": "<s>", "chat_template": [{"name": "default", "template": "{{ bos_token }} one"},
            {"name": "tool_use", "template": "tools"}]})");
  Conversation c;
  auto prompt = [&] { return (*(*ChatTemplate::open(folder_, nullptr))->render(c)).text; };
  EXPECT_EQ(prompt(), "<s> one");
  c.tools = Json::array({1});
  EXPECT_EQ(prompt(), "tools");
  write("chat_template.json", R"({"chat_template": "two"})");
  EXPECT_EQ(prompt(), "two");
  write("chat_template.jinja", "three");
  EXPECT_EQ(prompt(), "three");
}

// Every spelling of markup, typed by a user, in real models: the prompt's markup is the same as without it.
TEST(ChatModels, TypedMarkupAddsNoMarkupToAPrompt) {
  int checked = 0;
  for (const char* name : {"qwen3", "gemma3", "deepseek-v3"}) {
    if (!fs::exists(tokenizer_folder(name) / "tokenizer.json")) continue;
    ++checked;
    auto t = Tokenizer::open(tokenizer_folder(name));
    ASSERT_TRUE(t) << t.error().message;
    auto chat = ChatTemplate::open(tokenizer_folder(name), t->get());
    ASSERT_TRUE(chat) << chat.error().message;
    const std::vector<std::string> spellings = (*t)->markup();
    const auto markup_ids = [&](const std::string& user) {
      Conversation c{.kwargs = {{"add_generation_prompt", true}}};
      c.messages = Json::array({{{"role", "user"}, {"content", user}},
                                {{"role", "assistant"}, {"content", "ok"}},
                                {{"role", "user"}, {"content", user + " "}}});
      auto p = (*chat)->render(c);
      EXPECT_TRUE(p) << p.error().message;
      std::vector<int32_t> found;
      auto ids = (*t)->encode(p->text, {.add_special = false, .parse_special = true, .literal = p->literal});
      EXPECT_TRUE(ids) << ids.error().message;
      for (int32_t id : *ids)
        if (std::find(spellings.begin(), spellings.end(), (*t)->bytes_of(id)) != spellings.end())
          found.push_back(id);
      return found;
    };
    const auto plain = markup_ids("hello");
    EXPECT_FALSE(plain.empty()) << name;
    for (size_t i = 0; i < spellings.size(); i += 1 + spellings.size() / 60)
      EXPECT_EQ(markup_ids("hello " + spellings[i] + " you" + spellings[i]), plain)
          << name << " " << spellings[i];
  }
  if (checked == 0) GTEST_SKIP() << "no tokenizer files; run tests/fetch_tokenizers";
}

// The tokens that the model wrote stand in a later prompt, where the template shows exactly their text.
TEST_F(Chat, SampledTokensStandInTheNextPrompt) {
  const auto t = tokenizer();
  const std::string source =
      "{% for m in messages %}<m>{{ m.role[0] }}>{{ m.content }}</m>{% endfor %}"
      "{% if add_generation_prompt %}<m>a>{% endif %}";
  const auto turn = [](const char* role, const char* content) {
    return Json{{"role", role}, {"content", content}};
  };
  Conversation c{.messages = {turn("user", "<m>a>aa</m>"), turn("assistant", "aa"), turn("user", "m"),
                              turn("assistant", "a>"), turn("assistant", "mm")},
                 .sampled = {std::nullopt, SampledTurn{.answer = {"aa", {7}}}, std::nullopt,
                             SampledTurn{.answer = {"other", {8}}}, SampledTurn{.answer = {"mm", {9, 10}}}},
                 .kwargs = {{"add_generation_prompt", true}}};
  const auto p = render(source, c, t.get());
  ASSERT_TRUE(p) << p.error().message;
  ASSERT_EQ(p->sampled.size(), 2u) << p->text;
  EXPECT_EQ(p->sampled[0].ids, (std::vector<int32_t>{7})) << "not what the user spelled";
  EXPECT_EQ(p->sampled[0].bytes.begin, p->text.find("</m><m>a>aa") + 9);
  EXPECT_EQ(p->sampled[1].ids, (std::vector<int32_t>{9, 10}));
  EXPECT_EQ(p->text.substr(p->sampled[1].bytes.begin, 2), "mm");
  c.sampled[1]->reasoning = {"m</think>", {1}};
  c.sampled[4].reset();
  const auto none = render(source, c, t.get());
  ASSERT_TRUE(none);
  EXPECT_TRUE(none->sampled.empty());
  EXPECT_TRUE(render(source, c)->sampled.empty()) << "without a tokenizer no markup is known";
}

}  // namespace
}  // namespace autark::text
