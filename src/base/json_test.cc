// Goal: malformed or oversized JSON is an error, valid JSON is unchanged after reading and printing.
// Method: parse and dump; depth and size at the limit and one above it.
#include "base/json.h"
#include <gtest/gtest.h>

namespace autark {
namespace {

TEST(JsonTest, KeepsOrderAndNumbers) {
  const std::string text = R"({"z":1,"a":[1.0,0.1,1e+16,18446744073709551615,-3],"m":"ü"})";
  EXPECT_EQ(dump_json(*parse_json(text, "t")), text);
}
TEST(G1_LongIntegers, AreNeitherTextsNorNumbersAndKeepTheirDigits) {
  for (const char* digits :
       {"123456789012345678901234567890", "18446744073709551616", "-9223372036854775809"}) {
    const auto json = parse_json(digits, "t");
    ASSERT_TRUE(json) << digits;
    EXPECT_TRUE(is_long_integer(*json) && !json->is_string() && !json->is_number()) << digits;
    EXPECT_EQ(long_integer_text(*json), digits);
    EXPECT_NE(*json, Json(digits));
    const std::string nested = "{\"a\":[" + std::string(digits) + ",\"" + digits + "\"]}";
    EXPECT_EQ(dump_json(*parse_json(nested, "t")), nested);
  }
  EXPECT_FALSE(is_long_integer(*parse_json("18446744073709551615", "t")));
  EXPECT_FALSE(is_long_integer(*parse_json("\"18446744073709551616\"", "t")));
  EXPECT_FALSE(is_long_integer(*parse_json("1e30", "t")));
}
TEST(F20_Nul, IsNoJsonWhereverItStands) {
  const std::pair<std::string, const char*> texts[] = {{std::string("{}\0", 3), "3"},
                                                       {std::string("{}\0{}", 5), "3"},
                                                       {std::string("\0{}", 3), "1"},
                                                       {std::string("[1\0]", 4), "3"},
                                                       {std::string("\"a\0b\"", 5), "3"},
                                                       {std::string("7 \0", 3), "3"},
                                                       {std::string("\"\\ud83d\" \0", 10), "10"},
                                                       {std::string("\xef\xbb\xbf{}\0x", 7), "6"}};
  for (const auto& [text, byte] : texts) {
    const auto json = parse_json(text, "t");
    ASSERT_FALSE(json) << dump_json(Json(text));
    EXPECT_EQ(json.error().message, std::string("t is not JSON at byte ") + byte);
  }
  EXPECT_TRUE(parse_json("\xef\xbb\xbf{\"a\": \"\\u0000\"} \n", "t"))
      << "a mark of UTF-8, and an escaped NUL";
}
TEST(JsonTest, RoomyTextHasSpacesBetweenValuesOnly) {
  EXPECT_EQ(dump_json(*parse_json(R"({"a:":[1,{}],"b":",","c":[]})", "t"), JsonStyle::roomy),
            R"({"a:": [1, {}], "b": ",", "c": []})");
}
TEST(JsonTest, ANumberThatNoDoubleHoldsIsNamed) {
  for (const std::string& huge : {std::string(400, '9'), std::string("1e400"), "-" + std::string(400, '9')})
    EXPECT_EQ(parse_json("[" + huge + "]", "t").error().message.substr(0, 43),
              "t has a number that is too large before byt");
}
TEST(JsonTest, HalfOfASurrogatePairIsReplaced) {
  const std::pair<const char*, const char*> texts[] = {{R"("\ud83d")", "\uFFFD"},
                                                       {R"("a\ud83d b\ude00")", "a\uFFFD b\uFFFD"},
                                                       {R"("\ud83d\ud83d\ude00")", "\uFFFD\U0001F600"},
                                                       {R"("\\ud83d \ude00")", "\\ud83d \uFFFD"},
                                                       {R"("\ud83d\u0041")", "\uFFFDA"}};
  for (const auto& [text, read] : texts) {
    const auto json = parse_json(text, "t");
    ASSERT_TRUE(json) << text << json.error().message;
    EXPECT_EQ(*json, Json(read)) << text;
  }
  EXPECT_EQ(parse_json(R"(["\ud83d",)", "t").error().message, "t is not JSON at byte 11");
  EXPECT_FALSE(parse_json(R"("\ud83)", "t"));
}
TEST(JsonTest, DepthIsLimited) {
  const auto nest = [](int n) { return std::string(n, '[') + std::string(n, ']'); };
  EXPECT_TRUE(parse_json(nest(5), "t", {.depth = 5}));
  EXPECT_FALSE(parse_json(nest(6), "t", {.depth = 5}));
  EXPECT_FALSE(parse_json(std::string(1 << 20, '['), "t"));
}
TEST(JsonTest, SizeIsLimited) {
  EXPECT_FALSE(parse_json("[1,2,3]", "t", {.bytes = 6}));
}
TEST(JsonTest, FaultsNameTheThing) {
  EXPECT_EQ(parse_json("{\"a\":}", "config.json").error().message, "config.json is not JSON at byte 6");
  EXPECT_FALSE(parse_json("", "t"));
  EXPECT_FALSE(parse_json("\"\xff\"", "t"));
}
TEST(JsonTest, OfKeysThatComeTwiceTheLastValueCounts) {
  EXPECT_EQ(dump_json(*parse_json(R"({"b":1,"a":{"x":1,"x":[2]},"b":3,"c":4,"b":5})", "t")),
            R"({"b":5,"a":{"x":[2]},"c":4})");
  EXPECT_EQ(dump_json(*parse_json(R"({"":1,"":2})", "t")), R"({"":2})");
}
TEST(JsonTest, EveryKindComesBack) {
  const std::string text =
      R"([null,true,false,"",{},[],{"a":[{"b":[[1]]}]},-9223372036854775808,0.0,-0.0,1e-07])";
  EXPECT_EQ(dump_json(*parse_json(text, "t")), text);
  EXPECT_EQ(dump_json(*parse_json(" 7 ", "t")), "7");
}
TEST(JsonTest, ALargeObjectIsReadInOrder) {
  std::string text = "{";
  for (int i = 0; i < 200000; ++i)
    text += (i ? ",\"" : "\"") + std::to_string(i * 7919 % 200000) + "\":" + std::to_string(i);
  const auto j = parse_json(text + "}", "t");
  ASSERT_TRUE(j);
  ASSERT_EQ(j.value().size(), 200000u);
  int64_t i = 0;
  for (const auto& [key, value] : j.value().items()) ASSERT_EQ(value, i++) << key;
}
TEST(JsonTest, DumpingBrokenTextDoesNotThrow) {
  EXPECT_EQ(dump_json(Json("a\xff")), "\"a\xEF\xBF\xBD\"");
}

}  // namespace
}  // namespace autark
