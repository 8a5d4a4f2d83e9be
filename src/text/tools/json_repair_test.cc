// Goal: JSON passes unchanged, text with only one possible meaning is repaired, and everything else is a
// fault. Method: examples of each kind; random JSON, whole and damaged, compared with the strict reader.
#include "text/tools/json_repair.h"
#include <gtest/gtest.h>
#include <algorithm>
#include "base/json.h"
#include "text/tools/testing.h"

namespace autark::text {
namespace {

// "?": a fault, or no end.
std::string repaired(std::string_view text) {
  return repaired_object(text).value_or("?");
}

TEST(F03_JsonRepair, JsonStaysAsItIs) {
  for (const char* text :
       {R"({})", R"({"a":1,"b" : [ ] , "c":{ "d": null}})", R"({"a": "é\n\"\\\/\u00e9\ud83d\ude00"})",
        R"({"a": [-0.5e-3, 1E+2, 0, 12345678901234567890123], "a": true})", "{\n\t\"a\": false\r\n}",
        R"({"a": "// no remark, 'no quote', /* none */ # , ] }"})"})
    EXPECT_EQ(repaired(text), text);
}

TEST(F03_JsonRepair, EscapesThatJsonLacksAreDoubled) {
  EXPECT_EQ(repaired(R"({"a": "\d+\s\.\w"})"), R"({"a": "\\d+\\s\\.\\w"})");
  EXPECT_EQ(repaired(R"({"a": "C:\Users\me"})"), R"({"a": "C:\\Users\\me"})");
  EXPECT_EQ(repaired(R"({"a": "\x41\0\'\a\ "})"), R"({"a": "\\x41\\0\\'\\a\\ "})");
  EXPECT_EQ(repaired(R"({"a": "\u12zz \u"})"), R"({"a": "\\u12zz \\u"})");
  EXPECT_EQ(repaired(R"({"a\d": "\\d\\"})"), R"({"a\\d": "\\d\\"})");
  EXPECT_EQ(repaired("{\"a\": \"b\\\nc\"}"), "{\"a\": \"b\\\\\\nc\"}");
  EXPECT_EQ(repaired(R"({"a": "\ud83d!", "b": "\ude00"})"), R"({"a": "\ufffd!", "b": "\ufffd"})");
}

TEST(F03_JsonRepair, ControlCharactersAreEscaped) {
  EXPECT_EQ(repaired("{\"a\": \"x\n\ty\r\b\x01\"}"), R"({"a": "x\n\ty\r\b\u0001"})");
  EXPECT_EQ(repaired(std::string("{\"a\": \"\0\"}", 10)), R"({"a": "\u0000"})");
}

TEST(F03_JsonRepair, CommasAndRemarksAreDropped) {
  EXPECT_EQ(repaired(R"({"a": 1, })"), R"({"a": 1 })");
  EXPECT_EQ(repaired(R"({"a": [1, [2,],],})"), R"({"a": [1, [2]]})");
  EXPECT_EQ(repaired("{\"a\": 1, // one\n\"b\": 2 # two\n}"), "{\"a\": 1, \"b\": 2 }");
  EXPECT_EQ(repaired("{/* a */\"a\"/**/: /* **/ 1 /*,*/}"), "{\"a\":  1 }");
  EXPECT_EQ(repaired(R"({"a": "http://x#y"})"), R"({"a": "http://x#y"})");
}

TEST(F03_JsonRepair, WordsOfOtherLanguages) {
  EXPECT_EQ(repaired("{\"a\": True, \"b\": FALSE, \"c\": [None, nil, undefined, NULL]}"),
            "{\"a\": true, \"b\": false, \"c\": [null, null, null, null]}");
  EXPECT_EQ(repaired("{\"a\": NaN, \"b\": Infinity, \"c\": -Infinity}"),
            "{\"a\": null, \"b\": null, \"c\": null}");
}

TEST(F03_JsonRepair, Numbers) {
  EXPECT_EQ(repaired("{\"a\": [+1, .5, -.5, 5., 1_000, 1_000.5, 0x1F, -0xff]}"),
            "{\"a\": [1, 0.5, -0.5, 5.0, 1000, 1000.5, 31, -255]}");
  for (const char* text : {"007", "1px", "1__0", "_1", "1_", "0x", "0x11111111111111111", "--1", "+-1", "1e",
                           "0b1", "1.2.3", "1,000", "2024-01-01", "10L", "e5"})
    EXPECT_EQ(repaired("{\"a\": " + std::string(text) + "}"), "?") << text;
}

TEST(F03_JsonRepair, Quotes) {
  EXPECT_EQ(repaired("{'a': 'b', \"c\": 'd \"e\"'}"), R"({"a": "b", "c": "d \"e\""})");
  EXPECT_EQ(repaired(R"({'it\'s': 'it\'s it's'})"), R"({"it's": "it's it's"})");
  EXPECT_EQ(repaired("{'a' : ['b' , 'c'\n]}"), "{\"a\" : [\"b\" , \"c\"\n]}");
  EXPECT_EQ(repaired("{a: 1, b_2: {$c-d: 2}, 3: 4}"), R"({"a": 1, "b_2": {"$c-d": 2}, "3": 4})");
}

TEST(F03_JsonRepair, KeysOfOtherLanguages) {
  EXPECT_EQ(repaired("{城市: \"北京\", größe: {é_1: 2}}"), "{\"城市\": \"北京\", \"größe\": {\"é_1\": 2}}");
  for (const char* text : {"{“a”: 1}", "{a：1}", "{\u00A0a: 1}", "{…}", "{\"a\": 北京}"})
    EXPECT_EQ(repaired(text), "?") << text;
}

TEST(F03_JsonRepair, MissingEnds) {
  EXPECT_EQ(repaired(R"({"a": [1, {"b": 2)"), R"({"a": [1, {"b": 2}]})");
  EXPECT_EQ(repaired(R"({"a": "b)"), R"({"a": "b"})");
  EXPECT_EQ(repaired(R"({"a": [1, 2})"), R"({"a": [1, 2]})");
  EXPECT_EQ(repaired(R"({"a": [{"b": 1], "c": 2})"), R"({"a": [{"b": 1}], "c": 2})");
  EXPECT_EQ(repaired(R"({"a": 1,)"), R"({"a": 1})");
  EXPECT_EQ(repaired(R"({"a": tru)"), "?");
  for (const char* text : {R"({"a)", R"({"a")", R"({"a":)", R"({"a": "b\)", R"({"a": "b}})", R"({"a": 1]})"})
    EXPECT_EQ(repaired(text), "?") << text;
}

TEST(F03_JsonRepair, WhatMayMeanMoreThanOneThingIsAFault) {
  for (const char* text :
       {R"({"a": Rome})", R"({"a": "say "hi" now"})", R"({"a": 1 "b": 2})", R"({"a": 1,, "b": 2})",
        R"({,"a": 1})", R"({"a": })", R"({"a" 1})", R"({"a"= 1})", R"({"a": ("b")})", R"({"a": r"b"})",
        R"({"a": 'b', 'c', 'd': 'e'})", R"({'a': 'the dogs' toys'})", R"({'a': 'it''s'})", R"({"a"})",
        R"([1])", R"({"a": 1} x)", R"({"a": 1 / 2})", ""})
    EXPECT_EQ(repaired(text), "?") << text;
}

TEST(F03_JsonRepair, WhatIsSettledStays) {
  JsonRepair r;
  const auto settled = [&](std::string_view more) {
    for (const char c : more) r.push(c);
    return r.text().substr(0, r.settled());
  };
  EXPECT_EQ(settled("{\"a\": tru"), "{\"a\": ") << "a word may be another";
  EXPECT_EQ(settled("e, "), "{\"a\": true") << "a comma may be the last";
  EXPECT_EQ(settled("\"b\": \"c}} "), "{\"a\": true, \"b\": \"c") << "brackets may be the call's own";
  EXPECT_EQ(settled("d\\"), "{\"a\": true, \"b\": \"c}} d");
  EXPECT_EQ(settled("d"), "{\"a\": true, \"b\": \"c}} d") << "nothing behind what was mended";
  EXPECT_EQ(r.text(), "{\"a\": true, \"b\": \"c}} d\\\\d");
}

const std::vector<std::string>& samples() {
  static const std::vector<std::string> kSamples = {
      R"({"a": "x\u00e9\ud83d\ude00\n", "b": [1, -2.5e3, true, null, {}], "c": {"d": ""}})",
      R"({'path': 'C:\Users\me', n: 0x1F, f: True, // why
 "s": 'it's "so"', })",
      R"({"code": "if (a[0] == '}') { return \"x\"; } # not a remark", "k": [[], {}, [{}]]})"};
  return kSamples;
}

// For any bytes: repaired text is JSON, JSON is not changed, and the settled beginning is the same in both.
TEST(F03_JsonRepair, HoldsForAnyBytes) {
  Mutator m(7, {"\"", "'", "\\", "\\u", "{", "}", "[", "]", ",", ":", "//", "/*", "*/", "#", "\n", "True",
                "0x", "é"});
  for (int i = 0; i < 40000; ++i) {
    std::string text = samples()[m.below(samples().size())];
    for (size_t n = m.below(5); n > 0; --n) m.mutate(text);
    std::erase_if(text, [](char c) { return c == '\xC3' || c < 0; });  // the parser gives valid UTF-8
    const size_t from = std::min(text.find_first_not_of(" \t\r\n"), text.size());
    text.erase(0, from);
    JsonRepair r;
    for (const char c : text) {
      const auto step = r.push(c);
      ASSERT_TRUE(text.starts_with(r.text().substr(0, r.settled()))) << text;
      if (step != JsonRepair::Step::more) break;
    }
    const auto mended = repaired_object(text);
    const auto strict = parse_json(text, "");
    if (mended) {
      ASSERT_TRUE(parse_json(*mended, "") || mended->find('e') != mended->npos) << text << "\n" << *mended;
      ASSERT_TRUE(mended->starts_with(r.text().substr(0, r.settled()))) << text;
    }
    const bool halves = text.find("\\u") != text.npos;
    if (strict && strict->is_object() && !halves) {
      ASSERT_EQ(mended.value_or("?"), text.substr(0, text.find_last_not_of(" \t\r\n") + 1));
    }
  }
}

}  // namespace
}  // namespace autark::text
