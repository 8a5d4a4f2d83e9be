// Goal: targets are decoded exactly once, header values cannot split a response head, events keep their
// lines. Method: examples of each rule; every byte percent-encoded and decoded.
#include "http/message.h"
#include <gtest/gtest.h>

namespace autark::http {
namespace {

TEST(MessageTest, EveryByteButNulSurvivesPercentEncoding) {
  for (int byte = 1; byte < 256; ++byte) {
    char text[8];
    for (const char* form : {"%%%02x", "%%%02X"}) {
      std::snprintf(text, sizeof text, form, byte);
      EXPECT_EQ(percent_decoded(text), std::string(1, static_cast<char>(byte)));
    }
  }
  for (const char* wrong : {"%", "%4", "a%4", "%zz", "%4g", "%-1", "%00", "%%41"})
    EXPECT_FALSE(percent_decoded(wrong)) << wrong;
}
TEST(MessageTest, Targets) {
  EXPECT_EQ(parse_target("/a%20b/c?x=%201")->path, "/a b/c");
  EXPECT_EQ(parse_target("/a%20b/c?x=%201")->query, "x=%201");
  EXPECT_EQ(parse_target("/a%3Fb")->path, "/a?b");
  EXPECT_EQ(parse_target("http://host:80/a?b")->path, "/a");
  EXPECT_EQ(parse_target("http://host")->path, "/");
  EXPECT_EQ(parse_target("http://host?q")->query, "q");
  EXPECT_EQ(parse_target("*")->path, "*");
  for (const char* wrong : {"", "a", "host:443", "/%", "ftp://host/"})
    EXPECT_FALSE(parse_target(wrong)) << wrong;
}
TEST(D4_Slashes, CollapseAndGoAtTheEnd) {
  const std::pair<const char*, const char*> paths[] = {{"/", "/"},          {"//", "/"},
                                                       {"///?a//b/", "/"},  {"/a", "/a"},
                                                       {"/a/", "/a"},       {"//a", "/a"},
                                                       {"/a//b", "/a/b"},   {"////a///b//", "/a/b"},
                                                       {"/a%2F", "/a"},     {"/%2Fa%2f%2fb", "/a/b"},
                                                       {"/a/?x=/", "/a"},   {"http://h//a/", "/a"},
                                                       {"http://h//", "/"}, {"//host/a", "/host/a"}};
  for (const auto& [target, path] : paths) EXPECT_EQ(parse_target(target)->path, path) << target;
  EXPECT_EQ(parse_target("//a//?b=//c/")->query, "b=//c/") << "the query stays as it is";
}
TEST(MessageTest, HeadersCannotSplitAResponse) {
  const std::string head = response_head(200, {{"x", "a\r\nset-cookie: b"}, {"content-length", "7"}}, {}, 3);
  EXPECT_EQ(head.find("\r\nset-cookie"), head.npos);
  EXPECT_NE(head.find("content-length: 3\r\n"), head.npos);
  EXPECT_EQ(head.find("content-length: 7"), head.npos);
  EXPECT_TRUE(head.starts_with("HTTP/1.1 200 OK\r\n"));
  EXPECT_TRUE(head.ends_with("\r\n\r\n"));
}
TEST(MessageTest, EventsKeepTheirLines) {
  EXPECT_EQ(sse("{}"), "data: {}\n\n");
  EXPECT_EQ(sse("a\nb\r\nc\rd", "note"), "event: note\ndata: a\ndata: b\ndata: c\ndata: d\n\n");
  EXPECT_EQ(sse(""), "data: \n\n");
}

}  // namespace
}  // namespace autark::http
