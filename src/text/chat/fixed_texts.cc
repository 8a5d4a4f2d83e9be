#include "text/chat/fixed_texts.h"
#include <openssl/sha.h>

namespace autark::text {
namespace {

// Name, length in bytes, SHA-256, first byte.
constexpr FixedText kTexts[] = {
    {"effort_A", 476, "f7a24f3b3050d4a83781e9b755b316aae2ec1d9dc87562541d90bcb04d7350f7", 'R'},
    {"effort_B", 528, "53fb31b8392ec5b4a926481943efc67636748f137c1a49d493a7af4d4fa55d2c", 'R'},
    {"tools_preamble_v4", 890, "c7c9042638154a237b5d1bd48be772374a35a4d24c5cacfd1ffbd92703da329c", '#'},
    {"tools_tail", 99, "690702850fe256512cb1ee67c4e436ecb3e735c71ebee77ca45ff357a75fb5a7", '\n'},
    {"response_format", 80, "5200f58413f49f3957c43beddbc97bead023232cb5934fad0c1997c30c139112", '#'},
};

std::string sha256_of(std::string_view text) {
  unsigned char sum[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), sum);
  std::string hex;
  for (const unsigned char b : sum) {
    constexpr char kDigits[] = "0123456789abcdef";
    hex += kDigits[b >> 4];
    hex += kDigits[b & 15];
  }
  return hex;
}

}  // namespace

const std::span<const FixedText> kDeepseekV4Texts = kTexts;

std::map<std::string, std::string, std::less<>> find_fixed_texts(std::span<const FixedText> wanted,
                                                                 std::span<const std::string> sources) {
  std::map<std::string, std::string, std::less<>> found;
  for (const FixedText& w : wanted)
    for (const std::string_view source : sources)
      for (size_t at = source.find(w.first);
           at != source.npos && at + w.bytes <= source.size() && !found.contains(w.name);
           at = source.find(w.first, at + 1))
        if (sha256_of(source.substr(at, w.bytes)) == w.sha256)
          found.emplace(w.name, source.substr(at, w.bytes));
  return found;
}

}  // namespace autark::text
