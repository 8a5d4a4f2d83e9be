// cache_control as clients send it: where it stands, how long it asks for, and what is no cache_control.
#include "api/cache_control.h"
#include <gtest/gtest.h>
#include "api/testing.h"

namespace autark::api {
namespace {

using Marks = std::vector<std::string>;

Request request(const char* body) {
  Request r;
  read_cache_control(json_of(body), r);
  return r;
}

TEST(CacheControl, NamesThePlacesThatAreMarked) {
  const Request r = request(R"({
    "tools":[{"name":"a"},{"name":"b","cache_control":{"type":"ephemeral"}}],
    "system":[{"type":"text","text":"s","cache_control":{"type":"ephemeral","ttl":"1h"}}],
    "messages":[{"role":"user","content":"plain"},
                {"role":"user","content":[{"type":"text","text":"u"},
                                          {"type":"text","text":"v","cache_control":{"type":"ephemeral"}}]}]})");
  EXPECT_EQ(r.cache_marks, (Marks{"tools", "system", "messages[1]"}));
  EXPECT_EQ(r.keep_seconds, 3600) << "the longest";
}

TEST(CacheControl, OfTheRequestMarksItsLastMessage) {
  const Request r = request(R"({"cache_control":{"type":"ephemeral"},
    "messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"user","content":"c"}]})");
  EXPECT_EQ(r.cache_marks, Marks{"messages[2]"});
  EXPECT_EQ(r.keep_seconds, 300);
}

TEST(CacheControl, OtherFormsAreNoMarks) {
  for (const char* body :
       {"[]", "7", "{}", R"({"messages":7})", R"({"messages":[]})", R"({"messages":[7,"x"]})",
        R"({"tools":{"cache_control":{}},"cache_control":{"type":"ephemeral"}})",
        R"({"messages":[{"content":[{"cache_control":true},{"cache_control":null},7]}]})"}) {
    const Request r = request(body);
    EXPECT_TRUE(r.cache_marks.empty() && r.keep_seconds == 0) << body;
  }
}

TEST(CacheControl, TheLastPlacesCount) {
  Json body{{"messages", Json::array()}};
  for (int i = 0; i < 12; ++i)
    body["messages"].push_back({{"content", {{{"cache_control", {{"type", "ephemeral"}}}}}}});
  Request r;
  read_cache_control(body, r);
  ASSERT_EQ(r.cache_marks.size(), 8u);
  EXPECT_EQ(r.cache_marks.front(), "messages[4]");
  EXPECT_EQ(r.cache_marks.back(), "messages[11]");
}

}  // namespace
}  // namespace autark::api
