#include "text/tools/json_repair.h"
#include <algorithm>
#include <charconv>
#include <utility>
#include "text/tools/json_text.h"

namespace autark::text {
namespace {

constexpr size_t kDepthMax = 90;

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$';
}
bool is_hex(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}
bool is_bare(char c) {
  return is_letter(c) || is_digit(c) || c == '+' || c == '-' || c == '.';
}
// False if a key without quotes holds a space, a quote, a comma or the like that is not ASCII: characters of
// U+0080..00BF, U+2000..203F, U+3000..303F and U+FF00..FF3F.
bool is_bare_key(std::string_view word) {
  for (const std::string_view begin : {"\xC2", "\xE2\x80", "\xE3\x80", "\xEF\xBC"})
    if (word.find(begin) != word.npos) return false;
  return true;
}

std::optional<std::string> hexadecimal(std::string_view digits) {
  uint64_t value = 0;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  if (digits.empty() || read.ec != std::errc() || read.ptr != digits.data() + digits.size()) return {};
  return std::to_string(value);
}

// Removes underscores between digits: 1_000. nullopt if one is anywhere else.
std::optional<std::string> without_groups(std::string_view s) {
  std::string out;
  for (size_t at = 0; at < s.size(); ++at) {
    if (s[at] != '_')
      out += s[at];
    else if (at == 0 || at + 1 == s.size() || !is_digit(s[at - 1]) || !is_digit(s[at + 1]))
      return {};
  }
  return out;
}

std::optional<std::string> mended_number(std::string_view s) {
  const std::string sign = s.starts_with('-') ? "-" : "";
  if (s.starts_with('-') || s.starts_with('+')) s.remove_prefix(1);
  if (s.starts_with("0x") || s.starts_with("0X")) {
    const auto value = hexadecimal(s.substr(2));
    if (value) return sign + *value;
    return {};
  }
  auto plain = without_groups(s);
  if (!plain) return {};
  if (plain->starts_with('.')) plain->insert(0, "0");
  if (plain->ends_with('.')) *plain += '0';
  if (!is_json_number(*plain) || plain->starts_with('-')) return {};
  return sign + *plain;
}

std::optional<std::string> mended_word(std::string_view s) {
  std::string word;
  for (const char c : s) word += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  if (word == "true" || word == "false") return word;
  for (const std::string_view none :
       {"null", "none", "nil", "undefined", "nan", "infinity", "+infinity", "-infinity"})
    if (word == none) return "null";
  return {};
}

uint32_t hex_value(std::string_view digits) {
  uint32_t v = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), v, 16);
  return v;
}

}  // namespace

Remark::Step Remark::push(char c) {
  switch (at_) {
    case At::begin:
      at_ = c == '#' ? At::line : At::slash;
      return Step::more;
    case At::slash:
      at_ = c == '/' ? At::line : At::block;
      return c == '/' || c == '*' ? Step::more : Step::fault;
    case At::line:
      return c == '\n' ? Step::done : Step::more;
    case At::star:
      if (c == '/') return Step::done;
      [[fallthrough]];
    default:
      at_ = c == '*' ? At::star : At::block;
      return Step::more;
  }
}

// Brackets at the end of an open string are not settled: the quote before them may be missing.
JsonRepair::Step JsonRepair::push(char c) {
  const Step step = take(c);
  if (!mended_) settled_ = text_.size() - (in_string() ? std::min(run_, text_.size()) : 0);
  return step;
}

JsonRepair::Step JsonRepair::take(char c) {
  switch (at_) {
    case At::string:
      return string_byte(c);
    case At::escape:
      return escape_byte(c);
    case At::hex:
      return hex_byte(c);
    case At::quote:
      return quote_byte(c);
    case At::bare:
      return bare_byte(c);
    case At::remark: {
      const Remark::Step step = remark_.push(c);
      if (step == Remark::Step::fault) return Step::fault;
      if (step == Remark::Step::done) at_ = behind_remark_;
      return Step::more;
    }
    default:
      return structure_byte(c);
  }
}

// Appends text that differs from what was written; settled() stops growing.
void JsonRepair::mend(std::string_view text) {
  mended_ = true;
  text_ += text;
}

JsonRepair::Step JsonRepair::structure_byte(char c) {
  if (is_space(c)) return (comma_ ? gap_ : text_) += c, Step::more;
  if (Remark::begins(c)) {
    behind_remark_ = std::exchange(at_, At::remark);
    mended_ = true;
    remark_ = {};
    remark_.push(c);
    return Step::more;
  }
  if (c == '}' || c == ']') return close(c);
  if (at_ == At::value || at_ == At::first_item) return start_value(c);
  if (at_ == At::first_key || at_ == At::key) return start_key(c);
  if (at_ == At::colon && c == ':') return at_ = At::value, text_ += c, Step::more;
  if (at_ != At::after || c != ',') return Step::fault;
  at_ = open_.back() ? At::key : At::value;
  comma_ = true;
  return Step::more;
}

// A value or a key begins, so the comma before it was not superfluous and is written.
void JsonRepair::begin(At at) {
  if (comma_) text_ += "," + gap_;
  comma_ = false;
  gap_.clear();
  at_ = at;
}

JsonRepair::Step JsonRepair::start_value(char c) {
  is_key_ = false;
  if (c == '"' || c == '\'') return begin_string(c), Step::more;
  if (c == '{' || c == '[') {
    if (open_.size() == kDepthMax) return Step::fault;
    begin(c == '{' ? At::first_key : At::first_item);
    open_.push_back(c == '{');
    return text_ += c, Step::more;
  }
  if (!is_bare(c) && !(may_quote() && c < 0)) return Step::fault;
  begin(At::bare);
  word_ = c;
  return Step::more;
}

JsonRepair::Step JsonRepair::start_key(char c) {
  is_key_ = true;
  if (c == '"' || c == '\'') return begin_string(c), Step::more;
  if (!is_letter(c) && !is_digit(c) && c >= 0) return Step::fault;
  begin(At::bare);
  word_ = c;
  return Step::more;
}

JsonRepair::Step JsonRepair::close(char c) {
  if (comma_) mend(gap_);
  const bool element_due = at_ == At::colon || (at_ == At::value && !comma_);
  comma_ = false;
  gap_.clear();
  if (open_.empty() || element_due) return Step::fault;
  if (open_.back() != (c == '}') && !close_missing(c)) return Step::fault;
  open_.pop_back();
  text_ += c;
  return ended(Step::done);
}

// For [1, 2} inside an object, or {"a": 1] inside a list: adds the missing bracket.
bool JsonRepair::close_missing(char c) {
  const size_t n = open_.size();
  if (n < 2 || open_[n - 2] != (c == '}')) return false;
  mend(open_.back() ? "}" : "]");
  open_.pop_back();
  return true;
}

// A value is complete. Returns `whole` unless it is inside another value.
JsonRepair::Step JsonRepair::ended(Step whole) {
  at_ = At::after;
  return open_.empty() ? whole : Step::more;
}

void JsonRepair::begin_string(char quote) {
  begin(At::string);
  quote_ = quote;
  run_ = 0;
  quote == '"' ? void(text_ += quote) : mend("\"");
}

JsonRepair::Step JsonRepair::end_string() {
  text_ += '"';
  if (!is_key_) return ended(Step::done);
  return at_ = At::colon, Step::more;
}

JsonRepair::Step JsonRepair::string_byte(char c) {
  if (c == '\\') return at_ = At::escape, Step::more;
  unpaired();
  run_ = c == '}' || c == ']' || c == ' ' ? run_ + 1 : 0;
  if (c == quote_ && c == '\'') return at_ = At::quote, Step::more;
  if (c == quote_) return end_string();
  if ((c < 0 || c >= 0x20) && c != '"') return text_ += c, Step::more;
  mended_ = true;
  append_escaped(text_, {&c, 1});
  return Step::more;
}

JsonRepair::Step JsonRepair::escape_byte(char c) {
  if (c == 'u') return at_ = At::hex, word_.clear(), Step::more;
  unpaired();
  at_ = At::string;
  run_ = 0;
  if (c == '\'' && quote_ == c) return mend("'"), Step::more;
  if (std::string_view("\"\\/bfnrt").find(c) != std::string_view::npos) {
    text_ += '\\';
    return text_ += c, Step::more;
  }
  mend("\\\\");
  return string_byte(c);
}

JsonRepair::Step JsonRepair::hex_byte(char c) {
  if (!is_hex(c)) {
    unpaired();
    mend("\\\\u" + word_);
    at_ = At::string;
    return string_byte(c);
  }
  word_ += c;
  if (word_.size() < 4) return Step::more;
  const uint32_t code = hex_value(word_);
  at_ = At::string;
  run_ = 0;
  if (high_ && code >> 10 == 0x37) {  // DC00..DFFF
    text_ += high_text_ + "\\u" + word_;
    high_ = 0;
    return Step::more;
  }
  unpaired();
  if (code >> 10 == 0x36) {  // D800..DBFF
    high_ = code;
    high_text_ = "\\u" + word_;
  } else if (code >> 10 == 0x37) {
    mend("\\ufffd");
  } else {
    text_ += "\\u" + word_;
  }
  return Step::more;
}

// A first half of a surrogate pair without its second half becomes U+FFFD.
void JsonRepair::unpaired() {
  if (high_) mend("\\ufffd");
  high_ = 0;
}

// The byte after a single quote: the quote ends its string if the structure continues with this byte, and is
// an apostrophe if it is between letters. Else it is a fault.
JsonRepair::Step JsonRepair::quote_byte(char c) {
  if (is_space(c)) return gap_ += c, Step::more;
  const bool ends_value = c == ',' || c == '}' || c == ']';
  if (open_.empty() ? c == ':' || ends_value : is_key_ ? c == ':' : ends_value) {
    const Step step = end_string();
    if (step == Step::done) return Step::done_before;
    text_ += std::exchange(gap_, {});
    return structure_byte(c);
  }
  const auto in_word = [](char l) { return l < 0 || is_letter(l) || is_digit(l); };
  if (!gap_.empty() || !in_word(c) || !in_word(text_.back())) return Step::fault;
  text_ += '\'';
  at_ = At::string;
  return string_byte(c);
}

JsonRepair::Step JsonRepair::bare_byte(char c) {
  if (is_bare(c) || (c < 0 && (is_key_ || may_quote()))) return word_ += c, Step::more;
  if (!end_bare()) return Step::fault;
  if (is_key_) return at_ = At::colon, structure_byte(c);
  if (ended(Step::done_before) == Step::done_before) return Step::done_before;
  return structure_byte(c);
}

bool JsonRepair::end_bare() {
  if (is_key_) return is_bare_key(word_) && (mend('"' + word_ + '"'), true);
  if (is_json_number(word_) || word_ == "true" || word_ == "false" || word_ == "null")
    return text_ += word_, true;
  auto mended = mended_number(word_);
  if (!mended) mended = mended_word(word_);
  const bool word = is_letter(word_[0]) || word_[0] < 0;
  if (!mended && may_quote() && word && is_bare_key(word_)) mended = '"' + word_ + '"';
  if (mended) mend(*mended);
  return mended.has_value();
}

// An open string is closed only if no brackets at its end could belong to the structure.
bool JsonRepair::finish() {
  mended_ = true;
  if (at_ == At::remark) at_ = behind_remark_;
  if (at_ == At::quote) end_string();
  if (at_ == At::string) {
    const std::string_view last(text_.data() + text_.size() - run_, run_);
    if (is_key_ || last.find_first_not_of(' ') != last.npos) return false;
    unpaired();
    end_string();
  }
  if (at_ == At::bare) {
    if (is_key_ || !end_bare()) return false;
    at_ = At::after;
  }
  const bool may_end = at_ == At::after || at_ == At::first_key || at_ == At::first_item || comma_;
  if (!may_end) return false;
  for (; !open_.empty(); open_.pop_back()) text_ += open_.back() ? '}' : ']';
  return true;
}

std::optional<std::string> repaired_object(std::string_view text) {
  const size_t from = text.find_first_not_of(" \t\r\n");
  if (from == text.npos || text[from] != '{') return {};
  JsonRepair repair;
  for (size_t at = from; at < text.size(); ++at) {
    const auto step = repair.push(text[at]);
    if (step == JsonRepair::Step::more) continue;
    const bool last = text.find_first_not_of(" \t\r\n", at + 1) == text.npos;
    if (step != JsonRepair::Step::done || !last) return {};
    return repair.text();
  }
  if (!repair.finish()) return {};
  return repair.text();
}

}  // namespace autark::text
