#include "platform/limits.h"
#include <array>

namespace autark::platform {
namespace {

constexpr std::array<std::string_view, 5> kNames = {"rpm", "tpm", "concurrency", "burst", "budget"};

}  // namespace

std::string_view name_of(LimitKind kind) {
  return kNames[size_t(kind)];
}

Result<LimitKind> limit_kind_named(std::string_view name) {
  for (size_t i = 0; i < kNames.size(); ++i)
    if (kNames[i] == name) return LimitKind(i);
  return Error{Code::invalid, "'" + std::string(name.substr(0, 40)) +
                                  "' is no kind of limit: use rpm, tpm, concurrency, burst or budget"};
}

}  // namespace autark::platform
