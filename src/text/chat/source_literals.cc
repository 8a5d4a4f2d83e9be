#include "text/chat/source_literals.h"
#include <cctype>
#include <charconv>
#include <map>
#include "text/tools/json_text.h"

namespace autark::text {
namespace {

bool is_name_byte(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '_';
}

class Reader {
 public:
  explicit Reader(std::string_view source) : source_(source) {}

  std::vector<std::string> read() {
    while (at_ < source_.size()) token();
    flush();
    return std::move(texts_);
  }

 private:
  // Skips a comment or space, reads a literal or a name; any other sign ends the current text.
  void token() {
    const char c = source_[at_];
    if (c == '\n') line_name_.clear();
    if (std::isspace(static_cast<unsigned char>(c)) || c == '\\') return void(++at_);
    if (c == '#') return void(at_ = std::min(source_.find('\n', at_), source_.size()));
    if (c == '"' || c == '\'') return literal(false);
    if (is_name_byte(c)) return name();
    ++at_;
    if ((c == '+' || c == '~') && open_) return void(joins_ = true);
    flush();
    if (c == '=') target_ = line_name_;
  }

  void name() {
    const size_t from = at_;
    while (at_ < source_.size() && is_name_byte(source_[at_])) ++at_;
    const std::string name(source_.substr(from, at_ - from));
    const bool quoted = at_ < source_.size() && (source_[at_] == '"' || source_[at_] == '\'');
    if (quoted && name.size() <= 2) return literal(name.find_first_of("rR") != std::string::npos);
    if (line_name_.empty() && name != "set") line_name_ = name;
    const auto known = known_.find(name);
    if (known == known_.end()) return flush();
    if (!joins_) flush();
    append(known->second);
  }

  void literal(bool raw) {
    const std::string_view rest = source_.substr(at_);
    const bool triple = rest.starts_with("\"\"\"") || rest.starts_with("'''");
    const std::string_view quote = rest.substr(0, triple ? 3 : 1);
    std::string text;
    size_t at = quote.size();
    while (at < rest.size() && !rest.substr(at).starts_with(quote)) {
      if (!triple && rest[at] == '\n') break;
      if (rest[at] == '\\' && !raw && at + 1 < rest.size())
        at += escape(rest.substr(at + 1), text);
      else
        text += rest[at++];
    }
    if (!rest.substr(at).starts_with(quote)) return flush(), void(++at_);  // a quote that begins no literal
    at_ += at + quote.size();
    append(text);
  }

  // Appends the character of an escape; `rest` follows the backslash. Returns the length with the backslash.
  static size_t escape(std::string_view rest, std::string& text) {
    constexpr std::string_view kFrom = "nrtbf'\"\\", kTo = "\n\r\t\b\f'\"\\";
    if (rest[0] == '\n') return 2;
    if (const size_t i = kFrom.find(rest[0]); i != std::string_view::npos) return text += kTo[i], 2;
    const size_t digits = rest[0] == 'u' ? 4 : rest[0] == 'x' ? 2 : 0;
    uint32_t code = 0;
    if (digits && rest.size() > digits &&
        std::from_chars(rest.data() + 1, rest.data() + 1 + digits, code, 16).ptr == rest.data() + 1 + digits)
      return append_utf8(text, code), 2 + digits;
    return text += '\\', 1;
  }

  void append(std::string_view text) {
    text_ += text;
    open_ = true;
    joins_ = false;
  }

  void flush() {
    if (open_) {
      if (!target_.empty()) known_[target_] = text_;
      if (std::string full = filled(text_); full != text_) texts_.push_back(std::move(full));
      texts_.push_back(text_);
    }
    text_.clear();
    target_.clear();
    open_ = joins_ = false;
  }

  std::string filled(std::string_view text) const {
    std::string out;
    for (size_t at = 0; at < text.size();) {
      if (text[at] == '{') {
        const size_t end = text.find('}', at);
        const auto known = end == std::string_view::npos
                               ? known_.end()
                               : known_.find(std::string(text.substr(at + 1, end - at - 1)));
        if (known != known_.end()) {
          out += known->second;
          at = end + 1;
          continue;
        }
      }
      out += text[at++];
    }
    return out;
  }

  std::string_view source_;
  size_t at_ = 0;
  std::string text_;       // the literals joined so far
  std::string line_name_;  // the first name of this line
  std::string target_;     // the name that the text is assigned to
  bool open_ = false, joins_ = false;
  std::map<std::string, std::string> known_;
  std::vector<std::string> texts_;
};

}  // namespace

std::vector<std::string> source_literals(std::string_view source) {
  return Reader(source).read();
}

}  // namespace autark::text
