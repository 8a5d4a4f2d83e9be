// Goal:   requests share a domain exactly if their user is the same; the session of a label does not matter.
// Method: pairs of labels that must and must not share.
#include "serve/cache_domain.h"
#include <gtest/gtest.h>

namespace autark::serve {
namespace {

std::string domain(std::string_view label) {
  return cache_domain(CacheIsolation::user, label);
}

TEST(CacheDomain, UsersAreApart) {
  EXPECT_EQ(domain("ada"), domain("ada"));
  EXPECT_NE(domain("ada"), domain("bob"));
  EXPECT_NE(domain("ada"), domain(""));
}

TEST(CacheDomain, WithoutAUserThereIsOneDomain) {
  EXPECT_EQ(domain(""), "");
}

TEST(CacheDomain, NothingButUserSeparatesUsers) {
  for (const CacheIsolation i : {CacheIsolation::none, CacheIsolation::key})
    EXPECT_EQ(cache_domain(i, "ada"), cache_domain(i, "bob"));
}

TEST(CacheDomain, ASessionOfALabelDoesNotMatter) {
  const auto label = [](const char* device, const char* account, const char* session) {
    return std::string(R"({"device_id":")") + device + R"(","account_uuid":")" + account +
           R"(","session_id":")" + session + R"("})";
  };
  EXPECT_EQ(domain(label("d", "a", "1")), domain(label("d", "a", "2")));
  EXPECT_NE(domain(label("d", "a", "1")), domain(label("e", "a", "1")));
  EXPECT_NE(domain(label("d", "a", "1")), domain(label("d", "b", "1")));
  EXPECT_NE(domain(label("ab", "", "1")), domain(label("a", "b", "1")));
}

TEST(CacheDomain, AnyOtherLabelCountsWhole) {
  for (const char* label : {"{", "{}", R"({"session_id":"1"})", "[1]", "{\"device_id\""}) {
    EXPECT_EQ(user_of_label(label), label);
    EXPECT_NE(domain(label), domain("ada"));
  }
}

TEST(CacheDomain, DoesNotShowTheUser) {
  EXPECT_EQ(domain("a very long and private name").find("private"), std::string::npos);
  EXPECT_EQ(domain("ada").size(), domain(std::string(5000, 'x')).size());
}

}  // namespace
}  // namespace autark::serve
