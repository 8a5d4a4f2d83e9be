// Goal: URLs and redirects are read as RFC 3986 defines them.
// Method: examples of each rule; text() of a parsed URL parses to the same URL.
#include "http/url.h"
#include <gtest/gtest.h>

namespace autark::http {
namespace {

TEST(UrlTest, Parts) {
  const auto url = parse_url("https://me:p%40ss@Example.org:8443/a/b?c=d#e");
  ASSERT_TRUE(url);
  EXPECT_TRUE(url->secure);
  EXPECT_EQ(url->host, "Example.org");
  EXPECT_EQ(url->port, 8443);
  EXPECT_EQ(url->target, "/a/b?c=d");
  EXPECT_EQ(url->user_info, "me:p@ss");
  EXPECT_EQ(url->text(), "https://Example.org:8443/a/b?c=d");
  EXPECT_EQ(parse_url("http://h")->text(), "http://h/");
  EXPECT_EQ(parse_url("http://h?q")->target, "/?q");
  EXPECT_EQ(parse_url("http://[::1]:8080/x")->host, "::1");
  EXPECT_EQ(parse_url("http://[::1]:8080/x")->authority(), "[::1]:8080");
  EXPECT_EQ(parse_url("https://h:443/")->authority(), "h");
}
TEST(UrlTest, WhatIsNotOne) {
  for (const char* wrong :
       {"", "h", "ftp://h/", "http://", "http:///x", "http://h:0/", "http://h:65536/", "http://h:x/",
        "http://h/a b", "http://h/\n", "http://[::1/", "http://[::1]x/", "http://%@h/"})
    EXPECT_FALSE(parse_url(wrong)) << wrong;
}
TEST(UrlTest, Redirects) {
  const Url base = *parse_url("https://h:1/a/b?c");
  const auto to = [&](const char* location) { return resolve(base, location)->text(); };
  EXPECT_EQ(to("http://other/x"), "http://other/x");
  EXPECT_EQ(to("//other/x"), "https://other/x");
  EXPECT_EQ(to("/x?y"), "https://h:1/x?y");
  EXPECT_EQ(to("x"), "https://h:1/a/x");
  EXPECT_EQ(to("?y"), "https://h:1/a/b?y");
}
TEST(UrlTest, Encoding) {
  EXPECT_EQ(percent_encoded("a b/ü~"), "a%20b/%C3%BC~");
  EXPECT_EQ(percent_encoded("a/b", false), "a%2Fb");
}

}  // namespace
}  // namespace autark::http
