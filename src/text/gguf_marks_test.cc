// Goal: the marks of a chat template become control tokens whatever types a converter gave them, and ordinary
// words do not. Method: vocabularies made by hand with marks of several shapes and every type; marks that the
// template has as literals, between tags, or joined while rendering.
#include "text/gguf_marks.h"
#include <gtest/gtest.h>
#include <unistd.h>
#include <algorithm>
#include "base/gguf_testing.h"
#include "text/tokenizer.h"

namespace autark::text {
namespace {

using Ids = std::vector<int32_t>;
using Types = std::vector<int32_t>;

const std::vector<std::string> kTokens = {
    "<",   "|",   "a",       ">",        "[",       "]",    "<|a|>",     "<|user|>", "[INST]", "<end>",
    "<a>", "[a]", "<think>", "</think>", "<|fim|>", "</s>", "<|user|x>", "[a",       "<a"};

class F15_GgufMarks : public ::testing::Test {
 protected:
  ~F15_GgufMarks() override { std::filesystem::remove(file_); }

  // </s> is the end of a document. No types: none are written.
  std::unique_ptr<Tokenizer> open(const std::string& source, const Types& types,
                                  const std::vector<std::string>& merges = {}) {
    GgufBytes g;
    g.key("tokenizer.ggml.tokens", kTokens).key("tokenizer.ggml.eos_token_id", uint32_t{15});
    return open(g, source, types, merges);
  }
  std::unique_ptr<Tokenizer> open(GgufBytes g, const std::string& source, const Types& types,
                                  const std::vector<std::string>& merges) {
    g.key("tokenizer.ggml.model", "gpt2").key("tokenizer.ggml.pre", "gpt-2");
    if (!types.empty()) g.array<int32_t>("tokenizer.ggml.token_type", Gguf::Type::i32, types);
    g.key("tokenizer.ggml.merges", merges);
    if (!source.empty()) g.key("tokenizer.chat_template", source);
    g.write(file_);
    auto t = Tokenizer::open(file_);
    EXPECT_TRUE(t) << t.error().message;
    return t ? std::move(t).value() : nullptr;
  }
  static Ids ids(const Tokenizer& t, const std::string& text) {
    const auto r = t.encode(text, {.parse_special = true});
    EXPECT_TRUE(r) << r.error().message;
    return r ? *r : Ids{-1};
  }
  static Types all(int32_t type) { return Types(kTokens.size(), type); }

  const std::filesystem::path file_ = std::filesystem::path(::testing::TempDir()) /
                                      ("autark_gguf_marks_" + std::to_string(getpid()) + ".gguf");
};

constexpr const char* kTemplate =
    "{% for m in messages %}{{ '<|' + m.role + '|>' + m.content }}[INST]{{ \"<end>\" }}{% endfor %}";

TEST_F(F15_GgufMarks, WhateverTheirType) {
  Types unused = all(5);
  unused[2] = 1;
  for (const Types& types : {all(1), unused, all(0), Types{}}) {
    const auto t = open(kTemplate, types);
    EXPECT_EQ(ids(*t, "<|user|>a[INST]a<end></s>"), (Ids{7, 2, 8, 2, 9, 15}));
    for (const int32_t id : {7, 8, 9, 15}) EXPECT_TRUE(t->is_special(id)) << kTokens[size_t(id)];
    EXPECT_EQ(t->decode(Ids{7, 2, 9}), "a");
  }
}

// MiniMax's.
TEST_F(F15_GgufMarks, SquareBracketsEitherWayAround) {
  const std::vector<std::string> tokens = {"]",    "~",    "b", "a",  "]~!b[", "]~b]",
                                           "[e~[", "[b~[", "[", "[b", "~["};
  GgufBytes g;
  g.key("tokenizer.ggml.tokens", tokens).key("tokenizer.ggml.bos_token_id", uint32_t{4});
  g.key("tokenizer.ggml.eos_token_id", uint32_t{6});
  const std::string source =
      "{{ ']~!b[' }}{% for m in messages %}]~b]{{ m.role }}\n{{ m.content }}[e~[{% endfor %}[b~[";
  for (const Types& types : {Types{}, Types(tokens.size(), 1)}) {
    const auto t = open(g, source, types, {"[ b", "~ [", "[b ~["});
    EXPECT_EQ(ids(*t, "]~!b[a]~b]b[e~["), (Ids{4, 3, 5, 2, 6}));
    for (const int32_t id : {4, 5, 6}) EXPECT_TRUE(t->is_special(id)) << tokens[size_t(id)];
    EXPECT_FALSE(t->is_special(7)) << "merges make it";
    EXPECT_EQ(t->end_tokens(), (Ids{6}));
  }
}

TEST_F(F15_GgufMarks, WhatKeysNameIsAMarkWhateverItLooksLike) {
  const std::vector<std::string> tokens = {"a", "b", "(end)", "%begin", "ab", "(turn)"};
  GgufBytes g;
  g.key("tokenizer.ggml.tokens", tokens).key("tokenizer.ggml.eos_token_id", uint32_t{2});
  g.key("tokenizer.ggml.bos_token_id", uint32_t{3}).key("tokenizer.ggml.eot_token_id", uint32_t{5});
  const auto t = open(g, "", {}, {});
  EXPECT_EQ(ids(*t, "%begina(turn)b(end)"), (Ids{3, 0, 5, 1, 2}));
  GgufBytes word;
  word.key("tokenizer.ggml.tokens", tokens).key("tokenizer.ggml.eos_token_id", uint32_t{4});
  EXPECT_FALSE(open(word, "", {}, {"a b"})->is_special(4)) << "merges make it";
}

TEST_F(F15_GgufMarks, WhatAPersonTypesStaysLetters) {
  const auto t = open(kTemplate, all(1));
  for (const char* mark : {"<|a|>", "[INST]", "<end>"}) {
    const auto typed = t->encode(mark);
    ASSERT_TRUE(typed);
    EXPECT_EQ(std::ranges::count(*typed, *t->id_of(mark)), 0) << mark;
  }
}

TEST_F(F15_GgufMarks, OrdinaryWordsStayOrdinary) {
  const auto t = open(std::string(kTemplate) + "[a]<a>", all(1), {"[ a", "[a ]", "< a", "<a >"});
  EXPECT_FALSE(t->is_special(10)) << "merges make it";
  EXPECT_FALSE(t->is_special(11));
  EXPECT_EQ(t->decode(Ids{10, 11}), "<a>[a]");
  const auto other = open("{{ messages[a] }}{# <end> #}{% if x <a> y %}", all(1));
  for (const int32_t id : {9, 10, 11}) EXPECT_FALSE(other->is_special(id)) << "not text of the template";
}

TEST_F(F15_GgufMarks, MarksThatNoMergeCanMakeAreControlTokens) {
  EXPECT_TRUE(open("", all(1))->is_special(14)) << "<|fim|>, which no template names";
}

TEST_F(F15_GgufMarks, TagsInsideAnAnswerAreShown) {
  const auto t = open(std::string(kTemplate) + "<think></think>", all(1));
  EXPECT_EQ(ids(*t, "<think>a</think>"), (Ids{12, 2, 13}));
  EXPECT_EQ(t->decode(Ids{12, 2, 13}), "<think>a</think>");
}

TEST_F(F15_GgufMarks, GoodTypesAreKept) {
  Types types = all(1);
  types[7] = 4, types[8] = 3;
  const auto t = open(kTemplate, types);
  EXPECT_FALSE(t->is_special(7)) << "user-defined";
  EXPECT_EQ(ids(*t, "<|user|>[INST]"), (Ids{7, 8}));
}

TEST(F15_TemplateTexts, LiteralsAndWhatStandsAround) {
  const auto texts = template_texts("<x>{% if a == '<|y|>' %}it's {<z>}{# <n> #}{{ \"[W]\" ~ b }}{{ 'open");
  const auto has = [&](const char* mark) { return type_of_mark(mark, texts); };
  for (const char* mark : {"<x>", "<|y|>", "<z>", "[W]"}) EXPECT_EQ(has(mark), 3) << mark;
  EXPECT_EQ(has("<n>"), 0);
  for (const char* source : {"", "{", "{{", "{%", "{#", "a{{ b", "{{{{", "{% '"}) template_texts(source);
}

}  // namespace
}  // namespace autark::text
