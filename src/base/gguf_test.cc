// Goal: a GGUF directory is read as written, and a broken file causes an error and nothing worse. Method:
// files made by hand; every truncation, every flipped byte, false counts; split sets.
#include "base/gguf.h"
#include <gtest/gtest.h>
#include <random>
#include "base/gguf_testing.h"
#include "base/memory_file.h"

namespace autark {
namespace {

class GgufTest : public ::testing::Test {
 protected:
  GgufTest()
      : dir_(std::filesystem::path(::testing::TempDir()) /
             ("gguf_" + std::string(::testing::UnitTest::GetInstance()->current_test_info()->name()))) {
    std::filesystem::create_directories(dir_);
  }
  ~GgufTest() override { std::filesystem::remove_all(dir_); }

  Result<Gguf> open(const std::string& bytes) {
    const MemoryFile file(bytes);
    return Gguf::open(file.path());
  }
  std::string refusal(const GgufBytes& b) {
    const auto g = open(b.bytes());
    return g ? "" : g.error().message;
  }

  std::filesystem::path dir_;
};

GgufBytes sample() {
  GgufBytes b;
  b.key("general.architecture", "llama").key("n", 7u).key("eps", 0.5f).key("yes", true);
  b.key("words", std::vector<std::string>{"a", "", "ccc"});
  b.array<int32_t>("ids", Gguf::Type::i32, {-1, 2}).array<float>("scores", Gguf::Type::f32, {0.25f, -3});
  b.key("small", Gguf::Type::i8, GgufBytes::raw(int8_t{-5}));
  b.key("nested", Gguf::Type::array,
        GgufBytes::raw(uint32_t{9}) + GgufBytes::raw(uint64_t{1}) + GgufBytes::raw(uint32_t{0}) +
            GgufBytes::raw(uint64_t{2}) + "xy");
  b.tensor("one", 0, {2, 3}, std::string(24, 'x')).tensor("two", 8, {32}, std::string(34, 'y'));
  return b;
}

TEST_F(GgufTest, GivesBackWhatWasWritten) {
  for (uint32_t version : {2u, 3u}) {
    GgufBytes b = sample();
    b.version = version;
    const auto g = open(b.bytes());
    ASSERT_TRUE(g) << g.error().message;
    const Gguf& file = g.value();
    EXPECT_EQ(file.text("general.architecture"), "llama");
    EXPECT_EQ(file.integer("n"), 7);
    EXPECT_EQ(file.integer("small"), -5);
    EXPECT_EQ(file.number("n"), 7.0);
    EXPECT_EQ(file.number("eps"), 0.5);
    EXPECT_EQ(file.flag("yes"), true);
    EXPECT_EQ(file.texts("words"), (std::vector<std::string_view>{"a", "", "ccc"}));
    EXPECT_EQ(file.numbers("ids"), (std::vector<double>{-1, 2}));
    EXPECT_EQ(file.numbers("scores"), (std::vector<double>{0.25, -3}));
    const auto& two = file.tensors().at("two");
    EXPECT_EQ(two.shape, (std::vector<int64_t>{32}));
    EXPECT_EQ(file.tensors().at("one").shape, (std::vector<int64_t>{2, 3}));
    EXPECT_EQ(two.offset % 32, 0u);
    EXPECT_EQ(static_cast<char>(file.bytes_from(two)[33]), 'y');
  }
}

TEST_F(GgufTest, AnotherKindIsAbsent) {
  const auto g = open(sample().bytes());
  ASSERT_TRUE(g);
  const Gguf& file = g.value();
  EXPECT_FALSE(file.text("n") || file.text("words") || file.text("no such"));
  EXPECT_FALSE(file.integer("eps") || file.integer("yes") || file.integer("ids"));
  EXPECT_FALSE(file.number("yes") || file.number("general.architecture"));
  EXPECT_FALSE(file.flag("n") || file.texts("ids") || file.numbers("words") || file.numbers("nested"));
}

TEST_F(GgufTest, EveryTruncationIsAnError) {
  const std::string whole = sample().bytes();
  for (size_t n = 0; n < whole.size() - 64; ++n)  // the second tensor's bytes fill the last 64
    EXPECT_FALSE(open(whole.substr(0, n))) << n;
}

TEST_F(GgufTest, FlippedBitsNeverDoHarm) {
  const std::string whole = sample().bytes();
  std::mt19937 gen(9);
  for (size_t at = 0; at < whole.size(); ++at) {
    std::string bad = whole;
    bad[at] ^= static_cast<char>(1 << gen() % 8);
    const auto g = open(bad);
    if (!g) continue;
    for (const auto& [name, t] : g.value().tensors()) ASSERT_GT(g.value().bytes_from(t).size(), 0u);
  }
}

TEST_F(GgufTest, RandomBytesAfterTheMagicNeverDoHarm) {
  std::mt19937 gen(7);
  for (int i = 0; i < 500; ++i) {
    std::string bytes = sample().bytes();
    for (int k = 0; k < 5; ++k) bytes[8 + gen() % (bytes.size() - 8)] = static_cast<char>(gen());
    if (const auto g = open(bytes)) {
      EXPECT_LE(g.value().tensors().size(), 2u);
    }
  }
}

TEST_F(GgufTest, LyingCountsAreErrors) {
  GgufBytes tensors = sample(), keys = sample(), elements = sample(), text = sample(), wide = sample();
  tensors.tensor_count = uint64_t{1} << 60;
  keys.key_count = 1 << 20;
  elements.key("big", Gguf::Type::array, GgufBytes::raw(uint32_t{10}) + GgufBytes::raw(~uint64_t{0}));
  text.key("big", Gguf::Type::string, GgufBytes::raw(~uint64_t{0}));
  wide.tensor("big", 0, {int64_t{1} << 40, int64_t{1} << 40}, "");
  for (const GgufBytes* b : {&tensors, &keys, &elements, &text, &wide}) EXPECT_NE(refusal(*b), "");
}

TEST_F(GgufTest, RefusalsNameTheThing) {
  const auto says = [&](const GgufBytes& b, const char* what) {
    EXPECT_NE(refusal(b).find(what), std::string::npos) << refusal(b);
  };
  GgufBytes old = sample(), big = sample();
  old.version = 1;
  big.version = 3u << 24;
  says(old, "GGUF version 1");
  says(big, "big-endian");
  says(sample().key("n", 8u), "key 'n' is there twice");
  says(sample().tensor("one", 0, {1}, "abcd"), "tensor 'one' is there twice");
  says(sample().tensor("flat", 0, {}, "abcd"), "tensor 'flat' has 0 dimensions");
  says(sample().tensor("none", 0, {0}, "abcd"), "tensor 'none' has an impossible shape");
  says(sample().tensor_at("skew", 0, {1}, 4, "abcd"), "tensor 'skew' lies at 4, not at a multiple of 32");
  says(sample().tensor_at("far", 0, {1}, 1 << 20, "abcd"), "tensor 'far' lies beyond the end");
  says(sample().tensor_at("wrap", 0, {1}, ~uint64_t{31}, "abcd"), "tensor 'wrap' lies beyond the end");
  says(sample().key("general.alignment", 48u), "general.alignment");
  says(sample().key("general.alignment", 0u), "general.alignment");
  says(sample().key("odd", Gguf::Type(13), ""), "key 'odd' has the unknown type 13");
  says(sample().key("maybe", Gguf::Type::boolean, "\2"), "key 'maybe' is neither true nor false");
  EXPECT_NE(open("PK\3\4 not a model").error().message.find("is not a GGUF file"), std::string::npos);
  EXPECT_EQ(Gguf::open(dir_ / "absent.gguf").error().code, Code::not_found);
}

TEST_F(GgufTest, DeepNestingIsRefused) {
  std::string nest = GgufBytes::raw(uint32_t{0}) + GgufBytes::raw(uint64_t{0});
  for (int i = 0; i < 50; ++i) nest = GgufBytes::raw(uint32_t{9}) + GgufBytes::raw(uint64_t{1}) + nest;
  EXPECT_NE(refusal(sample().key("deep", Gguf::Type::array, nest)).find("'deep' is nested too deeply"),
            std::string::npos);
}

TEST_F(GgufTest, OtherAlignmentsAreFollowed) {
  GgufBytes b;
  b.alignment = 64;
  b.key("general.alignment", 64u).tensor("a", 0, {1}, "aaaa").tensor("b", 0, {1}, "bbbb");
  const auto g = open(b.bytes());
  ASSERT_TRUE(g) << g.error().message;
  EXPECT_EQ(static_cast<char>(g.value().bytes_from(g.value().tensors().at("b"))[0]), 'b');
}

GgufBytes part(uint16_t no, uint16_t count, int32_t tensors) {
  GgufBytes b;
  b.key("split.no", Gguf::Type::u16, GgufBytes::raw(no))
      .key("split.count", Gguf::Type::u16, GgufBytes::raw(count));
  b.key("split.tensors.count", Gguf::Type::i32, GgufBytes::raw(tensors));
  return b;
}

TEST_F(GgufTest, ASplitSetIsOneModelFromAnyOfItsFiles) {
  part(0, 3, 2).key("name", "whole").write(dir_ / "m-00001-of-00003.gguf");  // keys only
  part(1, 3, 2).tensor("a", 0, {1}, "aaaa").write(dir_ / "m-00002-of-00003.gguf");
  part(2, 3, 2).tensor("b", 0, {1}, "bbbb").write(dir_ / "m-00003-of-00003.gguf");
  for (const char* any : {"m-00001-of-00003.gguf", "m-00003-of-00003.gguf"}) {
    const auto g = Gguf::open(dir_ / any);
    ASSERT_TRUE(g) << g.error().message;
    EXPECT_EQ(g.value().text("name"), "whole");
    EXPECT_EQ(g.value().files().size(), 3u);
    EXPECT_EQ(static_cast<char>(g.value().bytes_from(g.value().tensors().at("b"))[0]), 'b');
  }
}

TEST_F(GgufTest, ABrokenSplitSetIsAnError) {
  part(0, 2, 2).tensor("a", 0, {1}, "aaaa").write(dir_ / "m-00001-of-00002.gguf");
  const auto fault = [&] { return Gguf::open(dir_ / "m-00001-of-00002.gguf").error().message; };
  EXPECT_NE(fault().find("m-00002-of-00002.gguf: cannot open"), std::string::npos);
  part(0, 2, 2).tensor("b", 0, {1}, "bbbb").write(dir_ / "m-00002-of-00002.gguf");
  EXPECT_NE(fault().find("does not call itself file 1 of 2"), std::string::npos);
  part(1, 2, 2).tensor("a", 0, {1}, "bbbb").write(dir_ / "m-00002-of-00002.gguf");
  EXPECT_NE(fault().find("tensor 'a' is in another file"), std::string::npos);
  part(1, 2, 2).write(dir_ / "m-00002-of-00002.gguf");
  EXPECT_NE(fault().find("has 1 tensors, 2 are promised"), std::string::npos);
  part(0, 2, 2).write(dir_ / "model.gguf");
  EXPECT_NE(Gguf::open(dir_ / "model.gguf").error().message.find("is not named like"), std::string::npos);
}

}  // namespace
}  // namespace autark
