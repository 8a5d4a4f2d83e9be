// Sums over the usage that the ledger has: by time, workspace, key, model, user, service.
#pragma once
#include <string>
#include <vector>
#include "base/json.h"
#include "platform/clock.h"
#include "platform/prices.h"
#include "store/database.h"

namespace autark::platform {

struct UsageQuery {
  Micros from = 0, to = 0;                           // [from, to) of the time of admission; to 0: now
  std::string account, workspace, key, model, user;  // filters; empty: all
  std::vector<std::string>
      by;  // of: minute, hour, day, workspace, key, model, user, service, outcome; in this order
  std::string time_zone = "UTC";  // of hours and days
  int64_t after = 0, limit = 0;   // skips rows; 0: all
};

struct UsageRow {
  std::vector<std::string> keys;   // one for each of UsageQuery::by; times as RFC 3339
  int64_t requests = 0, cost = 0;  // cost in nanos
  Tokens tokens;
};

// Rows in the order of their keys. An Error (invalid) names an unknown `by`.
Result<std::vector<UsageRow>> usage(storage::Database& database, const UsageQuery& query);
// With a header line; fields are quoted as in RFC 4180, and none begins with =, +, - or @ unless it is a number.
std::string usage_csv(const UsageQuery& query, const std::vector<UsageRow>& rows,
                      const std::string& currency);
Json usage_json(const UsageQuery& query, const std::vector<UsageRow>& rows, const std::string& currency);

}  // namespace autark::platform
