// Goal: a stream of bytes becomes text in whole characters, independent of the cuts. Method: properties over
// random bytes (seed printed): the cuts do not matter, every piece is valid UTF-8; examples for the maximal
// invalid parts of the Unicode standard.
#include "text/stream.h"
#include <gtest/gtest.h>
#include <random>

namespace autark::text {
namespace {

std::string whole(const std::string& bytes) {
  Utf8Stream s;
  std::string out = s.push(bytes);
  return out + s.flush();
}

TEST(Utf8Stream, KeepsValidTextAndReplacesEachMaximalInvalidPart) {
  EXPECT_EQ(whole("plain é 你好 🙂"), "plain é 你好 🙂");
  EXPECT_EQ(whole("\x80"), "\uFFFD");
  EXPECT_EQ(whole("\xC0\xAF"), "\uFFFD\uFFFD");
  EXPECT_EQ(whole("\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41"), "\uFFFD\uFFFD\uFFFD\uFFFDA");
  EXPECT_EQ(whole("\xED\xA0\x80"), "\uFFFD\uFFFD\uFFFD");
  EXPECT_EQ(whole("\xF4\x90\x80\x80"), "\uFFFD\uFFFD\uFFFD\uFFFD");
}

TEST(Utf8Stream, WaitsForTheRestOfACharacter) {
  Utf8Stream s;
  EXPECT_EQ(s.push("\xF0\x9F"), "");
  EXPECT_EQ(s.flush(), "\uFFFD");
  EXPECT_EQ(s.push("\x99"), "");
  EXPECT_EQ(s.push("\x82!"), "🙂!");
  EXPECT_EQ(s.flush(), "");
}

TEST(Utf8Stream, CutsDoNotMatter) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  const std::string alphabet = "aé你🙂\xC3\xE4\xBD\xF0\x9F\x99\x82\xED\xA0\xFF\x80";
  for (int round = 0; round < 2000; ++round) {
    std::string bytes;
    for (size_t n = random() % 12; n > 0; --n) bytes += alphabet[random() % alphabet.size()];
    Utf8Stream s;
    std::string joined;
    for (size_t at = 0; at < bytes.size();) {
      const size_t n = 1 + random() % 3;
      const std::string piece = s.push(std::string_view(bytes).substr(at, n));
      joined += piece;
      at += n;
      Utf8Stream check;
      EXPECT_EQ(check.push(piece), piece) << "a piece is not valid UTF-8";
    }
    EXPECT_EQ(joined + s.flush(), whole(bytes));
  }
}

}  // namespace
}  // namespace autark::text
