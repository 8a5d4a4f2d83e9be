// One JSON value as models write it, byte by byte, and mended where only one thing can be meant:
//
//   \d, \x41, a line end in a string     \\d, \\x41, \n        escapes that JSON lacks, raw control
//   characters half of a surrogate pair             \ufffd [1, 2, ]                             [1, 2 ] a
//   comma behind the last
//   // …, # …, /* … */                                         remarks
//   True, NULL, None, nil, undefined     true, null, null …    words of other languages; NaN and Infinity:
//   null +1, .5, 1., 1_000, 0x1F              1, 0.5, 1.0, 1000, 31 'a "b"', {key: 1}                    "a
//   \"b\"", {"key": 1}
//   {"a": [1, 2}, {"a": "b               {"a": [1, 2]}, {"a": "b"}   missing ends
//
// JSON itself passes byte for byte. Anything else is a fault: 007, a word without quotes, a quote inside a
// string, a comma too few. Private to text/.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace autark::text {

// One remark, from its first byte on: // or # to the end of the line, or /* to */.
class Remark {
 public:
  enum class Step { more, done, fault };
  static bool begins(char c) { return c == '/' || c == '#'; }
  Step push(char c);

 private:
  enum class At { begin, slash, line, block, star } at_ = At::begin;
};

class JsonRepair {
 public:
  enum class Step {
    more,
    done,         // the value ends with this byte
    done_before,  // it ended before this byte, which is not taken: a number or word that stands alone
    fault         // not to be mended; this byte is not taken, nothing may follow
  };
  // `quotes_words`: a value that is one word is a string without its quotes.
  explicit JsonRepair(bool quotes_words = false) : quotes_words_(quotes_words) {}

  Step push(char c);
  // No more comes: ends what is open. False: it cannot be ended in one way only.
  bool finish();
  // The mended value, as far as it is known.
  const std::string& text() const { return text_; }
  // How much of text() stands just so at the value's beginning as it was written, and will whatever comes, be
  // it given as mended or as written.
  size_t settled() const { return settled_; }
  // Of what is still open, for one who goes on looking for its end.
  size_t depth() const { return open_.size(); }
  bool in_string() const { return at_ == At::string || at_ == At::escape || at_ == At::hex; }
  char quote() const { return quote_; }

 private:
  enum class At {
    value,
    first_item,
    first_key,
    key,
    colon,
    after,  // of a structure
    string,
    escape,
    hex,
    quote,  // quote: a single one, which ends a string or is in it
    bare,   // a number, a word, a key without quotes
    remark
  };
  Step take(char c);
  Step structure_byte(char c);
  Step start_value(char c);
  Step start_key(char c);
  Step close(char c);
  bool close_missing(char c);
  Step string_byte(char c);
  Step escape_byte(char c);
  Step hex_byte(char c);
  Step quote_byte(char c);
  Step bare_byte(char c);
  bool end_bare();
  Step ended(Step whole);
  void begin_string(char quote);
  Step end_string();
  void begin(At at);
  void mend(std::string_view text);
  void unpaired();

  bool quotes_words_;
  At at_ = At::value, behind_remark_ = At::value;
  Remark remark_;
  std::vector<bool> open_;  // true: an object, false: a list
  std::string text_;
  bool is_key_ = false, mended_ = false, comma_ = false;
  std::string gap_;   // white space behind a comma, or behind a quote, that waits
  std::string word_;  // a word, a number, hexadecimal digits
  char quote_ = '"';
  uint32_t high_ = 0;  // the first half of a surrogate pair
  std::string high_text_;
  size_t run_ = 0, settled_ = 0;  // run_: closing brackets and space at the end of an open string
};

// `text` as one object, mended; empty where it is none or cannot be.
std::optional<std::string> repaired_object(std::string_view text);

}  // namespace autark::text
