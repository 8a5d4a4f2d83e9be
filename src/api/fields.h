// Reads the fields of one JSON object of a request. What nobody asks for is unknown(): ignored by the caller,
// but counted. The first fault sticks and later look-ups find nothing, so that a decoder reads everything in
// plain lines and asks fault() once. null is the same as absent.
#pragma once
#include <functional>
#include <initializer_list>
#include <limits>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>
#include "api/item.h"

namespace autark::api {

class Fields {
 public:
  // `path` stands before the names in faults: "messages[2].". Not an object: a fault about `path`.
  explicit Fields(const Json& object, std::string path = {});

  const Json* find(std::string_view name);    // any type
  bool is_null(std::string_view name) const;  // there, and null
  const Json& object() const { return object_; }
  std::optional<std::string> text(std::string_view name);
  std::optional<bool> flag(std::string_view name);
  std::optional<int64_t> integer(std::string_view name, int64_t least, int64_t most);
  std::optional<double> number(std::string_view name, double least, double most);
  const Json* array(std::string_view name);
  const Json* object(std::string_view name);

  void accept(std::initializer_list<std::string_view> names);  // known, without effect here
  // Known, but it would change the answer and is not built: a fault unless absent or `harmless`.
  void refuse(std::string_view name, const std::function<bool(const Json&)>& harmless = {});

  void fail(std::string_view name, std::string message, Fault::Kind kind = Fault::Kind::invalid);
  void fail(Fault fault);
  const std::optional<Fault>& fault() const { return fault_; }

  std::string path_of(std::string_view name) const;
  std::vector<std::string> unknown() const;

 private:
  const Json* typed(std::string_view name, bool (*is)(const Json&), const char* want);

  const Json& object_;
  std::string path_;
  std::set<std::string, std::less<>> known_;
  std::optional<Fault> fault_;
};

// For refuse(): an empty list, object or text, or false.
bool is_empty_or_false(const Json& v);

}  // namespace autark::api
