#include "store/schema_text.h"

namespace autark::storage {

Result<NextStep> next_step(std::span<const SchemaStep> steps, int64_t taken, size_t wanted) {
  const auto known = std::ssize(steps);
  if (taken < 0 || taken > known)
    return Error{Code::unsupported, "store: the database is of version " + std::to_string(taken) +
                                        ", this program knows up to " + std::to_string(known) +
                                        "; use the newer program, or restore a backup"};
  if (int64_t(wanted) > known)
    return Error{Code::invalid, "store: there is no version " + std::to_string(wanted) + "; the newest is " +
                                    std::to_string(known)};
  if (taken < int64_t(wanted)) return NextStep{&steps[size_t(taken)].up, taken + 1};
  if (taken > int64_t(wanted)) return NextStep{&steps[size_t(taken) - 1].down, taken - 1};
  return NextStep{};
}

std::string with_serial(std::string sql, std::string_view type) {
  constexpr std::string_view kSerial = "{serial}";
  for (size_t at = sql.find(kSerial); at != std::string::npos; at = sql.find(kSerial, at))
    sql.replace(at, kSerial.size(), type);
  return sql;
}

}  // namespace autark::storage
