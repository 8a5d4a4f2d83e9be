// Goal: a completion with a suffix becomes the prompt that code models were trained on. Method: a tokenizer of
// bytes with the tokens of one family.
#include "serve/gap_tokens.h"
#include <gtest/gtest.h>
#include "serve/fake_engine.h"
#include "serve/prompts.h"

namespace autark::serve {
namespace {

constexpr int32_t kBefore = 300, kAfter = 301, kFill = 302;

class CodeTokenizer final : public ByteTokenizer {
 public:
  explicit CodeTokenizer(bool whole = true) : whole_(whole) {}
  std::optional<int32_t> id_of(std::string_view token) const override {
    if (token == "<|fim_prefix|>") return kBefore;
    if (token == "<|fim_suffix|>") return kAfter;
    if (token == "<|fim_middle|>" && whole_) return kFill;
    return {};
  }

 private:
  const bool whole_;
};

TEST(GapTokens, AllThreeOrNone) {
  const auto found = gap_tokens(CodeTokenizer());
  ASSERT_TRUE(found);
  EXPECT_EQ(found->before, kBefore);
  EXPECT_EQ(found->after, kAfter);
  EXPECT_EQ(found->fill, kFill);
  EXPECT_FALSE(gap_tokens(CodeTokenizer(false)));
}

TEST(GapTokens, StandAroundTheTwoTexts) {
  text::ModelText text;
  text.tokenizer = std::make_unique<CodeTokenizer>();
  const Prompts prompts(text);
  api::Request r;
  r.suffix = "<b>";  // a text, not a token
  const auto ids_of = [&](api::Request request) {
    return std::get<std::vector<Prompt>>(prompts.of(request, {})).at(0).ids;
  };
  r.prompts = {std::string("ab")};
  EXPECT_EQ(ids_of(r),
            (std::vector<int32_t>{ByteTokenizer::kBegin, kBefore, 'a', 'b', kAfter, '<', 'b', '>', kFill}));
  r.prompts = {std::vector<int32_t>{'a'}};
  EXPECT_EQ(ids_of(r), (std::vector<int32_t>{kBefore, 'a', kAfter, '<', 'b', '>', kFill}));
}

}  // namespace
}  // namespace autark::serve
