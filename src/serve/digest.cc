#include "serve/digest.h"
#include <openssl/sha.h>

namespace autark::serve {

std::string digest(std::string_view text) {
  unsigned char sum[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), sum);
  return {reinterpret_cast<const char*>(sum), sizeof sum};
}

}  // namespace autark::serve
