// Goal: only pages of the listed origins may read answers, and preflights are answered safely.
// Method: examples of each rule, and origins that begin or end like an allowed one.
#include "http/cors.h"
#include <gtest/gtest.h>

namespace autark::http {
namespace {

Cors allowing(std::vector<std::string> origins) {
  auto cors = Cors::of(origins);
  EXPECT_TRUE(cors) << (cors ? "" : cors.error().message);
  return std::move(*cors);
}
std::string value(const Headers& headers, std::string_view name) {
  for (const auto& [n, v] : headers)
    if (n == name) return v;
  return {};
}
std::string allowed(const Cors& cors, std::string_view origin, std::string_view path = "/v1/models") {
  return value(cors.headers(path, origin), "access-control-allow-origin");
}
Request preflight(std::string origin, Headers more = {}) {
  Request r{.method = "OPTIONS", .path = "/v1/models"};
  r.headers = std::move(more);
  r.headers.emplace_back("origin", std::move(origin));
  r.headers.emplace_back("access-control-request-method", "GET");
  return r;
}

TEST(F18_Cors, OnlyListedOriginsToTheLetter) {
  const Cors cors = allowing({"https://app.example", "http://localhost:3000", "app://obsidian.md"});
  for (const char* origin : {"https://app.example", "http://localhost:3000", "app://obsidian.md"})
    EXPECT_EQ(allowed(cors, origin), origin);
  for (const char* other :
       {"", "null", "*", "https://app.example.evil", "https://app.exampl", "https://evil-app.example",
        "http://app.example", "https://app.example:8443", "https://app.example:443", "https://APP.example",
        "https://app.example/", "https://app.example https://evil", "http://localhost",
        "http://localhost:30000", "http://localhost:300", "https://app.example\n", "app://obsidian.md.evil",
        "https://x@app.example"}) {
    EXPECT_EQ(allowed(cors, other), "") << other;
    EXPECT_EQ(value(cors.headers("/v1/models", other), "vary"), "Origin");
    EXPECT_EQ(value(cors.headers("/v1/models", other), "access-control-expose-headers"), "");
  }
}
TEST(F18_Cors, AnyIsSaidWithoutTheOrigin) {
  const Cors cors = allowing({"https://app.example", "*"});
  for (const char* origin : {"", "null", "https://anything"}) EXPECT_EQ(allowed(cors, origin), "*");
}
TEST(F18_Cors, CredentialsAreNeverAllowed) {
  for (const char* origin : {"*", "https://a.example"}) {
    const Cors cors = allowing({origin});
    EXPECT_EQ(value(cors.headers("/", "https://a.example"), "access-control-allow-credentials"), "");
    EXPECT_EQ(
        value(cors.preflight(preflight("https://a.example"), "GET"), "access-control-allow-credentials"), "");
  }
}
TEST(F18_Cors, OffAndExcludedPathsSayNothing) {
  EXPECT_TRUE(Cors().headers("/v1/models", "https://a.example").empty());
  EXPECT_FALSE(Cors().is_preflight(preflight("https://a.example")));
  Cors cors = allowing({"*"});
  cors.exclude("/v1/models");
  EXPECT_TRUE(cors.headers("/v1/models", "https://a.example").empty());
  EXPECT_FALSE(cors.is_preflight(preflight("https://a.example")));
  EXPECT_EQ(allowed(cors, "https://a.example", ""), "*") << "a path that was not read";
}
TEST(F18_Cors, WhatCanBeReadIsNamed) {
  const std::string exposed = value(allowing({"*"}).headers("/", ""), "access-control-expose-headers");
  for (const char* name : {"x-request-id", "request-id", "retry-after", "*"})
    EXPECT_NE((", " + exposed + ",").find(", " + std::string(name) + ","), exposed.npos) << name;
}
TEST(F18_Preflight, OnlyWhatABrowserAsks) {
  const Cors cors = allowing({"https://a.example"});
  EXPECT_TRUE(cors.is_preflight(preflight("https://a.example")));
  EXPECT_FALSE(cors.is_preflight(preflight("https://b.example")));
  Request get = preflight("https://a.example"), plain = preflight("https://a.example");
  get.method = "GET";
  plain.headers.pop_back();  // no method asked for
  EXPECT_FALSE(cors.is_preflight(get));
  EXPECT_FALSE(cors.is_preflight(plain));
}
TEST(F18_Preflight, HeadersComeBackWhenTheyAreNames) {
  const Cors cors = allowing({"*"});
  const auto answer = [&](std::string asked) {
    return value(
        cors.preflight(preflight("https://a.example", {{"access-control-request-headers", asked}}), "POST"),
        "access-control-allow-headers");
  };
  const std::string sdk = "authorization,content-type, x-stainless-os,openai-beta,anthropic-version";
  EXPECT_EQ(answer(sdk), sdk);
  for (const std::string& odd : {std::string(), std::string("a: b"), std::string("a\r\nset-cookie: b"),
                                 std::string("\xc3\xa9"), std::string(5000, 'a')}) {
    EXPECT_NE(answer(odd), odd);
    for (const char* usual : {"authorization", "content-type", "x-api-key", "anthropic-version"})
      EXPECT_NE(answer(odd).find(usual), std::string::npos) << odd;
  }
}
TEST(F18_Preflight, MethodsTimeAndPrivateNetworks) {
  const Cors cors = allowing({"*"});
  const Headers plain = cors.preflight(preflight("https://a.example"), "GET, HEAD");
  EXPECT_EQ(value(plain, "access-control-allow-methods"), "GET, HEAD");
  EXPECT_GT(std::stoi(value(plain, "access-control-max-age")), 0);
  EXPECT_EQ(value(plain, "access-control-allow-private-network"), "");
  const Headers near = cors.preflight(
      preflight("https://a.example", {{"access-control-request-private-network", "true"}}), "GET");
  EXPECT_EQ(value(near, "access-control-allow-private-network"), "true");
}
TEST(F18_Origins, AreWrittenInOneWay) {
  EXPECT_EQ(allowed(allowing({"HTTPS://App.Example:443"}), "https://app.example"), "https://app.example");
  EXPECT_EQ(allowed(allowing({"http://[::1]:3000"}), "http://[::1]:3000"), "http://[::1]:3000");
  EXPECT_EQ(allowed(allowing({"http://[::1]"}), "http://[::1]"), "http://[::1]");
  EXPECT_EQ(allowed(allowing({"http://a:443"}), "http://a:443"), "http://a:443");
  for (const char* wrong : {"",
                            " ",
                            "null",
                            "app.example",
                            "localhost:3000",
                            "https://",
                            "://a",
                            "https://a/",
                            "https://a/b",
                            "https://a?b",
                            "https://a#b",
                            "https://u@a",
                            "https://*.a",
                            "https://a:",
                            "https://a:0",
                            "https://a:65536",
                            "https://a:080",
                            "https://a:b",
                            "https://a,https://b",
                            "https://a https://b",
                            "https://\xc3\xbc.example",
                            "http://[::1",
                            "http://::1",
                            "https:/a",
                            "https//a",
                            "a\r\nb://c"}) {
    const auto cors = Cors::of(std::vector<std::string>{wrong});
    ASSERT_FALSE(cors) << wrong;
    EXPECT_NE(cors.error().message.find("SCHEME://HOST:PORT"), std::string::npos);
  }
}
TEST(F18_Origins, PathsBelowAnExcludedOneGetNothing) {
  Cors cors = allowing({"https://a.example"});
  cors.exclude("/admin/*");
  EXPECT_TRUE(cors.headers("/admin/v1/keys", "https://a.example").empty());
  EXPECT_FALSE(cors.headers("/administrator", "https://a.example").empty());
  EXPECT_FALSE(cors.is_preflight(
      {.method = "OPTIONS",
       .path = "/admin/v1/keys",
       .headers = {{"origin", "https://a.example"}, {"access-control-request-method", "POST"}}}));
}

}  // namespace
}  // namespace autark::http
