// Reads the parameters of a query as api::Fields reads the members of a body: the first fault is kept, names that were not
// asked for are faults. An empty value counts as absent.
#pragma once
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>
#include "api/item.h"
#include "platform/clock.h"

namespace autark::platform::admin {

class QueryFields {
 public:
  // Keeps decoded copies.
  explicit QueryFields(std::string_view query);

  std::string text(std::string_view name);                // the first value; empty if absent
  std::vector<std::string> texts(std::string_view name);  // all values of "name" and "name[]"
  std::vector<std::string> words(std::string_view name);  // the same; commas separate values, too
  bool flag(std::string_view name);                       // "true", "1" or "false", "0"
  std::optional<int64_t> integer(std::string_view name, int64_t least, int64_t most);
  // A time or a date; not a duration.
  std::optional<Micros> time(std::string_view name);

  void fail(std::string_view name, const std::string& message);
  // The first fault, names that were never asked for included.
  std::optional<api::ApiError> fault() const;

 private:
  std::vector<std::pair<std::string, std::string>> pairs_;
  std::set<std::string, std::less<>> known_;
  std::optional<api::ApiError> fault_;
};

}  // namespace autark::platform::admin
