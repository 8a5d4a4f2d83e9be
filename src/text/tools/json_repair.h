// Reads one JSON value byte by byte, as models write it, and repairs what can have only one meaning:
//
//   written                              repaired                      what
//   \d, \x41, a line end in a string     \\d, \\x41, \n                unknown escapes, control characters
//   half of a surrogate pair             \ufffd
//   [1, 2, ]                             [1, 2 ]                       comma after the last element
//   // …, # …, /* … */                                                 comments
//   True, NULL, None, nil, undefined     true, null, null …            words of other languages
//   NaN, Infinity                        null
//   +1, .5, 1., 1_000, 0x1F              1, 0.5, 1.0, 1000, 31         numbers of other languages
//   'a "b"', {key: 1}                    "a \"b\"", {"key": 1}         single quotes, keys without quotes
//   {"a": [1, 2}, {"a": "b               {"a": [1, 2]}, {"a": "b"}     missing ends
//
// Valid JSON passes unchanged, byte for byte. Anything else is a fault: 007, a word without quotes, a quote
// inside a string, a missing comma. Private to text/.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace autark::text {

// Reads one comment from its first byte on: // or # to the end of the line, or /* to */.
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
    done_before,  // the value ended before this byte, which was not consumed: a number or word by itself
    fault         // it cannot be repaired; the byte was not consumed. Do not push again
  };
  // `quotes_words`: read a value that is one word as a string whose quotes are missing.
  explicit JsonRepair(bool quotes_words = false) : quotes_words_(quotes_words) {}

  Step push(char c);
  // Ends the value here and closes what is open. False: there is more than one way to do this.
  bool finish();
  // The repaired value so far.
  const std::string& text() const { return text_; }
  // Length of the beginning of text() that is equal to what was written and that later bytes cannot change,
  // whether the value is repaired or given as written in the end.
  size_t settled() const { return settled_; }
  // The open brackets and the open string, for a caller that looks for the end after a fault.
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
    after,  // after a value inside an object or a list
    string,
    escape,
    hex,
    quote,  // after a single quote, which ends the string or belongs to it
    bare,   // in a number, a word or a key without quotes
    remark  // in a comment
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
  bool may_quote() const { return quotes_words_ && open_.empty(); }
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
  std::string gap_;    // white space after a comma or a quote, held back
  std::string word_;   // the current word, number or hexadecimal digits
  char quote_ = '"';   // the quote that opened the string
  uint32_t high_ = 0;  // the first half of a surrogate pair, until its other half comes
  std::string high_text_;
  size_t run_ = 0, settled_ = 0;  // run_: number of closing brackets and spaces at the end of an open string
};

// Reads all of `text` as one object and repairs it. nullopt if it is no object or cannot be repaired.
std::optional<std::string> repaired_object(std::string_view text);

}  // namespace autark::text
