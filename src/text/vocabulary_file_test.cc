// Goal: a folder that has only a SentencePiece or tiktoken file is a tokenizer; damaged files are errors that name
// the fault. Method: tiny files written by hand, with the ids worked out by hand; tests/tokenizers/run compares
// with the libraries themselves.
#include <gtest/gtest.h>
#include <unistd.h>
#include <bit>
#include <cmath>
#include <fstream>
#include "text/sentencepiece_file.h"
#include "text/tiktoken_file.h"
#include "text/tokenizer.h"
#include "text/wire_reader.h"

namespace autark::text {
namespace {

using Ids = std::vector<int32_t>;

std::string varint(uint64_t n) {
  std::string out;
  for (; n >= 128; n >>= 7) out += char((n & 127) | 128);
  return out + char(n);
}
std::string field(uint32_t name, uint64_t number) {
  return varint(uint64_t(name) << 3) + varint(number);
}
std::string field(uint32_t name, const std::string& bytes) {
  return varint(uint64_t(name) << 3 | 2) + varint(bytes.size()) + bytes;
}
std::string piece(const std::string& text, float score, uint64_t type = 1) {
  std::string bits;
  for (int i = 0; i < 4; ++i) bits += char(std::bit_cast<uint32_t>(score) >> (8 * i) & 255);
  return field(1, field(1, text) + varint(2 << 3 | 5) + bits + field(3, type));
}
std::string byte_pieces() {
  std::string all;
  for (int b = 0; b < 256; ++b) {
    char name[8];
    std::snprintf(name, sizeof name, "<0x%02X>", unsigned(b));
    all += piece(name, 0, 6);
  }
  return all;
}
// Byte pair encoding or a unigram; both normalisations of white space are off, a space comes first.
std::string model(int type, bool bytes, const std::string& pieces) {
  return pieces + field(2, field(3, uint64_t(type)) + field(35, uint64_t(bytes))) +
         field(3, field(3, uint64_t{1}) + field(4, uint64_t{0}) + field(5, uint64_t{1}));
}
// Ids: 0 unknown, 1 <s>, 2 </s>, 3 "▁", 4 "a", 5 "b", 6 "ab", 7 "▁a", 8 "<x>" and 9 "  " of the user.
std::string small(int type) {
  return model(type, false,
               piece("<unk>", 0, 2) + piece("<s>", 0, 3) + piece("</s>", 0, 3) + piece("▁", -5) +
                   piece("a", -6) + piece("b", -7) + piece("ab", -2) + piece("▁a", -1) + piece("<x>", 0, 4) +
                   piece("▁▁", 0, 4));
}

class VocabularyFile : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / ("autark_vocabulary_" + std::to_string(getpid()));
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  void write(const char* name, const std::string& bytes) {
    std::ofstream(folder_ / name, std::ios::binary) << bytes;
  }
  Result<std::unique_ptr<Tokenizer>> open(const char* name, const std::string& bytes) {
    write(name, bytes);
    return Tokenizer::open(folder_);
  }
  std::string fault(const char* name, const std::string& bytes) {
    const auto t = open(name, bytes);
    return t ? "" : t.error().message;
  }

  std::filesystem::path folder_;
};

TEST_F(VocabularyFile, SentencepiecePairsAreJoinedByScore) {
  auto t = open("tokenizer.model", small(2));
  ASSERT_TRUE(t) << t.error().message;
  EXPECT_EQ(*(*t)->encode("ab"), (Ids{7, 5})) << "▁a scores better than ab";
  EXPECT_EQ(*(*t)->encode("bab"), (Ids{3, 5, 6}));
  EXPECT_EQ(*(*t)->encode("ab??ab"), (Ids{7, 5, 0, 6})) << "unknown neighbours are one piece";
  EXPECT_EQ(*(*t)->encode(""), Ids{});
  EXPECT_EQ((*t)->decode(Ids{1, 7, 5, 3, 6, 2}), "ab ab");
}

TEST_F(VocabularyFile, SentencepieceUnigramsHaveTheBestSum) {
  auto t = open("tokenizer.model", small(1));
  ASSERT_TRUE(t) << t.error().message;
  EXPECT_EQ(*(*t)->encode("ab"), (Ids{3, 6})) << "-5 - 2 is better than -1 - 7";
  EXPECT_EQ((*t)->special_text("bos_token"), "<s>");
  EXPECT_EQ((*t)->end_tokens(), (Ids{2}));
}

TEST_F(VocabularyFile, TypedMarkupIsNoPiece) {
  for (const int type : {1, 2}) {
    auto t = open("tokenizer.model", small(type));
    ASSERT_TRUE(t);
    EXPECT_EQ(*(*t)->encode("a<x>a", {.parse_special = true}), (Ids{7, 8, 4}));
    EXPECT_EQ(*(*t)->encode("a<x>a"), (Ids{7, 0, 4}));
    EXPECT_EQ(*(*t)->encode("a</s>a", {.parse_special = true}), (Ids{7, 2, 7}))
        << "a space comes first again";
    EXPECT_EQ(*(*t)->encode("a</s>a"), (Ids{7, 0, 4}));
    const ByteRange typed[] = {{4, 7}};
    EXPECT_EQ(*(*t)->encode("<x>a<x>", {.parse_special = true, .literal = typed}), (Ids{3, 8, 4, 0}));
    EXPECT_EQ(*(*t)->encode("a  a"), (Ids{7, 9, 4})) << "white space is no markup";
  }
}

TEST_F(VocabularyFile, BytesStandForUnknownCharacters) {
  const std::string pieces = byte_pieces() + piece("▁", -1) + piece("a", -2);
  for (const int type : {1, 2}) {
    auto t = open("tokenizer.model", model(type, true, pieces));
    ASSERT_TRUE(t) << t.error().message;
    EXPECT_EQ(*(*t)->encode("aé"), (Ids{256, 257, 0xc3, 0xa9}));
    EXPECT_EQ((*t)->decode(Ids{256, 257, 0xc3, 0xa9}), "aé");
  }
}

TEST_F(VocabularyFile, FilesBesideAddTokens) {
  write("tokenizer_config.json", R"({"tokenizer_class":"LlamaTokenizer","eos_token":"<end>",
    "added_tokens_decoder":{"12":{"content":"<end>","special":true,"rstrip":true},"x":{"content":"<y>"}}})");
  write("added_tokens.json", R"({"<|z|>":11,"<end>":900,"w":-1})");
  auto t = open("tokenizer.model", small(2));
  ASSERT_TRUE(t) << t.error().message;
  EXPECT_EQ((*t)->end_tokens(), (Ids{12}));
  EXPECT_EQ(*(*t)->encode("a<end>  <|z|>", {.parse_special = true}), (Ids{1, 7, 12, 11})) << "with <s>";
  EXPECT_EQ((*t)->decode(Ids{7, 12, 11}, false), "a<end><|z|>");
}

TEST_F(VocabularyFile, DamagedSentencepieceFilesAreNamed) {
  const std::string whole = small(1);
  for (size_t cut = 0; cut < whole.size(); ++cut) fault("tokenizer.model", whole.substr(0, cut));  // no crash
  EXPECT_NE(fault("tokenizer.model", whole.substr(0, whole.size() - 1)).find("cut off"), std::string::npos);
  EXPECT_NE(fault("tokenizer.model", "").find("no pieces"), std::string::npos);
  EXPECT_NE(fault("tokenizer.model", whole + piece("ab", 0)).find("twice"), std::string::npos);
  EXPECT_NE(fault("tokenizer.model", whole + piece("", 0)).find("empty"), std::string::npos);
  EXPECT_NE(fault("tokenizer.model", whole + piece(std::string(8000, 'a'), 0)).find("too long"),
            std::string::npos);
  EXPECT_NE(fault("tokenizer.model", whole + piece("c", std::nanf(""))).find("finite"), std::string::npos);
  EXPECT_NE(fault("tokenizer.model", whole + piece("c", 0, 7)).find("type"), std::string::npos);
  EXPECT_NE(fault("tokenizer.model", whole + piece("<0x41>", 0, 6)).find("byte_fallback"), std::string::npos);
  EXPECT_NE(fault("tokenizer.model", whole + piece("<u>", 0, 2)).find("several unknown"), std::string::npos);
  EXPECT_NE(fault("tokenizer.model", whole + piece("\xff", 0)).find("piece"), std::string::npos)
      << "not UTF-8";
  EXPECT_NE(fault("tokenizer.model", model(1, false, piece("a", 0))).find("unknown piece"),
            std::string::npos);
  EXPECT_NE(fault("tokenizer.model", model(1, true, piece("a", 0))).find("every byte"), std::string::npos);
  EXPECT_NE(fault("tokenizer.model", model(3, false, whole)).find("not supported"), std::string::npos);
  EXPECT_NE(fault("tokenizer.model", whole + field(5, field(2, std::string("x")))).find("decoded"),
            std::string::npos);
  EXPECT_NE(fault("tokenizer.model", whole + field(3, field(2, std::string(2000, 'x')))).find("table"),
            std::string::npos);
  EXPECT_NE(fault("tokenizer.model", "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f").find("cut off"),
            std::string::npos)
      << "a huge length";
}

// Units that lead back to themselves, or outside: every step reads a byte of the text, so that it ends.
TEST_F(VocabularyFile, ATableOfCharactersMayBeAnything) {
  for (const uint32_t unit : {0u, 0xffffffffu, 0x00000161u, 0x40000561u, 0x7ffffd61u}) {
    std::string map = std::string("\x00\x04\x00\x00", 4);
    for (int i = 0; i < 256; ++i)
      for (int k = 0; k < 4; ++k) map += char(unit >> (8 * k) & 255);
    map += std::string("b\0", 2);
    auto t = open("tokenizer.model", small(1) + field(3, field(2, map)));
    ASSERT_TRUE(t) << t.error().message;
    EXPECT_TRUE((*t)->encode(std::string(1000, 'a') + "é😀"));
  }
}

TEST(WireReader, ReadsEveryTypeAndRefusesGroups) {
  const std::string bytes = field(1, uint64_t{300}) + field(2, std::string("ab")) +
                            std::string("\x1d\x01\x02\x00\x00", 5) +
                            std::string("\x21\x01\0\0\0\0\0\0\x80", 9);
  WireReader r(bytes);
  EXPECT_EQ(r.next()->number, 300u);
  EXPECT_EQ(r.next()->bytes, "ab");
  EXPECT_EQ(r.next()->number, 0x201u);
  EXPECT_EQ(r.next()->number, 0x8000000000000001u);
  EXPECT_TRUE(r.done());
  for (const char* bad :
       {"\x0b", "\x0c", "\x07", "\x08", "\x80", "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", "\x0d\x01"}) {
    WireReader broken{std::string_view(bad)};
    EXPECT_FALSE(broken.next()) << bad;
  }
}

// ---- tiktoken ---------------------------------------------------------------------------------------------

std::string base64(std::string_view text) {
  constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (size_t i = 0; i < text.size(); i += 3) {
    uint32_t bits = 0;
    for (size_t k = 0; k < 3; ++k) bits = bits << 8 | (i + k < text.size() ? uint8_t(text[i + k]) : 0);
    for (size_t k = 0; k < 4; ++k) out += i + k > text.size() ? '=' : kDigits[bits >> (18 - 6 * k) & 63];
  }
  return out;
}
std::string line(std::string_view token, int rank) {
  return base64(token) + " " + std::to_string(rank) + "\n";
}
// All bytes have their value as rank; 256 "ab", 257 "bc", 258 "abc", 259 " a".
std::string ranks() {
  std::string all;
  for (int b = 0; b < 256; ++b) all += line(std::string(1, char(b)), b);
  return all + line("ab", 256) + line("bc", 257) + line("abc", 258) + line(" a", 259);
}

TEST_F(VocabularyFile, TiktokenJoinsTheLowestRank) {
  auto t = open("tiktoken.model", ranks());
  ASSERT_TRUE(t) << t.error().message;
  EXPECT_EQ(*(*t)->encode("abc"), (Ids{258}));
  EXPECT_EQ(*(*t)->encode("abcb ab"), (Ids{258, 'b', ' ', 256})) << "ab before \" a\"";
  EXPECT_EQ(*(*t)->encode("\xe6\xbc\xa2z"), (Ids{0xe6, 0xbc, 0xa2, 'z'}));
  EXPECT_EQ((*t)->decode(Ids{258, 0xc3, 0xa9}), "abc\u00e9");
  EXPECT_EQ(*(*t)->encode("<|reserved_token_260|>", {.parse_special = true}), (Ids{260}));
  EXPECT_EQ((*t)->encode("<|reserved_token_260|>")->size(), 22u) << "typed markup stays text";
  EXPECT_EQ((*t)->size(), 516);
}

TEST_F(VocabularyFile, KimisTokensHaveTheirNames) {
  write("tokenizer_config.json",
        R"({"tokenizer_class":"TikTokenTokenizer","bos_token":"[BOS]","added_tokens_decoder":{
    "260":{"content":"[BOS]","special":true},"261":{"content":"[EOS]","special":true},"3":{"content":"<no>"}}})");
  auto t = open("tiktoken.model", ranks());
  ASSERT_TRUE(t) << t.error().message;
  EXPECT_EQ(*(*t)->encode("a[EOS]", {.parse_special = true}), (Ids{'a', 261}));
  EXPECT_EQ((*t)->end_tokens(), (Ids{261}));
  EXPECT_EQ((*t)->bytes_of(3), "\x03");
}

TEST_F(VocabularyFile, HunyuanCountsLines) {
  std::string file = line("ab", 9);  // ranks are not read
  for (int b = 0; b < 256; ++b) file += line(std::string(1, char(b)), 0);
  auto t = open("hy.tiktoken", file + line("ab", 3));
  ASSERT_TRUE(t) << t.error().message;
  EXPECT_EQ(*(*t)->encode("ab<|eos|>", {.parse_special = true}), (Ids{0, 260}));
  EXPECT_EQ((*t)->end_tokens(), (Ids{260}));
  EXPECT_EQ(*(*t)->encode("e\u0301"), (Ids{0xc4, 0xaa})) << "composed: C3 A9, one line later";
}

TEST_F(VocabularyFile, DamagedTiktokenFilesAreNamed) {
  const auto says = [&](const std::string& bytes, const char* what) {
    const std::string found = fault("tiktoken.model", bytes);
    EXPECT_NE(found.find(what), std::string::npos) << found;
  };
  says("", "no tokens");
  says(ranks() + "!!!! 260\n", "line 261: the token is not base64");
  says(ranks() + "YQ= 260\n", "not base64");
  says(ranks() + "====\n", "not base64");
  says(ranks() + base64("xyz"), "no rank");
  says(ranks() + base64("xyz") + " -1\n", "no rank");
  says(ranks() + base64("xyz") + " 1x\n", "no rank");
  says(ranks() + base64("xyz") + " 99999999999999999999\n", "no rank");
  says(ranks() + base64("xyz") + " 9999999\n", "too large");
  says(ranks() + line("xyz", 261), "a rank below it is missing");
  says(ranks() + line("xyz", 5), "rank 5");
  says(ranks() + line("ab", 260), "another line");
  says(ranks().substr(base64("a").size() + 3), "missing");
  std::string lacking = line("xyz", 0);
  for (int b = 1; b < 256; ++b) lacking += line(std::string(1, char(b)), b);
  says(lacking, "byte 0x00");
  write("tokenizer_config.json", R"({"tokenizer_class":"OtherTokenizer"})");
  says(ranks(), "'OtherTokenizer'");
}

TEST_F(VocabularyFile, OtherSourcesComeFirst) {
  write("tokenizer.model", "no model");
  EXPECT_NE(fault("hy.tiktoken", ranks()).find("tokenizer.model"), std::string::npos);
  write("tokenizer.json", "{}");
  EXPECT_NE(Tokenizer::open(folder_).error().message.find("tokenizer.json"), std::string::npos);
  EXPECT_EQ((*Tokenizer::open(folder_ / "hy.tiktoken"))->id_of("ab"), 256);
}

}  // namespace
}  // namespace autark::text
