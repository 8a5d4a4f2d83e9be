// JSON as Python's json module reads and writes it, which is how the official prompt encoders put it into
// prompts: key order kept, of a repeated key the first place and the last value, integers of any length as
// written, floats in their shortest form (1e5 → 100000.0, 1E-7 → 1e-07), NaN and Infinity, ", " and ": ",
// non-ASCII kept.
// Private to text/.
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

  // Nested deeper than 400 levels or not UTF-8 is an Error too. `what` names the text in it.
  static Result<PythonJson> parse(std::string_view json, std::string_view what);
  static PythonJson of_list(std::vector<PythonJson> list);
  std::string dump() const;

  Kind kind() const { return kind_; }
  bool is_null() const { return kind_ == Kind::null; }
  bool is_text() const { return kind_ == Kind::text; }
  bool is_list() const { return kind_ == Kind::list; }
  bool is_map() const { return kind_ == Kind::map; }
  bool is_true() const { return kind_ == Kind::boolean && text_ == "true"; }
  // What Python calls true: not null, false, zero or empty.
  explicit operator bool() const;

  const std::string& text() const {
    return text_;
  }  // of a text; else empty or the number as Python writes it
  const std::vector<PythonJson>& list() const { return list_; }
  const std::vector<Member>& map() const { return map_; }
  const PythonJson* find(std::string_view key) const;  // none in what is no map
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
