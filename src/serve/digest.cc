#include "serve/digest.h"
#include <openssl/sha.h>
#include <cstdint>

namespace autark::serve {

std::string digest(std::string_view text) {
  unsigned char sum[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), sum);
  return {reinterpret_cast<const char*>(sum), sizeof sum};
}

std::string hex(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) {
    const auto b = uint8_t(c);
    text += {"0123456789abcdef"[b >> 4], "0123456789abcdef"[b & 15]};
  }
  return text;
}

}  // namespace autark::serve
