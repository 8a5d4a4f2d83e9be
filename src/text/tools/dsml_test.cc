// Goal: a DSML tag that no call follows is text, and no call is given out with a part of an argument.
// Method: answers as models write them, whole and byte by byte, are compared with the expected pieces.
#include <gtest/gtest.h>
#include "text/tools/testing.h"

namespace autark::text {
namespace {

std::string dsml(const std::string& text, bool cut = false, bool calls = true) {
  return spoken({.text = text, .cut = cut, .calls = calls});
}

std::string invoke(const std::string& name, const std::string& value) {
  return "<｜DSML｜invoke name=\"" + name + "\">\n<｜DSML｜parameter name=\"a\" string=\"true\">" + value +
         "</｜DSML｜parameter>\n</｜DSML｜invoke>\n";
}
std::string block(const std::string& calls) {
  return "<｜DSML｜tool_calls>\n" + calls + "</｜DSML｜tool_calls>";
}

TEST(F02_DsmlText, TagsWithoutACallAreText) {
  for (const char* text :
       {"Write <｜DSML｜tool_calls> first, then the calls.",
        "Between <｜DSML｜tool_calls> and </｜DSML｜tool_calls>.", "The end is </｜DSML｜tool_calls>",
        "<｜DSML｜tool_calls> <｜DSML｜tool_calls> doubled", "｜DSML｜ is a token",
        "Use the tag\n<｜DSML｜tool_calls>\nfor calls.\n", "<｜DSML｜invoke> names a tool",
        "<｜DSML｜tool_calls>\n</｜DSML｜tool_calls>\nis an empty block", "A <｜DSML｜",
        "<｜DSML｜parameter name=\"a\">"})
    EXPECT_EQ(dsml(text), text);
  EXPECT_EQ(spoken({.text = "A <｜DSML｜tool_calls> tag?</think>No.", .in_reasoning = true}),
            "[A <｜DSML｜tool_calls> tag?]No.");
}

TEST(F02_DsmlText, CallsBehindThemAreRead) {
  EXPECT_EQ(dsml("A <｜DSML｜tool_calls> block:\n\n" + block(invoke("f", "x"))),
            "A <｜DSML｜tool_calls> block: f{\"a\": \"x\"}");
  EXPECT_EQ(dsml("Let me.\n\n" + invoke("f", "x")), "Let me. f{\"a\": \"x\"}") << "without a wrapper";
}

TEST(F02_DsmlText, WithoutCallsEverythingIsContent) {
  const std::string text = "Look:\n\n" + block(invoke("f", "x")) + "\n\nDone.\n";
  EXPECT_EQ(dsml(text, false, false), text);
  EXPECT_EQ(spoken({.text = "Hm</think>" + text, .in_reasoning = true, .calls = false}), "[Hm]" + text);
  EXPECT_EQ(spoken({.text = "Hm</think>Say </think>.", .in_reasoning = true, .calls = false}),
            "[Hm]Say </think>.");
}

std::string json(const std::string& value) {
  return "<｜DSML｜tool_calls>\n<｜DSML｜invoke name=\"f\">\n<｜DSML｜parameter name=\"a\" "
         "string=\"false\">" +
         value + "</｜DSML｜parameter>\n</｜DSML｜invoke>\n</｜DSML｜tool_calls>";
}

TEST(F03_DsmlCalls, JsonValuesAreRepaired) {
  EXPECT_EQ(dsml(json("True")), " f{\"a\": true}");
  EXPECT_EQ(dsml(json("{'b': [1, 2,]} ")), " f{\"a\": {\"b\": [1, 2]}}");
  EXPECT_EQ(dsml(json("{\"b\": \"\\d")), " f{\"a\": {\"b\": \"\\\\d\"}}");
  EXPECT_EQ(dsml(json(" [ 1 ,2 ]\n")), " f{\"a\":  [ 1 ,2 ]\n}") << "JSON stays as it is";
  EXPECT_EQ(dsml(json("tru!")), " f{\"a\": tru!}");
}

TEST(D8_DsmlCalls, AJsonValueThatIsCutInAStringGivesItsCallUp) {
  for (const char* value :
       {"{\"b\": \"to </｜DSML｜invoke> here\"}", "\"</｜DSML｜parameter>\"", "[\"</｜DSML｜parameter> x\"]"})
    EXPECT_EQ(dsml(json(value)), json(value));
  const std::string open =
      "<｜DSML｜invoke name=\"f\">\n<｜DSML｜parameter name=\"a\" string=\"false\">1\n"
      "</｜DSML｜invoke>\n";
  EXPECT_EQ(dsml(block(open)), " f{\"a\": 1\n}") << "a whole value";
}

TEST(D8_DsmlCalls, ATextWithTheEndOfAnInvokeGivesItsCallUp) {
  for (const char* value :
       {"before </｜DSML｜invoke> after", "</｜DSML｜invoke>", "a\n</｜DSML｜ invoke>\nb",
        "</｜DSML｜invoke>\n</｜DSML｜tool_calls>\nand more",
        "x</｜DSML｜parameter>\n</｜DSML｜invoke> after",
        "<｜DSML｜parameter name=\"b\" string=\"true\">y</｜DSML｜parameter>\n</｜DSML｜invoke> z"}) {
    const std::string text = block(invoke("f", value));
    EXPECT_EQ(dsml("Look:\n\n" + text), "Look:\n\n" + text);
    EXPECT_EQ(dsml(text + "\nDone."), text + "\nDone.");
  }
  const std::string unclosed =
      "<｜DSML｜tool_calls>\n<｜DSML｜invoke name=\"f\">\n<｜DSML｜parameter name=\"a\" string=\"true\">x\n"
      "</｜DSML｜invoke>\n</｜DSML｜tool_calls>";
  EXPECT_EQ(dsml(unclosed), unclosed);
}

TEST(D8_DsmlCalls, GoodCallsBesideItSurvive) {
  const std::string bad = invoke("f", "to </｜DSML｜invoke> here");
  const std::string bad_text = bad.substr(0, bad.size() - 1);
  EXPECT_EQ(dsml(block(invoke("g", "x") + bad)), bad + "</｜DSML｜tool_calls> g{\"a\": \"x\"}");
  EXPECT_EQ(dsml(block(bad + invoke("g", "x"))), "<｜DSML｜tool_calls>\n" + bad_text + " g{\"a\": \"x\"}");
}

TEST(D8_DsmlCalls, OtherMarkupInATextIsItsOwn) {
  EXPECT_EQ(dsml(block(invoke("f", "see <｜DSML｜tool_calls> and <｜DSML｜invoke name=\"x\">"))),
            " f{\"a\": \"see <｜DSML｜tool_calls> and <｜DSML｜invoke name=\\\"x\\\">\"}");
}

TEST(D8_DsmlCalls, NothingIsGivenOutBeforeACallHasEnded) {
  const auto parser = make_output_parser(OutputSyntax::dsml);
  const std::string text = block(invoke("f", "x"));
  const size_t end = text.find("</｜DSML｜tool_calls>");
  EXPECT_TRUE(parser->push(text.substr(0, end)).empty());
  EXPECT_EQ(gather(parser->push(text.substr(end))).tool_calls.size(), 1u);
}

}  // namespace
}  // namespace autark::text
