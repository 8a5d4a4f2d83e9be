// Goal: GGUF vocabularies become tokenizers, and inconsistent files are errors that name the fault.
// Method: small files made by hand.
#include <gtest/gtest.h>
#include <unistd.h>
#include <algorithm>
#include "base/gguf_testing.h"
#include "text/pipelines.h"
#include "text/tokenizer.h"

namespace autark::text {
namespace {

using Ids = std::vector<int32_t>;

class GgufTokenizer : public testing::Test {
 protected:
  void SetUp() override {
    file_ = std::filesystem::temp_directory_path() /
            ("autark_gguf_tokenizer_" + std::to_string(getpid()) + ".gguf");
  }
  void TearDown() override { std::filesystem::remove(file_); }

  Result<std::unique_ptr<Tokenizer>> open(const GgufBytes& g) {
    g.write(file_);
    return Tokenizer::open(file_);
  }
  std::string fault(const GgufBytes& g) {
    auto t = open(g);
    return t ? "" : t.error().message;
  }

  static GgufBytes bpe(const char* pre) {
    GgufBytes g;
    g.key("tokenizer.ggml.model", "gpt2").key("tokenizer.ggml.pre", pre);
    g.key("tokenizer.ggml.tokens", std::vector<std::string>{"a", "b", "1", "Ġ", "ab", "<t>", "[PAD6]"});
    g.array<int32_t>("tokenizer.ggml.token_type", Gguf::Type::i32, {1, 1, 1, 1, 1, 3, 5});
    g.key("tokenizer.ggml.merges", std::vector<std::string>{"a b"});
    return g;
  }

  std::filesystem::path file_;
};

TEST_F(GgufTokenizer, RebuildsByteLevelBpe) {
  auto t = open(bpe("gpt-2"));
  ASSERT_TRUE(t) << t.error().message;
  EXPECT_EQ(*(*t)->encode("ab a"), (Ids{4, 3, 0}));
  EXPECT_EQ(*(*t)->encode("<t>a", {.parse_special = true}), (Ids{5, 0}));
  EXPECT_EQ((*t)->decode(Ids{4, 3, 5, 6, 0}), "ab a") << "control and unused tokens add nothing";
  EXPECT_EQ((*t)->decode(Ids{5, 0}, false), "<t>a");
}

TEST_F(GgufTokenizer, AddsWhatTheFlagsSay) {
  GgufBytes g = bpe("gpt-2");
  g.key("tokenizer.ggml.bos_token_id", uint32_t{5}).key("tokenizer.ggml.eos_token_id", uint32_t{1});
  g.key("tokenizer.ggml.add_bos_token", true).key("tokenizer.ggml.add_eos_token", true);
  auto t = open(g);
  ASSERT_TRUE(t) << t.error().message;
  EXPECT_EQ(*(*t)->encode("a"), (Ids{5, 0, 1}));
  EXPECT_EQ(*(*t)->encode("a", {.add_special = false}), (Ids{0}));
  EXPECT_EQ((*t)->special_text("bos_token"), "<t>");
  EXPECT_EQ((*t)->end_tokens(), (Ids{1}));
}

TEST_F(GgufTokenizer, AddsBosToLlamaBpeUnlessTold) {
  GgufBytes g = bpe("llama-bpe");
  g.key("tokenizer.ggml.bos_token_id", uint32_t{5});
  EXPECT_EQ(*(*open(g))->encode("a"), (Ids{5, 0}));
  g.key("tokenizer.ggml.add_bos_token", false);
  EXPECT_EQ(*(*open(g))->encode("a"), (Ids{0}));
}

TEST_F(GgufTokenizer, JoinsSentencepiecesByScore) {
  GgufBytes g;
  g.key("tokenizer.ggml.model", "llama").key("tokenizer.ggml.unknown_token_id", uint32_t{0});
  g.key("tokenizer.ggml.add_bos_token", false);
  g.key("tokenizer.ggml.tokens",
        std::vector<std::string>{"<unk>", "<0xC3>", "<0xA9>", "▁", "a", "b", "ab", "▁a", "<t>"});
  g.array<int32_t>("tokenizer.ggml.token_type", Gguf::Type::i32, {2, 6, 6, 1, 1, 1, 1, 1, 3});
  g.array<float>("tokenizer.ggml.scores", Gguf::Type::f32, {0, 0, 0, -5, -6, -7, -2, -1, 0});
  auto t = open(g);
  ASSERT_TRUE(t) << t.error().message;
  EXPECT_EQ(*(*t)->encode("ab"), (Ids{7, 5})) << "▁a scores better than ab";
  EXPECT_EQ(*(*t)->encode("é"), (Ids{3, 1, 2})) << "bytes for what no token spells";
  EXPECT_EQ((*t)->decode(Ids{7, 5, 3, 1, 2}), "ab é") << "the first space goes";
}

TEST_F(GgufTokenizer, ReadsUnigrams) {
  GgufBytes g;
  g.key("tokenizer.ggml.model", "t5").key("tokenizer.ggml.unknown_token_id", uint32_t{0});
  g.key("tokenizer.ggml.eos_token_id", uint32_t{1});
  g.key("tokenizer.ggml.tokens",
        std::vector<std::string>{"<unk>", "</s>", "▁", "a", "b", "▁ab", "<", "/", "s", ">"});
  g.array<int32_t>("tokenizer.ggml.token_type", Gguf::Type::i32, {2, 3, 1, 1, 1, 1, 1, 1, 1, 1});
  g.array<float>("tokenizer.ggml.scores", Gguf::Type::f32, {0, 0, -2, -3, -3, -1, -4, -4, -4, -4});
  auto t = open(g);
  ASSERT_TRUE(t) << t.error().message;
  EXPECT_EQ(*(*t)->encode("ab  ab"), (Ids{5, 5, 1}));
  EXPECT_EQ(*(*t)->encode("</s>", {.add_special = false}), (Ids{2, 6, 7, 8, 9})) << "typed markup stays text";
  EXPECT_EQ((*t)->decode(Ids{5, 5, 1}), "ab ab");
}

TEST_F(GgufTokenizer, FaultsNameTheThing) {
  EXPECT_NE(fault(bpe("no-such-rule")).find("'no-such-rule'"), std::string::npos);
  GgufBytes g;
  g.key("general.architecture", "llama");
  EXPECT_EQ(open(g).error().code, Code::not_found);
  g.key("tokenizer.ggml.model", "bert");
  EXPECT_NE(fault(g).find("tokens"), std::string::npos);
  g.key("tokenizer.ggml.tokens", std::vector<std::string>{"a"});
  EXPECT_NE(fault(g).find("'bert'"), std::string::npos);
  GgufBytes uneven = bpe("gpt-2");
  uneven.array<float>("tokenizer.ggml.scores", Gguf::Type::f32, {0, 1});
  EXPECT_NE(fault(uneven).find("differ in length"), std::string::npos);
  GgufBytes merge;
  merge.key("tokenizer.ggml.model", "gpt2").key("tokenizer.ggml.pre", "gpt-2");
  merge.key("tokenizer.ggml.tokens", std::vector<std::string>{"a", "\xFF"});
  EXPECT_NE(fault(merge).find("UTF-8"), std::string::npos);
  GgufBytes unknown;
  unknown.key("tokenizer.ggml.model", "gpt2").key("tokenizer.ggml.pre", "gpt-2");
  unknown.key("tokenizer.ggml.tokens", std::vector<std::string>{"a"});
  unknown.key("tokenizer.ggml.merges", std::vector<std::string>{"a z"});
  EXPECT_NE(fault(unknown), "");
}

TEST(Pipelines, HalfANameIsNoName) {
  EXPECT_EQ(bpe_pipeline("gpt").error().code, Code::unsupported);
}

TEST_F(GgufTokenizer, EveryFamilyOpens) {
  for (const char* name : {"gpt-2", "llama-bpe", "qwen2", "qwen35", "stablelm2", "smollm", "deepseek-v3",
                           "joyai-llm", "deepseek-coder", "deepseek-llm", "falcon", "default", "tekken",
                           "gpt-4o", "glm4", "kimi-k2", "minimax-m2", "hunyuan", "hunyuan-dense"}) {
    auto t = open(bpe(name));
    ASSERT_TRUE(t) << name << ": " << t.error().message;
    const auto ids = (*t)->encode("ab 11b\n", {.add_special = false});
    ASSERT_TRUE(ids) << name;
    EXPECT_EQ((*t)->decode(*ids), "ab 11b") << name;  // this vocabulary has no newline
  }
}

// The letters that stand for bytes in a byte-level vocabulary.
std::string letter(uint8_t byte) {
  static const std::vector<uint32_t> points = [] {
    std::vector<uint32_t> all(256);
    uint32_t next = 256;
    for (uint32_t b = 0; b < 256; ++b) {
      const bool shown = (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
      all[b] = shown ? b : next++;
    }
    return all;
  }();
  const uint32_t p = points[byte];
  return p < 0x80 ? std::string(1, char(p)) : std::string{char(0xc0 | p >> 6), char(0x80 | (p & 63))};
}

// A vocabulary whose merges make `text` from its bytes, the first ones first.
GgufBytes making(const char* pre, std::string_view text) {
  std::vector<std::string> tokens, merges;
  for (int b = 0; b < 256; ++b) tokens.push_back(letter(uint8_t(b)));
  std::string made = letter(uint8_t(text[0]));
  for (const char c : text.substr(1)) {
    merges.push_back(made + " " + letter(uint8_t(c)));
    made += letter(uint8_t(c));
    tokens.push_back(made);
  }
  GgufBytes g;
  g.key("tokenizer.ggml.model", "gpt2").key("tokenizer.ggml.pre", pre);
  g.key("tokenizer.ggml.add_bos_token", false);
  g.key("tokenizer.ggml.tokens", tokens).key("tokenizer.ggml.merges", merges);
  return g;
}

// Texts that are one part or two, and the kinds for which they are one.
struct Cut {
  const char *left, *right;
  std::vector<std::string_view> joined;
};
const std::vector<std::string_view> kKinds = {"gpt-2",  "llama-bpe", "glm4",        "qwen2",
                                              "qwen35", "hunyuan",   "deepseek-v3", "hunyuan-dense",
                                              "tekken", "gpt-4o",    "minimax-m2",  "kimi-k2"};
const Cut kCuts[] = {
    {"a", "b", kKinds},
    {"a", " b", {}},
    {"1",
     "2",
     {"gpt-2", "llama-bpe", "glm4", "deepseek-v3", "hunyuan-dense", "gpt-4o", "minimax-m2", "kimi-k2"}},
    {"123", "4", {"gpt-2"}},
    {"!",
     "a",
     {"llama-bpe", "glm4", "qwen2", "qwen35", "hunyuan", "deepseek-v3", "hunyuan-dense", "tekken", "gpt-4o",
      "minimax-m2", "kimi-k2"}},
    {"\u3002",
     "a",
     {"llama-bpe", "glm4", "qwen2", "qwen35", "hunyuan", "tekken", "gpt-4o", "minimax-m2", "kimi-k2"}},
    {"\u6f22",
     "a",
     {"gpt-2", "llama-bpe", "glm4", "qwen2", "qwen35", "hunyuan", "tekken", "gpt-4o", "minimax-m2"}},
    {" ",
     "\u6f22",
     {"gpt-2", "llama-bpe", "glm4", "qwen2", "qwen35", "hunyuan", "tekken", "gpt-4o", "minimax-m2"}},
    {"a", "B", {"gpt-2", "llama-bpe", "glm4", "qwen2", "qwen35", "hunyuan", "deepseek-v3", "hunyuan-dense"}},
    {"don", "'t", {"gpt-4o", "minimax-m2", "kimi-k2"}},
    {"x", "\u0301", {"qwen35", "deepseek-v3", "hunyuan-dense", "tekken", "gpt-4o", "minimax-m2", "kimi-k2"}},
    {"?", "/", kKinds},
    {"\n", "/", {}},
    {"?\n", "/", {"tekken", "gpt-4o", "minimax-m2"}},
    {"\n", "\n", kKinds},
};

TEST_F(GgufTokenizer, EveryKindCutsTextInItsWay) {
  for (const Cut& cut : kCuts) {
    const std::string text = std::string(cut.left) + cut.right;
    for (const std::string_view kind : kKinds) {
      auto t = open(making(std::string(kind).c_str(), text));
      ASSERT_TRUE(t) << t.error().message;
      const bool joined = (*t)->encode(text)->size() == 1;
      const bool wanted = std::ranges::find(cut.joined, kind) != cut.joined.end();
      EXPECT_EQ(joined, wanted) << kind << ": '" << cut.left << "' and '" << cut.right << "'";
    }
  }
}

}  // namespace
}  // namespace autark::text
