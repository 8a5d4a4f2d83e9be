#include "store/database.h"
#include "base/check.h"
#include "store/postgres_database.h"
#include "store/sqlite_database.h"

namespace autark::storage {

int64_t Row::number(size_t column) const {
  const Value& v = values_.at(column);
  const auto* number = std::get_if<int64_t>(&v);
  AUTARK_CHECK(number || v.index() == 0);
  return number ? *number : 0;
}

const std::string& Row::text(size_t column) const {
  static const std::string kNone;
  const Value& v = values_.at(column);
  const auto* text = std::get_if<std::string>(&v);
  AUTARK_CHECK(text || v.index() == 0);
  return text ? *text : kNone;
}

std::optional<Error> Transaction::each(std::string_view sql, std::span<const Value> parameters,
                                       const Visit& visit) {
  const auto found = rows(sql, parameters);
  if (!found) return found.error();
  for (const Row& row : *found)
    if (auto fault = visit(row)) return fault;
  return {};
}

Result<std::unique_ptr<Database>> open_database(const std::string& place) {
  constexpr std::string_view kSqlite = "sqlite:";
  if (place.starts_with(kSqlite)) return open_sqlite_database(place.substr(kSqlite.size()));
  if (place.starts_with("postgres://") || place.starts_with("postgresql://"))
    return open_postgres_database(place);
  return Error{Code::invalid, "store: a database is sqlite:FILE or postgres://…"};
}

}  // namespace autark::storage
