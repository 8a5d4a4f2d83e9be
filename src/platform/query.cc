#include "platform/query.h"
#include "store/text_rule.h"

namespace autark::platform {

bool is_text(const std::string& text) {
  return storage::is_plain_text(text);
}

void Query::check(std::initializer_list<storage::Value> parameters) {
  for (const storage::Value& value : parameters) {
    const auto* text = std::get_if<std::string>(&value);
    if (text && !is_text(*text))
      refuse({.kind = api::ApiError::Kind::invalid, .message = "a text has a NUL character or is no UTF-8"});
  }
}

std::vector<storage::Row> Query::rows(std::string_view sql,
                                      std::initializer_list<storage::Value> parameters) {
  check(parameters);
  if (failed()) return {};
  auto found = transaction_.rows(sql, parameters);
  if (found) return std::move(found).value();
  lost_ = found.error();
  return {};
}

int64_t Query::change(std::string_view sql, std::initializer_list<storage::Value> parameters) {
  check(parameters);
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
  return {.kind = api::ApiError::Kind::unavailable,
          .message = "the platform's " + error.message,
          .code = "store_unavailable"};
}

void raise_version(Query& query) {
  query.change(
      "INSERT INTO setting (name, value) VALUES ('version', '1') ON CONFLICT (name) DO UPDATE SET value = "
      "CAST(CAST(setting.value AS BIGINT) + 1 AS TEXT)");
}

}  // namespace autark::platform
