#include "platform/spent.h"

namespace autark::platform {
namespace {

constexpr Micros kHour = 60 * kMinute;

Result<std::string> column_of(const std::string& level) {
  if (level == "account" || level == "workspace" || level == "model") return level;
  if (level == "key") return std::string("api_key");
  return Error{Code::invalid, "a level is account, workspace, key or model"};
}

}  // namespace

Result<int64_t> spent_since(storage::Database& database, const std::string& level, const std::string& subject,
                            const std::string& model, Micros since) {
  AUTARK_TRY(const std::string column, column_of(level));
  since = std::max<Micros>(since, 0);
  const Micros whole = (since + kHour - 1) / kHour * kHour;  // the first hour that counts as a whole
  const std::string of = " WHERE " + column + " = $1 AND ($2 = '' OR model = $2) AND ";
  const std::string sum = "SELECT CAST(COALESCE(SUM(cost), 0) AS BIGINT) FROM ";
  int64_t spent = 0;
  const auto fault = database.read([&](storage::Transaction& t) -> std::optional<Error> {
    const auto hours = t.rows(sum + "usage_hour" + of + "hour >= $3", {subject, model, whole});
    if (!hours) return hours.error();
    spent = hours->front().number(0);
    if (whole == since) return std::nullopt;
    const auto part = t.rows(sum + "usage" + of + "time >= $3 AND time < $4", {subject, model, since, whole});
    if (!part) return part.error();
    spent += part->front().number(0);
    return std::nullopt;
  });
  if (fault) return *fault;
  return spent;
}

}  // namespace autark::platform
