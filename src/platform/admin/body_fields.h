// What the readers of request bodies share beyond api::Fields.
#pragma once
#include "api/fields.h"
#include "platform/admin/bodies.h"

namespace autark::platform::admin {

// A text that must be there and have at least one byte.
std::string needed(api::Fields& f, std::string_view name);
// A list of at most 100 texts; empty if it is absent.
std::vector<std::string> texts(api::Fields& f, std::string_view name);
std::optional<std::vector<Role>> roles(api::Fields& f, std::string_view name);
// A duration from now on, or a time.
std::optional<Micros> moment(api::Fields& f, std::string_view name, Micros now);
// "20CNY", or {"currency","amount"}.
std::optional<Money> sum(api::Fields& f, std::string_view name);

// The value, unless a field was wrong or is not known.
template <class T>
Read<T> finished(api::Fields& f, T made) {
  if (f.fault()) return *f.fault();
  const std::vector<std::string> unknown = f.unknown();
  if (unknown.empty()) return made;
  const std::string shown = unknown.front().substr(0, 60);
  return api::ApiError{.message = "there is no field '" + shown + "' here", .param = shown};
}

}  // namespace autark::platform::admin
