#include "platform/totp.h"
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include "base/check.h"
#include "base/sealed_bytes.h"
#include "base/text_codings.h"
#include "platform/secrets.h"

namespace autark::platform {
namespace {

constexpr Micros kStep = 30 * kSecond;

// The four bytes that the last one points to, without the first bit.
uint32_t truncated(const unsigned char (&mac)[20]) {
  const int at = mac[19] & 15;
  return uint32_t(mac[at] & 127) << 24 | uint32_t(mac[at + 1]) << 16 | uint32_t(mac[at + 2]) << 8 |
         mac[at + 3];
}

std::string escaped(std::string_view name) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (const char c : name) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
    if (plain)
      out += c;
    else
      out += {'%', kDigits[uint8_t(c) >> 4], kDigits[uint8_t(c) & 15]};
  }
  return out;
}

}  // namespace

std::string new_totp_secret() {
  return random_bytes(20);
}

int64_t totp_step(Micros time) {
  return time / kStep;
}

std::string totp_code(std::string_view secret, int64_t step, int digits) {
  unsigned char counter[8], mac[20];
  for (int i = 0; i < 8; ++i) counter[i] = uint8_t(uint64_t(step) >> (56 - 8 * i));
  unsigned size = sizeof mac;
  AUTARK_CHECK(HMAC(EVP_sha1(), secret.data(), int(secret.size()), counter, sizeof counter, mac, &size) !=
               nullptr);
  uint32_t modulus = 1;
  for (int i = 0; i < digits; ++i) modulus *= 10;
  const std::string code = std::to_string(truncated(mac) % modulus);
  return std::string(size_t(digits) - code.size(), '0') + code;
}

// Looks at all three, so that the time does not tell which one it was.
std::optional<int64_t> totp_match(std::string_view secret, std::string_view code, Micros time, int64_t last) {
  std::optional<int64_t> found;
  for (int64_t step = totp_step(time) - 1; step <= totp_step(time) + 1; ++step)
    if (is_same(totp_code(secret, step), code) && step > last) found = step;
  return found;
}

std::string totp_uri(std::string_view secret, std::string_view name) {
  return "otpauth://totp/autark:" + escaped(name) + "?secret=" + base32(secret) +
         "&issuer=autark&algorithm=SHA1&digits=6&period=30";
}

}  // namespace autark::platform
