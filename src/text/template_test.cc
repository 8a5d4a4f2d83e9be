// Goal: templates behave as under Jinja2 with transformers' settings, whatever file they come from.
// Method: small templates with the output of Jinja2 3.1 (tests/jinja compares many more with Jinja2 itself).
#include <gtest/gtest.h>
#include <unistd.h>
#include <fstream>
#include "base/gguf_testing.h"
#include "text/chat.h"

namespace autark::text {
namespace {

namespace fs = std::filesystem;

class TemplateFiles : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("autark_template_" + std::to_string(getpid()));
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  fs::path write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name, std::ios::binary) << text;
    return folder_ / name;
  }

  std::string rendered(const fs::path& path, const Conversation& c = {}) {
    const auto chat = ChatTemplate::open(path, nullptr);
    if (!chat) return "error: " + chat.error().message;
    const auto prompt = (*chat)->render(c);
    return prompt ? prompt->text : "error: " + prompt.error().message;
  }

  std::string text(const std::string& source, const Conversation& c = {}) {
    return rendered(write("one.jinja", source), c);
  }

  fs::path folder_;
};

using F08_LineEnds = TemplateFiles;
using F10_Templates = TemplateFiles;

struct Case {
  const char* source;
  const char* expected;
};

// Templates with CRLF and CR from every kind of file.
constexpr const char* kTurns =
    "{% for m in messages %}\r\n<{{ m.role }}>\r\n{{ m.content }}\r\n{% endfor %}\r\nend\r\n";
constexpr const char* kTurnsRendered = "<user>\na\r\nb\rc\nend";

Conversation typed_line_ends() {
  return {.messages = Json::array({{{"role", "user"}, {"content", "a\r\nb\rc"}}})};
}

TEST_F(F08_LineEnds, AreLineFeedsInEveryFile) {
  const Json list = Json::array({{{"name", "default"}, {"template", kTurns}}});
  EXPECT_EQ(rendered(write("bare", kTurns), typed_line_ends()), kTurnsRendered);
  GgufBytes gguf;
  gguf.key("tokenizer.chat_template", kTurns);
  gguf.write(folder_ / "model.gguf");
  EXPECT_EQ(rendered(folder_ / "model.gguf", typed_line_ends()), kTurnsRendered);
  fs::remove(folder_ / "model.gguf");
  write("tokenizer_config.json", dump_json({{"chat_template", kTurns}}));
  EXPECT_EQ(rendered(folder_, typed_line_ends()), kTurnsRendered);
  write("tokenizer_config.json", dump_json({{"chat_template", list}}));
  EXPECT_EQ(rendered(folder_, typed_line_ends()), kTurnsRendered);
  write("chat_template.json", dump_json({{"chat_template", kTurns}}));
  EXPECT_EQ(rendered(folder_, typed_line_ends()), kTurnsRendered);
  write("chat_template.jinja", kTurns);
  EXPECT_EQ(rendered(folder_, typed_line_ends()), kTurnsRendered);
}

TEST_F(F08_LineEnds, AreLineFeedsInTheTemplateForTools) {
  const Json list =
      Json::array({{{"name", "default"}, {"template", "usual"}},
                   {{"name", "tool_use"}, {"template", "{% if tools %}\r\nx\r\r\n{% endif %}\r\n"}}});
  write("tokenizer_config.json", dump_json({{"chat_template", list}}));
  EXPECT_EQ(rendered(folder_, {.tools = Json::array({1})}), "x\n\n");
}

TEST_F(F08_LineEnds, AreLineFeedsWhereverTheyStand) {
  for (const Case& c : {
           Case{"a\r\nb\rc\nd\r\n", "a\nb\nc\nd"},
           Case{"a\r\n\r\n", "a\n"},
           Case{"a\r\r", "a\n"},
           Case{"a\n\r", "a\n"},
           Case{"{{ 'a\r\nb\rc' | tojson }}", "\"a\\nb\\nc\""},
           Case{"{{ 'a\\r\\nb' | tojson }}", "\"a\\r\\nb\""},
           Case{"{{ 'a\\\r\nb' }}", "ab"},
           Case{"{% raw %}\r\n{{ x }}\r{% endraw %}\r\nz", "\n{{ x }}\nz"},
           Case{"{#\r\n c \r#}\r\nx", "x"},
           Case{"x\r\n  {%- if true -%}\r\n\r\n y \r\n{%- endif %}", "xy"},
           Case{"{%+ if true %}\r\nx{% endif +%}\r\ny", "x\ny"},
           Case{"{%\rif true\r%}\rx\r  {% endif %}\ry", "x\ny"},
           Case{"{% set s %}a\r\nb\r\n{% endset %}{{ s | length }}", "4"},
           Case{"a\x0b"
                "b\xc2\x85"
                "c",
                "a\x0b"
                "b\xc2\x85"
                "c"},
       })
    EXPECT_EQ(text(c.source), c.expected) << c.source;
}

TEST_F(F08_LineEnds, StayInWhatIsInserted) {
  EXPECT_EQ(text("{{ messages[0].content }}|{{ messages[0].content | length }}\r\n", typed_line_ends()),
            "a\r\nb\rc|6");
  EXPECT_EQ(text("{{ messages[0].content | tojson }}", typed_line_ends()), "\"a\\r\\nb\\rc\"");
  EXPECT_EQ(text("{{ messages[0].content.splitlines() }}", typed_line_ends()), "['a', 'b', 'c']");
}

TEST_F(F10_Templates, UndefinedIsEmptyAndNothingMore) {
  for (const Case& c : {
           Case{"{{ nothing | length }}{{ messages | first }}{{ nothing | list }}", "0[]"},
           Case{"[{{ nothing }}] [{{ {}.x }}] [{{ nothing ~ 1 }}] {{ [nothing] }}", "[] [] [1] [Undefined]"},
           Case{"{% for x in nothing %}a{% else %}b{% endfor %}{{ 'a' in nothing }}", "bFalse"},
           Case{"{{ nothing is defined }}{{ nothing == nothing }}{{ nothing == none }}", "FalseTrueFalse"},
           Case{"{{ nothing | sum }}{{ nothing | join(',') }}|{{ nothing | upper }}|", "0||"},
           Case{"[{{ '%s' % nothing }}] [{{ 1 if false }}]", "[] []"},
           Case{"{{ [].append is defined }}{{ 'x'.__class__ }}", "False"},
       })
    EXPECT_EQ(text(c.source), c.expected) << c.source;
  for (const char* source : {"{{ nothing.x }}", "{{ nothing['x'] }}", "{{ nothing() }}", "{{ nothing + 1 }}",
                             "{{ -nothing }}", "{{ nothing < 1 }}", "{{ nothing | int }}",
                             "{{ nothing | tojson }}", "{{ range(nothing) }}", "{{ nothing[1:] }}"})
    EXPECT_TRUE(text(source).starts_with("error: chat template: ")) << source;
}

TEST_F(F10_Templates, PrintfAndFormatArePythons) {
  for (const Case& c : {
           Case{"{{ '%s: %s' % ('a', 'b') }} {{ '%02d' % 7 }} {{ '%5.1f|%-4d|%+d' % (2.25, 3, 4) }}",
                "a: b 07   2.2|3   |+4"},
           Case{"{{ '%x %#X %o %e %g %c %r %%' % (255, 255, 8, 12345.678, 1e-05, 65, 'é') }}",
                "ff 0XFF 10 1.234568e+04 1e-05 A 'é' %"},
           Case{"{{ '%(a)s-%(b)03d' % {'a': 1, 'b': 2} }} {{ '%*d' % (4, 1) }} {{ '%s' | format([1]) }}",
                "1-002    1 [1]"},
           Case{"{{ '{!r} {:>5} {:^5}|{:,} {:.2f} {:08b} {:+.1e}'.format('a', 'b', 'c', 1234567, 2.675, 5, "
                "12.0) }}",
                "'a'     b   c  |1,234,567 2.67 00000101 +1.2e+01"},
           Case{"{{ '{0[k]} {a.b} {:{w}}|'.format({'k': 1}, a={'b': 2}, w=3) }}", "error"},
           Case{"{{ '{0[k]} {a.b} {1:{w}}|'.format({'k': 1}, 5, a={'b': 2}, w=3) }}", "1 2   5|"},
           Case{"{{ '{} {:.3} {:%}'.format(1e16, 3.0, 0.5) }}", "1e+16 3.0 50.000000%"},
           Case{"{{ '%d' % 'a' }}", "error"},
           Case{"{{ '%s %s' % 'a' }}", "error"},
           Case{"{{ '%s' % ('a', 'b') }}", "error"},
           Case{"{{ '{:d}'.format('a') }}", "error"},
       }) {
    const std::string said = text(c.source);
    EXPECT_EQ(said.starts_with("error: ") ? "error" : said, c.expected) << c.source;
  }
}

TEST_F(F10_Templates, LiteralsAndPrintedValuesArePythons) {
  for (const Case& c : {
           Case{R"({{ '\U0001F600\x41\u00e9\101' }}{{ '\d' }} {{ 'a' "b" }})", "😀AéA\\d ab"},
           Case{"{{ +1 }} {{ 1_000 }} {{ 0x1F }} {{ 0b11 }} {{ 1e3 }} {{ 1.5e-3 }}",
                "1 1000 31 3 1000.0 0.0015"},
           Case{R"({{ ["it's", 'say "hi"', '\n\x00é', 1.0, none, (1,), {1: true}] }})",
                R"(["it's", 'say "hi"', '\n\x00é', 1.0, None, (1,), {1: True}])"},
           Case{"{{ 1, 2 }} {{ () }} {{ {'a': [1, {'b': 'c'}]} }}", "(1, 2) () {'a': [1, {'b': 'c'}]}"},
           Case{"{{ 1e16 }} {{ 1e15 }} {{ 0.1 + 0.2 }} {{ 1e-05 }} {{ 2 ** 100 }}",
                "1e+16 1000000000000000.0 0.30000000000000004 1e-05 1267650600228229401496703205376"},
           Case{"{{ -7 // 2 }} {{ -7 % 3 }} {{ 7 / 2 }} {{ 2 ** -1 }} {{ true + true }} {{ 1 == true }}",
                "-4 2 3.5 0.5 2 True"},
           Case{"{{ 1 < 2 < 3 }} {{ 'abcdef'[4:1:-1] }} {{ [1, 2, 3][-2:] }} {{ 'a' * 3 }} {{ [1] + [2] }}",
                "True edc [2, 3] aaa [1, 2]"},
           Case{"{{ {'items': 5}.items is callable }} {{ {'items': 5}['items'] }}", "True 5"},
       })
    EXPECT_EQ(text(c.source), c.expected) << c.source;
  for (const char* source : {"{{ 'a' < 1 }}", "{{ 'a' + 1 }}", "{{ 1 / 0 }}", "{{ 1 in 'a' }}",
                             "{{ {[1]: 2} }}", "{{ '\\x4' }}", "{{ 007 }}", "{{ none.foo.bar }}"})
    EXPECT_TRUE(text(source).starts_with("error: ")) << source;
}

TEST_F(F10_Templates, MethodsArePythons) {
  for (const Case& c : {
           Case{"{{ [1, 2].index(2) }} {{ {'a': 1}.copy() }} {{ dict([('x', 1)]) }} {{ {'a': 1}.items() }}",
                "1 {'a': 1} {'x': 1} dict_items([('a', 1)])"},
           Case{"{{ \"they're foo_bar\".title() }} {{ 'aB'.swapcase() }} {{ 'ß'.casefold() }} {{ 'ﬁ'.upper() "
                "}}",
                "They'Re Foo_Bar Ab ss FI"},
           Case{"{{ 'aaa'.replace('a', 'b', 2) }} {{ 'a,b,c'.rsplit(',', 1) }} {{ ' a  b '.split() }}",
                "bba ['a,b', 'c'] ['a', 'b']"},
           Case{
               "{{ 'x'.center(5) }}|{{ '-4'.zfill(4) }} {{ 'a\tb'.expandtabs(4) }} {{ 'abc'.find('c', -1) }}",
               "  x  |-004 a   b 2"},
           Case{"{{ 'abc'.endswith(('x', 'c')) }} {{ '²'.isdigit() }} {{ '²'.isdecimal() }} {{ 'Ab "
                "Cd'.istitle() }}",
                "True True False True"},
           Case{"{{ 'abc'.translate('a'.maketrans('ab', 'xy', 'c')) }} {{ 'a.b.c'.rpartition('.') }}",
                "xy ('a.b', '.', 'c')"},
       })
    EXPECT_EQ(text(c.source), c.expected) << c.source;
  for (const char* source :
       {"{{ [1].append(2) }}", "{{ {}.update({}) }}", "{{ [1].index(5) }}", "{{ 'a'.index('b') }}",
        "{{ 'a'.nope() }}", "{{ ','.join([1]) }}", "{{ 'a'.split('') }}"})
    EXPECT_TRUE(text(source).starts_with("error: chat template: ")) << source;
}

TEST_F(F10_Templates, FiltersAndTestsAreJinjas) {
  for (const Case& c : {
           Case{"{{ '' | int }} {{ 'abc' | int }} {{ '42.9' | int }} {{ '0x1f' | int(0, 16) }} {{ '1e3' | "
                "float }}",
                "0 0 42 31 1000.0"},
           Case{"{{ 'aaa' | replace('a', 'b', 2) }} {{ 'a b' | urlencode }} {{ 'a b c' | wordcount }}",
                "bba a%20b 3"},
           Case{"{{ 'hello world foo' | truncate(8) }}|{{ 'x' | center(5) }}|{{ \"it's a-b\" | title }}",
                "hello...|  x  |It's A-B"},
           Case{"{{ ['b', 'A'] | sort }} {{ {'b': 1, 'a': 2} | dictsort }} {{ [1, 2, 3] | batch(2) | list }}",
                "['A', 'b'] [('a', 2), ('b', 1)] [[1, 2], [3]]"},
           Case{"{% for k, l in [{'t': 1}, {'t': 2}, {'t': 1}] | groupby('t') %}{{ k }}{{ l | length }} {% "
                "endfor %}",
                "12 21 "},
           Case{"{{ 'a very-long word' | wordwrap(7, wrapstring='/') }} {{ 42.55 | round(1) }} {{ 2.5 | "
                "round }}",
                "a very-/long/word 42.5 2.0"},
           Case{"{{ {'a': 'é'} | tojson(true) }} {{ [1] | tojson(indent=1) }} {{ {2: 1} | "
                "tojson(separators=(',', ':')) }}",
                "{\"a\": \"\\u00e9\"} [\n 1\n] {\"2\":1}"},
           Case{"{{ '<' | e }} {{ 1536 | filesizeformat(true) }} {{ {'a': 1, 'b': none} | xmlattr }} {{ "
                "'<b>x</b>' | striptags }}",
                "&lt; 1.5 KiB  a=\"1\" x"},
           Case{"{{ true is integer }} {{ 1 is sameas true }} {{ 'upper' is filter }} {{ 3 is divisibleby 3 "
                "}}",
                "False False True True"},
       })
    EXPECT_EQ(text(c.source), c.expected) << c.source;
  for (const char* source : {"{{ 1 | nope }}", "{{ 1 is nope }}", "{{ 'a' | abs }}", "{{ none | length }}",
                             "{{ [1, 'a'] | sort }}", "{{ 'a' | upper(1) }}"})
    EXPECT_TRUE(text(source).starts_with("error: ")) << source;
}

TEST_F(F10_Templates, StatementsAreJinjas) {
  for (const Case& c : {
           Case{"{% set x = 1 %}{% for i in [1] %}{% set x = 2 %}{% endfor %}{{ x }}", "1"},
           Case{"{% for x in [1, 2, 3] if x != 2 %}{{ loop.index }}/{{ loop.length }}{{ loop.nextitem }} {% "
                "endfor %}",
                "1/23 2/2 "},
           Case{"{% macro m(a, b=a) %}{{ a }}{{ b }}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, 3, "
                "c=4) }}",
                "12(3,){'c': 4}"},
           Case{"{% macro m() %}<{{ caller(1) }}>{% endmacro %}{% call(x) m() %}{{ x }}{% endcall %}", "<1>"},
           Case{"{% for x in [[1, [2]]] recursive %}{{ x[0] }}{{ loop([x[1]]) if x[1] }}{% endfor %}", "12"},
           Case{"{% for i in [1, 2, 3] %}{% if i == 2 %}{% continue %}{% endif %}{{ i }}{% endfor %}", "13"},
           Case{"{% generation %}{% set g = 1 %}{{ g }}{% endgeneration %}{{ g is defined }}", "1False"},
           Case{"{{ '{% generation %}' }}{% raw %}{% generation %}{% endraw %}",
                "{% generation %}{% generation %}"},
           Case{"{% set j = joiner('+') %}{% for x in 'ab' %}{{ j() }}{{ x }}{% endfor %}{{ cycler(1, "
                "2).next() }}",
                "a+b1"},
           Case{"{% filter upper %}a{% endfilter %}{% set s | trim %} b {% endset %}{{ s }}{% block q %}c{% "
                "endblock %}",
                "Abc"},
       })
    EXPECT_EQ(text(c.source), c.expected) << c.source;
  for (const char* source : {"{% include 'x' %}", "{% import 'x' as y %}", "{% extends 'x' %}", "{% break %}",
                             "{% for a, b in [1] %}{% endfor %}", "{% set x = {} %}{% set x.a = 1 %}"})
    EXPECT_TRUE(text(source).starts_with("error: ")) << source;
}

TEST_F(F10_Templates, NothingIsWrittenWiderThanAPromptCanBe) {
  for (const char* source :
       {"{{ 'x' * 10 ** 9 }}", "{{ 'x'.ljust(10 ** 9) }}", "{{ '%0999999999d' % 1 }}",
        "{{ '%*d' % (10 ** 9, 1) }}", "{{ '%.999999999f' % 1.5 }}", "{{ '{:999999999}'.format(1) }}",
        "{{ 'x' | center(10 ** 9) }}", "{{ ('\\n' * 1000000) | indent(1000) }}",
        "{{ 1 | tojson(indent=10 ** 9) }}", "{{ 2 ** (10 ** 9) }}", "{{ [1] * 10 ** 9 }}",
        "{{ [1] | slice(10 ** 9) | list }}", "{{ 'a'.replace('', 'x' * 9999999) * 9 }}",
        "{% set n = namespace() %}{% set n.x = n %}{{ n }}",
        "{% set n = namespace(a=[1], b=[1]) %}{% for i in range(60) %}{% set n.a = [n.a, n.a] %}{% set n.b = "
        "[n.b, n.b] %}{% endfor %}{{ n.a == n.b }}"})
    EXPECT_TRUE(text(source).starts_with("error: chat template: ")) << source;
}

}  // namespace
}  // namespace autark::text
