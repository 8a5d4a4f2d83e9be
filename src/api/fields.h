// Reads the fields of one JSON object of a request and remembers which names were asked for; unknown() lists
// the others. Only the first fault is kept, and every look-up after it returns nothing: a decoder can read
// all fields in a row and check fault() once at the end. A null counts as absent. Look-ups are reported to the
// thread's FieldLog, if there is one.
#pragma once
#include <functional>
#include <initializer_list>
#include <limits>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>
#include "api/item.h"

namespace autark::api {

class Fields {
 public:
  // Keeps a reference to `object`. `path` is put before the names in faults: "messages[2].". If `object` is
  // not a JSON object, fault() is set at once.
  explicit Fields(const Json& object, std::string path = {});

  const Json* find(std::string_view name);        // a value of any type; nullptr if absent or null
  bool is_null(std::string_view name) const;      // present, and null
  const Json& object() const { return object_; }  // the object itself
  // The value if it has the type and lies in [least, most]. Empty if absent, null or after a fault; any other
  // value is a fault. integer() accepts 2.0 but not 2.5.
  std::optional<std::string> text(std::string_view name);
  std::optional<bool> flag(std::string_view name);
  std::optional<int64_t> integer(std::string_view name, int64_t least, int64_t most);
  std::optional<double> number(std::string_view name, double least, double most);
  std::optional<std::string> one_of(std::string_view name, std::span<const std::string_view> texts);
  const Json* array(std::string_view name);
  const Json* object(std::string_view name);

  // Marks names as known although this server does nothing with them.
  void accept(std::initializer_list<std::string_view> names);
  // For a field that would change the answer and is not supported: a fault unless it is absent or
  // `harmless(value)` is true.
  void refuse(std::string_view name, const std::function<bool(const Json&)>& harmless = {});

  // Records a fault unless there is one already. `message` continues a sentence that begins with the path.
  void fail(std::string_view name, std::string message, ApiError::Kind kind = ApiError::Kind::invalid);
  void fail(ApiError fault);
  const std::optional<ApiError>& fault() const { return fault_; }  // the first one

  std::string path_of(std::string_view name) const;  // "messages[2].name"
  std::vector<std::string> unknown() const;          // paths of the fields that were never asked for

 private:
  const Json* look_up(std::string_view name);
  // `want` is for the fault, `type` for the log.
  const Json* typed(std::string_view name, bool (*is)(const Json&), const char* want, const char* type);

  const Json& object_;
  std::string path_;
  std::set<std::string, std::less<>> known_;
  std::optional<ApiError> fault_;
};

// For refuse(): true for an empty list, object or string, and for false.
bool is_empty_or_false(const Json& v);

}  // namespace autark::api
