// JSON as models write it, byte by byte: strings escaped as Python's json.dumps(ensure_ascii=False) does, and
// a scanner that lets a value through as it is written. Private to text/.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace autark::text {

// The inside of a JSON string.
void append_escaped(std::string& out, std::string_view text);

// One JSON value. What push() appends is the value's own text but for control characters inside strings,
// which are escaped, and halves of surrogate pairs, which become \ufffd; words and numbers come when they are
// whole.
class JsonScanner {
 public:
  enum class Step {
    more,
    done,         // the value ends with this byte
    done_before,  // it ended before this byte, which is not taken: a number at the top
    fault         // not JSON; this byte is not taken
  };
  Step push(char c, std::string& out);
  std::string waiting() const;  // taken, and not yet appended

 private:
  enum class At { value, first_item, first_key, key, colon, after, string, escape, hex, number, word };
  Step start_value(char c, std::string& out);
  Step in_structure(char c, std::string& out);
  Step string_byte(char c, std::string& out);
  Step hex_byte(char c, std::string& out);
  Step word_byte(char c, std::string& out);
  Step number_byte(char c, std::string& out);
  Step ended(Step whole);
  void unpaired(std::string& out);

  At at_ = At::value;
  std::vector<bool> open_;  // true: an object, false: a list
  bool is_key_ = false;
  std::string word_;   // a word, a number, four hexadecimal digits
  uint32_t high_ = 0;  // the first half of a surrogate pair
  std::string high_text_;
};

void append_utf8(std::string& out, uint32_t code_point);

// The text of a JSON string between its quotes; REQUIRES: it went through JsonScanner.
std::string unescaped(std::string_view inside);

}  // namespace autark::text
