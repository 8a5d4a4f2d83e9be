// Goal:   requests share a domain exactly if their key and user are the same; the session of a label does not matter.
// Method: pairs of labels that must and must not share.
#include "serve/cache_domain.h"
#include <gtest/gtest.h>
#include "api/caller.h"

namespace autark::serve {
namespace {

std::string domain(std::string_view label) {
  return cache_domain(CacheIsolation::user, "", label);
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
    EXPECT_EQ(cache_domain(i, "", "ada"), cache_domain(i, "", "bob"));
}

TEST(CacheDomain, KeysAreApartUnlessNothingIs) {
  using enum CacheIsolation;
  EXPECT_EQ(cache_domain(none, "k1", "ada"), "");
  EXPECT_EQ(cache_domain(key, "k1", "ada"), cache_domain(key, "k1", "bob"));
  EXPECT_NE(cache_domain(key, "k1", ""), cache_domain(key, "k2", ""));
  EXPECT_NE(cache_domain(user, "k1", "ada"), cache_domain(user, "k2", "ada"));
  EXPECT_NE(cache_domain(user, "k1", "ada"), cache_domain(user, "k1", "bob"));
  EXPECT_NE(cache_domain(user, "k1", ""), cache_domain(user, "", "k1")) << "a label is no key";
  EXPECT_NE(cache_domain(user, "k1", "ada"), cache_domain(user, "k", "1ada"));
}

TEST(CacheDomain, TurnsOfAnotherKeyAreNotOnesOwn) {
  api::Request r{.user = "ada"};
  EXPECT_EQ(user_of(r), "ada") << "a server without accounts";
  const auto with_key = [&](const char* key) {
    r.caller = std::make_shared<api::Caller>(api::Caller{.key = key});
    return user_of(r);
  };
  EXPECT_EQ(with_key(""), "ada");
  EXPECT_NE(with_key("k1"), with_key("k2"));
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
  EXPECT_EQ(domain(label("d", "a", "1")), domain("\n " + label("d", "a", "2")));
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
