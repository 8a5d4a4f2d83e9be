// Goal: masks over real vocabularies allow every way to write a valid text in tokens, and no other text. Method: toy
// tokens over bytes, and the real tokenizers that are available. A valid text is cut into tokens by the
// tokenizer and at random; each token must be allowed, and the text may end where it is whole. In an invalid
// text some token must be refused. The helper that tries structures first is a shell script here.
#include "text/structure.h"
#include <gtest/gtest.h>
#include <algorithm>
#include <random>
#include "text/testing.h"

namespace autark::text {
namespace {

struct Form {
  StructureKind kind;
  const char* text;
  std::vector<const char*> good, bad;
};

const Form kForms[] = {
    {StructureKind::schema,
     R"({"type":"object","properties":{"name":{"type":"string"},"größe":{"type":"integer"}},"required":["name"],"additionalProperties":false})",
     {R"({"name":"Ünï 😀","größe":-12})", R"({ "name": "a\"b\\" })"},
     {R"({"größe":1})", R"({"name":1})", R"({"name":"a","x":1})", "[]", "x"}},
    {StructureKind::schema, R"({"enum":["日本","日光",3]})", {R"("日光")", "3"}, {R"("日")", "33"}},
    {StructureKind::regex, "[a-c]+ü{2}", {"abcüü"}, {"abcü", "üü", "abcüüü"}},
    {StructureKind::choice, R"(["New York","New Orleans","New"])", {"New", "New Orleans"}, {"New Y", "York"}},
    {StructureKind::grammar,
     "start: \"SELECT \" name (\", \" name)*\nname: /[a-z]+/\n",
     {"SELECT a, total"},
     {"SELECT ", "select a"}}};

bool allows(const StructureMasks::Mask& mask, int32_t id) {
  const auto word = size_t(id) / 32;
  return word < mask.bits.size() && (mask.bits[word] >> (id % 32) & 1);
}

// Whether the ids are, token by token, an answer.
bool takes(StructureMasks& masks, std::span<const int32_t> ids) {
  for (size_t i = 0; i <= ids.size(); ++i) {
    const auto mask = masks.after(ids.first(i));
    if (!mask) return false;
    if (i == ids.size()) return mask->finished;
    if (!allows(*mask, ids[i])) return false;
  }
  return false;
}

// The text cut at random, each part encoded by itself.
std::vector<int32_t> cut(const Tokenizer& t, std::string_view text, std::mt19937& random) {
  std::vector<int32_t> ids;
  while (!text.empty()) {
    size_t size = std::min<size_t>(text.size(), 1 + random() % 6);
    while (size < text.size() && (text[size] & 0xc0) == 0x80) ++size;
    const auto part = t.encode(text.substr(0, size), {.add_special = false});
    if (part) ids.insert(ids.end(), part->begin(), part->end());
    text.remove_prefix(size);
  }
  return ids;
}

class StructureTest : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    auto opened = Tokenizer::open(tokenizer_folder(GetParam()));
    if (!opened) GTEST_SKIP() << opened.error().message;
    tokenizer_ = std::move(*opened);
    ends_ = tokenizer_->end_tokens();
    if (ends_.empty()) ends_ = {int32_t(tokenizer_->size() - 1)};
    auto made = Structures::make(*tokenizer_, ends_);
    ASSERT_TRUE(made) << made.error().message;
    structures_ = std::move(*made);
  }
  std::unique_ptr<Tokenizer> tokenizer_;
  std::vector<int32_t> ends_;
  std::unique_ptr<Structures> structures_;
};

TEST_P(StructureTest, EveryWayToWriteAValidTextIsAllowed) {
  std::mt19937 random(1);
  for (const Form& form : kForms) {
    StructureFault fault;
    const auto masks = structures_->compile(form.kind, form.text, fault);
    ASSERT_TRUE(masks) << form.text << ": " << fault.message;
    for (const char* text : form.good) {
      const auto ids = tokenizer_->encode(text, {.add_special = false});
      ASSERT_TRUE(ids);
      EXPECT_TRUE(takes(*masks, *ids)) << form.text << " must take " << text;
      for (int i = 0; i < 5; ++i)
        EXPECT_TRUE(takes(*masks->another(), cut(*tokenizer_, text, random))) << text << " in other tokens";
    }
    for (const char* text : form.bad) EXPECT_FALSE(takes(*masks, cut(*tokenizer_, text, random))) << text;
  }
}

// JSON can spell a letter in several ways; masks allow one of them. Every text has a spelling.
TEST_P(StructureTest, AnEscapeIsAllowedWhereAStringNeedsIt) {
  StructureFault fault;
  const auto masks = structures_->compile(StructureKind::schema, R"({"type":"string"})", fault);
  ASSERT_TRUE(masks) << fault.message;
  const std::vector<std::pair<const char*, bool>> spellings = {{R"("\"\\\b\f\n\r\t")", true},
                                                               {R"("\u0000\u001F\u001f\u007f")", true},
                                                               {R"("/Aé")", true},
                                                               {R"("\/")", false},
                                                               {R"("\u0041")", false},
                                                               {R"("\u00e9")", false}};
  for (const auto& [text, allowed] : spellings)
    EXPECT_EQ(takes(*masks, *tokenizer_->encode(text, {.add_special = false})), allowed) << text;
}

TEST_P(StructureTest, EndTokensAreAllowedExactlyWhereTheTextMayEnd) {
  StructureFault fault;
  const auto masks = structures_->compile(StructureKind::choice, R"(["ab","abc"])", fault);
  ASSERT_TRUE(masks) << fault.message;
  const std::vector<std::pair<const char*, bool>> places = {{"", false}, {"a", false}, {"ab", true}};
  for (const auto& [text, may_end] : places) {
    const auto mask = masks->after(tokenizer_->encode(text, {.add_special = false}).value());
    ASSERT_TRUE(mask);
    EXPECT_EQ(mask->finished, may_end) << text;
    for (const int32_t id : ends_) EXPECT_EQ(allows(*mask, id), may_end) << text;
  }
}

INSTANTIATE_TEST_SUITE_P(Tokenizers, StructureTest,
                         ::testing::Values("deepseek-v4", "qwen2.5-coder", "qwen3", "gemma3"),
                         [](const auto& place) {
                           std::string name = place.param;
                           std::ranges::replace_if(
                               name, [](char c) { return !std::isalnum(uint8_t(c)); }, '_');
                           return name;
                         });

// Every byte is a token; 256 ends an answer.
class Bytes final : public Tokenizer {
 public:
  Result<std::vector<int32_t>> encode(std::string_view text, EncodeOptions) const override {
    std::vector<int32_t> ids;
    for (const char c : text) ids.push_back(uint8_t(c));
    return ids;
  }
  int64_t size() const override { return 257; }
  std::string bytes_of(int32_t id) const override { return id < 256 ? std::string(1, char(id)) : ""; }
  bool is_special(int32_t id) const override { return id == 256; }
  std::optional<int32_t> id_of(std::string_view) const override { return {}; }
  std::optional<std::string> special_text(std::string_view) const override { return {}; }
  std::map<std::string, std::string, std::less<>> special_texts() const override { return {}; }
  std::vector<std::string> markup() const override { return {}; }
  std::vector<int32_t> end_tokens() const override { return {256}; }
  std::unique_ptr<StreamDecoder> stream(bool) const override { return nullptr; }
};

StructureFault tried_by(const char* script) {
  const std::vector<std::string> trial = {"/bin/sh", "-c", script, "sh"};
  const Bytes bytes;
  auto made = Structures::make(bytes, bytes.end_tokens(), trial);
  EXPECT_TRUE(made);
  StructureFault fault{.message = "none"};
  if (made && (*made)->compile(StructureKind::regex, "a", fault)) return {.message = "compiled"};
  return fault;
}

TEST(StructureTrial, ItsVerdictIsTheServers) {
  using Why = StructureFault::Why;
  EXPECT_EQ(tried_by("test $1 = regex && read a; test \"$a\" = a && echo {}").message, "compiled");
  EXPECT_EQ(tried_by("read a; kill -9 $$").why, Why::complex);
  const auto fault = tried_by(R"(read a; echo '{"why":"invalid","place":"/x","message":"it is wrong"}')");
  EXPECT_EQ(fault.why, Why::invalid);
  EXPECT_EQ(fault.place, "/x");
  EXPECT_EQ(fault.message, "it is wrong");
  EXPECT_EQ(tried_by("read a; echo what").why, Why::busy);
}

}  // namespace
}  // namespace autark::text
