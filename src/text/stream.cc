// Well-formed byte sequences (Unicode standard, section 3.9, table 3-7):
//
//   00..7F | C2..DF t | E0 A0..BF t | E1..EC t t | ED 80..9F t | EE..EF t t | F0 90..BF t t | F1..F3 t t t
//   F4 80..8F t t        with t = 80..BF
#include "text/stream.h"
#include <cstdint>

namespace autark::text {
namespace {

struct Lead {
  int length;         // bytes of the character; 0: cannot begin one
  uint8_t low, high;  // what the second byte may be
};

Lead lead(uint8_t b) {
  if (b < 0x80) return {1, 0, 0};
  if (b < 0xC2) return {0, 0, 0};
  if (b < 0xE0) return {2, 0x80, 0xBF};
  if (b < 0xF0) return {3, uint8_t(b == 0xE0 ? 0xA0 : 0x80), uint8_t(b == 0xED ? 0x9F : 0xBF)};
  if (b < 0xF5) return {4, uint8_t(b == 0xF0 ? 0x90 : 0x80), uint8_t(b == 0xF4 ? 0x8F : 0xBF)};
  return {0, 0, 0};
}

// front() classifies the bytes at the front of `s`: a whole character, the beginning of one, or bytes that
// cannot become one. `length` gets the number of bytes.
enum class Part { whole, beginning, invalid };

Part front(std::string_view s, size_t* length) {
  const Lead l = lead(uint8_t(s[0]));
  *length = 1;
  if (l.length == 0) return Part::invalid;
  for (; *length < size_t(l.length); ++*length) {
    if (*length == s.size()) return Part::beginning;
    const uint8_t b = uint8_t(s[*length]);
    const bool second = *length == 1;
    if (b < (second ? l.low : 0x80) || b > (second ? l.high : 0xBF)) return Part::invalid;
  }
  return Part::whole;
}

}  // namespace

std::string Utf8Stream::push(std::string_view bytes) {
  pending_ += bytes;
  std::string_view rest = pending_;
  std::string out;
  while (!rest.empty()) {
    size_t length = 0;
    const Part part = front(rest, &length);
    if (part == Part::beginning) break;
    out += part == Part::whole ? rest.substr(0, length) : "\xEF\xBF\xBD";
    rest.remove_prefix(length);
  }
  pending_ = std::string(rest);
  return out;
}

}  // namespace autark::text
