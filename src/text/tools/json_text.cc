#include "text/tools/json_text.h"
#include <charconv>
#include <cstdio>

namespace autark::text {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

uint32_t hex(std::string_view digits) {
  uint32_t v = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), v, 16);
  return v;
}

char escaped_char(char c) {
  switch (c) {
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    default:
      return c;
  }
}

}  // namespace

void append_utf8(std::string& out, uint32_t c) {
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xC0 | c >> 6);
    out += static_cast<char>(0x80 | (c & 63));
  } else if (c < 0x10000) {
    out += static_cast<char>(0xE0 | c >> 12);
    out += static_cast<char>(0x80 | (c >> 6 & 63));
    out += static_cast<char>(0x80 | (c & 63));
  } else {
    out += static_cast<char>(0xF0 | c >> 18);
    out += static_cast<char>(0x80 | (c >> 12 & 63));
    out += static_cast<char>(0x80 | (c >> 6 & 63));
    out += static_cast<char>(0x80 | (c & 63));
  }
}

bool is_json_number(std::string_view s) {
  size_t at = s.starts_with('-') ? 1 : 0;
  const auto digits = [&] {
    const size_t from = at;
    while (at < s.size() && is_digit(s[at])) ++at;
    return at > from;
  };
  const size_t first = at;
  if (!digits() || (s[first] == '0' && at > first + 1)) return false;
  if (at < s.size() && s[at] == '.' && (++at, !digits())) return false;
  if (at < s.size() && (s[at] == 'e' || s[at] == 'E')) {
    ++at;
    if (at < s.size() && (s[at] == '+' || s[at] == '-')) ++at;
    if (!digits()) return false;
  }
  return at == s.size();
}

void append_escaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\b':
        out += "\\b";
        break;
      case '\f':
        out += "\\f";
        break;
      default:
        if (static_cast<unsigned char>(c) >= 0x20) {
          out += c;
        } else {
          char code[8];
          out.append(code, static_cast<size_t>(std::snprintf(code, sizeof code, "\\u%04x", c)));
        }
    }
  }
}

std::string unescaped(std::string_view inside) {
  std::string out;
  for (size_t at = 0; at < inside.size(); ++at) {
    if (inside[at] != '\\') {
      out += inside[at];
      continue;
    }
    if (inside[++at] != 'u') {
      out += escaped_char(inside[at]);
      continue;
    }
    uint32_t code = hex(inside.substr(at + 1, 4));
    at += 4;
    if (code >> 10 == 0x36) {  // D800..DBFF: after JsonRepair the other half always follows
      code = 0x10000 + ((code & 0x3FF) << 10) + (hex(inside.substr(at + 3, 4)) & 0x3FF);
      at += 6;
    }
    append_utf8(out, code);
  }
  return out;
}

}  // namespace autark::text
