#include "platform/query.h"

namespace autark::platform {

std::vector<storage::Row> Query::rows(std::string_view sql,
                                      std::initializer_list<storage::Value> parameters) {
  if (failed()) return {};
  auto found = transaction_.rows(sql, parameters);
  if (found) return std::move(found).value();
  lost_ = found.error();
  return {};
}

int64_t Query::change(std::string_view sql, std::initializer_list<storage::Value> parameters) {
  if (failed()) return 0;
  const auto count = transaction_.change(sql, parameters);
  if (count) return *count;
  lost_ = count.error();
  return 0;
}

Query::Nothing Query::refuse(api::ApiError fault) {
  if (!failed()) fault_ = std::move(fault);
  return {};
}

api::ApiError unavailable(const Error& error) {
  return {.kind = api::ApiError::Kind::unavailable, .message = "the platform's " + error.message};
}

void raise_version(Query& query) {
  query.change(
      "INSERT INTO setting (name, value) VALUES ('version', '1') ON CONFLICT (name) DO UPDATE SET value = "
      "CAST(CAST(setting.value AS BIGINT) + 1 AS TEXT)");
}

}  // namespace autark::platform
