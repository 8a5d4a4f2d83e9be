// Goal: the session's cookie is found among others, and only pages of this server may use it. Method: hand-made headers.
#include "platform/admin/credentials.h"
#include <gtest/gtest.h>

namespace autark::platform::admin {
namespace {

std::string token(const std::string& cookies) {
  return token_of({.headers = {{"cookie", cookies}}});
}

TEST(AdminCookie, IsFoundByItsWholeName) {
  EXPECT_EQ(token("autark_session=abc"), "abc");
  EXPECT_EQ(token("a=b; autark_session=abc; c=d"), "abc");
  EXPECT_EQ(token("a=b;autark_session=abc"), "abc");
  EXPECT_EQ(token("autark_session=a=b"), "a=b");
  EXPECT_EQ(token("autark_session=first; autark_session=second"), "first");
  for (const char* none : {"", ";", "autark_session", "autark_session=", "xautark_session=abc",
                           "autark_sessions=abc", "a=autark_session=abc", "Autark_Session=abc", "; ;;"})
    EXPECT_EQ(token(none), "") << none;
}

TEST(AdminCookie, NeverLeavesAdminAndTheBrowser) {
  const std::string open = cookie("abc", 60, false).second, over_tls = cookie("abc", 60, true).second;
  EXPECT_EQ(open, "autark_session=abc; Path=/admin; HttpOnly; SameSite=Strict; Max-Age=60");
  EXPECT_EQ(over_tls, open + "; Secure");
  EXPECT_NE(cookie("", 60, true).second.find("Max-Age=0"), std::string::npos);
}

TEST(AdminOrigin, IsTheServersOwn) {
  const auto same = [](const std::string& origin, const std::string& host) {
    return is_same_origin({.headers = {{"origin", origin}, {"host", host}}});
  };
  EXPECT_TRUE(is_same_origin({}));  // no browser
  EXPECT_TRUE(same("http://127.0.0.1:8080", "127.0.0.1:8080"));
  EXPECT_TRUE(same("https://Server.example", "server.example"));
  EXPECT_FALSE(same("http://127.0.0.1:8081", "127.0.0.1:8080"));
  EXPECT_FALSE(same("null", "127.0.0.1:8080"));
  EXPECT_FALSE(same("https://evil.example", "server.example"));
  EXPECT_FALSE(same("https://server.example.evil", "server.example"));
  EXPECT_FALSE(same("server.example", "server.example"));
}

}  // namespace
}  // namespace autark::platform::admin
