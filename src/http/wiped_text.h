// Buffers of a connection live as long as it does, and what passes through them has keys and passwords: bytes that are no
// longer needed are overwritten.
#pragma once
#include <openssl/crypto.h>
#include <algorithm>
#include <cstddef>
#include <string>

namespace autark::http {

// Overwrites the first `count` bytes, which stay in the text.
inline void wipe_front(std::string& text, size_t count) {
  OPENSSL_cleanse(text.data(), count);
}

// Overwrites all bytes and empties the text.
inline void wipe(std::string& text) {
  wipe_front(text, text.size());
  text.clear();
}

// Removes the first `count` bytes; their place is overwritten.
inline void wipe_out_front(std::string& text, size_t count) {
  std::copy(text.begin() + ptrdiff_t(count), text.end(), text.begin());
  const size_t left = text.size() - count;
  OPENSSL_cleanse(text.data() + left, count);
  text.resize(left);
}

}  // namespace autark::http
