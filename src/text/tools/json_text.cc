#include "text/tools/json_text.h"
#include <cctype>
#include <charconv>
#include <cstdio>

namespace autark::text {
namespace {

constexpr size_t kDepthMax = 90;

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// -? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?
bool is_number(std::string_view s) {
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
    if (code >> 10 == 0x36) {  // D800..DBFF, and the scanner has seen to it that its other half follows
      code = 0x10000 + ((code & 0x3FF) << 10) + (hex(inside.substr(at + 3, 4)) & 0x3FF);
      at += 6;
    }
    append_utf8(out, code);
  }
  return out;
}

std::string JsonScanner::waiting() const {
  switch (at_) {
    case At::word:
    case At::number:
      return word_;
    case At::escape:
      return "\\";
    case At::hex:
      return "\\u" + word_;
    default:
      return {};
  }
}

JsonScanner::Step JsonScanner::push(char c, std::string& out) {
  switch (at_) {
    case At::string:
    case At::escape:
      return string_byte(c, out);
    case At::hex:
      return hex_byte(c, out);
    case At::word:
      return word_byte(c, out);
    case At::number:
      return number_byte(c, out);
    default:
      break;
  }
  if (is_space(c)) return out += c, Step::more;
  if (at_ == At::value || (at_ == At::first_item && c != ']')) return start_value(c, out);
  return in_structure(c, out);
}

JsonScanner::Step JsonScanner::start_value(char c, std::string& out) {
  is_key_ = false;
  if (c == '"') return at_ = At::string, out += c, Step::more;
  if (c == '{' || c == '[') {
    if (open_.size() == kDepthMax) return Step::fault;
    open_.push_back(c == '{');
    at_ = c == '{' ? At::first_key : At::first_item;
    return out += c, Step::more;
  }
  if (c == 't' || c == 'f' || c == 'n')
    at_ = At::word;
  else if (c == '-' || is_digit(c))
    at_ = At::number;
  else
    return Step::fault;
  word_ = c;
  return Step::more;
}

JsonScanner::Step JsonScanner::in_structure(char c, std::string& out) {
  const bool may_close = at_ != At::key && at_ != At::colon;
  if (may_close && c == (open_.back() ? '}' : ']')) {
    open_.pop_back();
    out += c;
    return ended(Step::done);
  }
  if (at_ == At::after && c == ',') {
    at_ = open_.back() ? At::key : At::value;
    return out += c, Step::more;
  }
  if (at_ == At::colon && c == ':') return at_ = At::value, out += c, Step::more;
  if ((at_ == At::first_key || at_ == At::key) && c == '"') {
    is_key_ = true;
    at_ = At::string;
    return out += c, Step::more;
  }
  return Step::fault;
}

// A value is whole. Inside another one there is more to come.
JsonScanner::Step JsonScanner::ended(Step whole) {
  at_ = At::after;
  return open_.empty() ? whole : Step::more;
}

JsonScanner::Step JsonScanner::string_byte(char c, std::string& out) {
  if (at_ == At::escape) {
    if (c != 'u') unpaired(out);
    if (c == 'u') return at_ = At::hex, word_.clear(), Step::more;
    if (std::string_view("\"\\/bfnrt").find(c) == std::string_view::npos) return Step::fault;
    out += '\\';
    out += c;
    return at_ = At::string, Step::more;
  }
  if (c == '\\') return at_ = At::escape, Step::more;
  unpaired(out);
  if (c != '"') return c < 0 || c >= 0x20 ? void(out += c) : append_escaped(out, {&c, 1}), Step::more;
  out += c;
  if (!is_key_) return ended(Step::done);
  return at_ = At::colon, Step::more;
}

JsonScanner::Step JsonScanner::hex_byte(char c, std::string& out) {
  if (!std::isxdigit(static_cast<unsigned char>(c))) return Step::fault;
  word_ += c;
  if (word_.size() < 4) return Step::more;
  const uint32_t code = hex(word_);
  at_ = At::string;
  if (high_ && code >> 10 == 0x37) {  // DC00..DFFF
    out += high_text_ + "\\u" + word_;
    high_ = 0;
    return Step::more;
  }
  unpaired(out);
  if (code >> 10 == 0x36) {
    high_ = code;
    high_text_ = "\\u" + word_;
  } else {
    out += code >> 10 == 0x37 ? "\\ufffd" : "\\u" + word_;
  }
  return Step::more;
}

void JsonScanner::unpaired(std::string& out) {
  if (high_) out += "\\ufffd";
  high_ = 0;
}

JsonScanner::Step JsonScanner::word_byte(char c, std::string& out) {
  word_ += c;
  for (const std::string_view whole : {"true", "false", "null"}) {
    if (!whole.starts_with(word_)) continue;
    if (whole.size() > word_.size()) return Step::more;
    out += word_;
    return ended(Step::done);
  }
  word_.pop_back();
  return Step::fault;
}

JsonScanner::Step JsonScanner::number_byte(char c, std::string& out) {
  if (is_digit(c) || c == '+' || c == '-' || c == '.' || c == 'e' || c == 'E') return word_ += c, Step::more;
  if (!is_number(word_)) return Step::fault;
  out += word_;
  if (ended(Step::done_before) == Step::done_before) return Step::done_before;
  return push(c, out);
}

}  // namespace autark::text
