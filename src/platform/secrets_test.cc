// Goal: secrets are random, of the form that is promised, and kept as hashes only; one-time codes are those of the RFC.
// Method: properties over many secrets; vectors of RFC 4648, FIPS 180 and RFC 6238; changed and foreign sealed texts.
#include "platform/secrets.h"
#include <gtest/gtest.h>
#include <algorithm>
#include <cctype>
#include <fstream>
#include <random>
#include <set>
#include "base/text_codings.h"
#include "platform/secret_box.h"
#include "platform/testing.h"
#include "platform/totp.h"

namespace autark::platform {
namespace {

TEST(Secrets, OfKeysDifferAndKeepTheirForm) {
  std::set<std::string> seen;
  for (int i = 0; i < 10'000; ++i) {
    const std::string secret = new_key_secret();
    EXPECT_TRUE(seen.insert(secret).second);
    ASSERT_EQ(secret.size(), 3u + 8 + 1 + 43);
    EXPECT_EQ(prefix_of(secret), secret.substr(0, 11));
    EXPECT_TRUE(std::ranges::all_of(secret, [](char c) { return std::isalnum(uint8_t(c)) || c == '-'; }));
  }
}

// 62 letters, each expected 1000 times: outside of 800 and 1200 would be chance of less than 10⁻⁹.
TEST(Secrets, LettersAreEquallyLikely) {
  int counts[256] = {};
  for (const char c : random_letters(62'000)) ++counts[uint8_t(c)];
  EXPECT_EQ(std::ranges::count_if(counts, [](int n) { return n > 0; }), 62);
  for (const int count : counts) EXPECT_TRUE(count == 0 || (count > 800 && count < 1200)) << count;
}

TEST(Secrets, HashIsSha256) {
  EXPECT_EQ(hex(hash_of("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hash_from_hex(hex(hash_of("x"))), hash_of("x"));
  EXPECT_FALSE(hash_from_hex("ba78"));
  EXPECT_FALSE(hash_from_hex(std::string(64, 'g')));
}

TEST(Secrets, TextFormsReadBack) {
  std::mt19937 random(1);
  for (size_t size = 0; size < 100; ++size) {
    std::string bytes;
    while (bytes.size() < size) bytes += char(random());
    EXPECT_EQ(from_base64url(base64url(bytes)), bytes);
    EXPECT_EQ(from_base32(base32(bytes)), bytes);
  }
  EXPECT_EQ(base32("foobar"), "MZXW6YTBOI");  // RFC 4648
  EXPECT_EQ(from_base32("mzxw 6ytb oi======"), "foobar");
  EXPECT_EQ(base64url("foobar"), "Zm9vYmFy");
  EXPECT_FALSE(from_base32("M1"));
  EXPECT_FALSE(from_base64url("a+b"));
}

TEST(Totp, CodesOfTheRfc) {
  const std::string secret = "12345678901234567890";
  const std::pair<int64_t, const char*> vectors[] = {{59, "94287082"},         {1111111109, "07081804"},
                                                     {1111111111, "14050471"}, {1234567890, "89005924"},
                                                     {2000000000, "69279037"}, {20000000000, "65353130"}};
  for (const auto& [seconds, code] : vectors)
    EXPECT_EQ(totp_code(secret, totp_step(seconds * kSecond), 8), code) << seconds;
}

TEST(Totp, TakesACodeOfTheStepsAroundOnce) {
  const std::string secret = new_totp_secret();
  const Micros now = 1'800'000'000 * kSecond;
  const int64_t step = totp_step(now);
  for (int64_t other = step - 5; other <= step + 5; ++other)
    EXPECT_EQ(totp_match(secret, totp_code(secret, other), now, 0).has_value(), std::abs(other - step) <= 1)
        << other;
  EXPECT_EQ(totp_match(secret, totp_code(secret, step), now, 0), step);
  EXPECT_FALSE(totp_match(secret, totp_code(secret, step), now, step));
  EXPECT_TRUE(totp_match(secret, totp_code(secret, step + 1), now, step));
  for (const char* wrong : {"", "12345", "1234567", "abcdef"})
    EXPECT_FALSE(totp_match(secret, wrong, now, 0));
}

TEST(Totp, UriEscapesTheName) {
  EXPECT_EQ(totp_uri("12345678901234567890", "a b/é"),
            "otpauth://totp/autark:a%20b%2F%C3%A9?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=autark"
            "&algorithm=SHA1&digits=6&period=30");
}

TEST(SecretBox, OpensItsOwnForItsOwnerOnly) {
  const SecretBox box = SecretBox::random(), other = SecretBox::random();
  const std::string sealed = box.seal("secret", "mem_1");
  EXPECT_EQ(box.open(sealed, "mem_1"), "secret");
  EXPECT_FALSE(box.open(sealed, "mem_2"));
  EXPECT_FALSE(other.open(sealed, "mem_1"));
  EXPECT_NE(sealed, box.seal("secret", "mem_1"));
  for (size_t i = 0; i < sealed.size(); ++i) {
    std::string changed = sealed;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    const auto opened = box.open(changed, "mem_1");
    EXPECT_TRUE(!opened || i + 1 == sealed.size()) << i;  // the last letter has bits that mean nothing
  }
  for (const char* text : {"", "AAAA", "!!!!"}) EXPECT_FALSE(box.open(text, "mem_1"));
}

TEST(SecretBox, KeyFileIsPrivateAndNotReplaced) {
  const TestFolder folder;
  const auto file = folder.path / "platform.key";
  ASSERT_FALSE(SecretBox::make(file));
  EXPECT_TRUE(SecretBox::make(file));
  const auto box = SecretBox::open(file), again = SecretBox::open(file);
  ASSERT_TRUE(box && again);
  EXPECT_EQ(again->open(box->seal("s", "o"), "o"), "s");
  std::filesystem::permissions(file, std::filesystem::perms(0640));
  EXPECT_FALSE(SecretBox::open(file));
  std::filesystem::permissions(file, std::filesystem::perms(0600));
  std::ofstream(file) << "short";
  EXPECT_FALSE(SecretBox::open(file));
}

}  // namespace
}  // namespace autark::platform
