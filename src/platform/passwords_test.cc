// Goal: passwords are kept as Argon2id with the parameters that are promised, and only the right one fits.
// Method: encoded forms of one password and of others; bounds of lengths; many threads at once.
#include "platform/passwords.h"
#include <gtest/gtest.h>
#include <atomic>
#include <thread>
#include "platform/testing.h"

namespace autark::platform {
namespace {

TEST(Passwords, FitTheirOwnHashOnly) {
  const std::string encoded = must(hash_password("correct horse"));
  EXPECT_TRUE(encoded.starts_with("$argon2id$v=19$m=65536,t=3,p=1$")) << encoded;
  EXPECT_NE(encoded, must(hash_password("correct horse")));
  EXPECT_TRUE(must(is_password(encoded, "correct horse")));
  EXPECT_FALSE(must(is_password(encoded, "correct horsf")));
  EXPECT_FALSE(must(is_password(encoded, "")));
  EXPECT_FALSE(must(is_password("", "correct horse")));
  EXPECT_FALSE(must(is_password("$argon2id$damaged", "correct horse")));
}

TEST(Passwords, HaveTwelveCharactersAtLeast) {
  EXPECT_TRUE(password_fault("elevenchars"));
  EXPECT_FALSE(password_fault("twelve chars"));
  EXPECT_FALSE(password_fault("一二三四五六七八九十一二"));
  EXPECT_TRUE(password_fault("一二三四五六七八九十一"));
  EXPECT_TRUE(password_fault(std::string(1025, 'a')));
}

// 2 compute and 16 wait: all 40 are answered, and those beyond are told to come again.
TEST(Passwords, TooManyAtOnceAreRefused) {
  std::atomic<int> refused = 0, wrong = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 40; ++i)
      threads.emplace_back([&] {
        const auto result = is_password("", "correct horse");
        const auto* fault = std::get_if<api::ApiError>(&result);
        if (!fault) ++wrong;
        if (fault && fault->kind == api::ApiError::Kind::rate_limited) ++refused;
      });
  }
  EXPECT_EQ(refused + wrong, 40);
  EXPECT_GE(wrong, 18);
}

}  // namespace
}  // namespace autark::platform
