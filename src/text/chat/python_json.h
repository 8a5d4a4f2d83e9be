// JSON as Python's json module reads and writes it, because official prompt encoders write JSON into prompts
// with it. The order of keys is kept; a repeated key has its first place and its last value. Integers of any
// length stay as written; floats get their shortest form (1e5 → 100000.0, 1E-7 → 1e-07). NaN and Infinity are
// numbers. Separators are ", " and ": ", and characters outside ASCII are not escaped. Private to text/.
#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>
#include "base/result.h"

namespace autark::text {

class PythonJson {
 public:
  enum class Kind { null, boolean, number, text, list, map };
  using Member = std::pair<std::string, PythonJson>;

  // Code::invalid if it is not JSON, not UTF-8 or deeper than 400 levels. `what` names it in the message.
  static Result<PythonJson> parse(std::string_view json, std::string_view what);
  static PythonJson of_list(std::vector<PythonJson> list);
  std::string dump() const;  // as json.dumps(ensure_ascii=False)

  Kind kind() const { return kind_; }
  bool is_null() const { return kind_ == Kind::null; }
  bool is_text() const { return kind_ == Kind::text; }
  bool is_list() const { return kind_ == Kind::list; }
  bool is_map() const { return kind_ == Kind::map; }
  bool is_true() const { return kind_ == Kind::boolean && text_ == "true"; }
  // True as in Python: not null, false, zero or empty.
  explicit operator bool() const;

  // A text's value; for numbers and booleans what Python writes; else empty.
  const std::string& text() const { return text_; }
  const std::vector<PythonJson>& list() const { return list_; }
  const std::vector<Member>& map() const { return map_; }
  const PythonJson* find(std::string_view key) const;  // null if this is no map or has no such key
  void set(std::string_view key, PythonJson value);    // REQUIRES: is_map()

 private:
  friend class PythonJsonReader;
  void append_to(std::string& out) const;

  Kind kind_ = Kind::null;
  std::string text_;
  std::vector<PythonJson> list_;
  std::vector<Member> map_;
};

}  // namespace autark::text
