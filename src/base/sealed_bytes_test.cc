// Goal: sealed bytes are those of the standard, in the order that files have on disk, and open with the same key and label
// only. Method: a vector of the GCM specification (case 16); round trips; every single changed byte.
#include "base/sealed_bytes.h"
#include <gtest/gtest.h>
#include "base/text_codings.h"

namespace autark {
namespace {

std::string bytes(const char* digits) {
  return *from_hex(digits);
}

TEST(SealedBytes, AreThoseOfTheStandard) {
  const std::string key = bytes("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
  const std::string sealed = bytes(
      "cafebabefacedbaddecaf888"
      "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e"
      "63"
      "93ba7a0abcc9f662"
      "76fc6ece0f4e1768cddf8853bb2d551b");
  const auto opened = opened_bytes(key, sealed, bytes("feedfacedeadbeeffeedfacedeadbeefabaddad2"));
  ASSERT_TRUE(opened);
  EXPECT_EQ(hex(*opened),
            "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525"
            "b16aedf5"
            "aa0de657ba637b39");
}

TEST(SealedBytes, OpenWithTheSameKeyAndLabelOnly) {
  const std::string key = random_bytes(kSealKeyBytes);
  for (const std::string label : {"", "row 1"})
    for (const size_t size : {0, 1, 15, 16, 1000}) {
      const std::string text = random_bytes(size), sealed = sealed_bytes(key, text, label);
      EXPECT_EQ(sealed.size(), 12 + size + 16);
      EXPECT_NE(sealed, sealed_bytes(key, text, label)) << "a nonce of its own";
      EXPECT_EQ(opened_bytes(key, sealed, label), text);
      EXPECT_FALSE(opened_bytes(key, sealed, label + "x"));
      EXPECT_FALSE(opened_bytes(random_bytes(kSealKeyBytes), sealed, label));
      EXPECT_FALSE(opened_bytes(key, sealed + "x", label));
      for (size_t i = 0; i < sealed.size(); ++i) {
        std::string changed = sealed;
        changed[i] = char(changed[i] ^ 1);
        EXPECT_FALSE(opened_bytes(key, changed, label)) << i;
        EXPECT_FALSE(opened_bytes(key, sealed.substr(0, i), label)) << i;
      }
    }
}

}  // namespace
}  // namespace autark
