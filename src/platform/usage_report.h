// Sums over the usage that the ledger has: by time, workspace, key, model, user, service.
#pragma once
#include <string>
#include <vector>
#include "base/json.h"
#include "platform/clock.h"
#include "platform/prices.h"
#include "platform/time_zone.h"
#include "store/database.h"

namespace autark::platform {

struct UsageQuery {
  Micros from = 0, to = 0;  // [from, to) of the time of admission; to 0: now
  std::string account;      // empty: all
  // Filters: rows that have one of these; empty: all. At most 1,000 values each.
  std::vector<std::string> workspaces, keys, models, users, services, outcomes;
  // Of: minute, hour, day (one of these three at most), workspace, key, model, user, service, outcome; in this order.
  std::vector<std::string> by;
  TimeZone zone;                 // of hours and days
  int64_t after = 0, limit = 0;  // rows to skip and to return; limit 0: all
};

struct UsageRow {
  std::vector<std::string> keys;   // one for each of UsageQuery::by; times as RFC 3339 in the query's zone
  Micros start = 0;                // of the minute, hour or day; 0 without
  int64_t requests = 0, cost = 0;  // cost in nanos
  Tokens tokens;
};

struct UsageReport {
  std::vector<UsageRow> rows;  // in the order of their keys, times by time
  UsageRow total;              // of all rows, also of those that `after` and `limit` left out
  bool has_more = false;       // rows behind the last one
};

// An Error (invalid) names what is wrong with the query: an unknown `by`, too many filters, more than 1,000,000 rows.
// Without minutes and users it reads sums by hour, which takes 0.1 to 0.3 s for a million requests; with them every request
// of the time, which takes seconds for a million.
Result<UsageReport> usage(storage::Database& database, const UsageQuery& query);
// With a header line; fields are quoted as in RFC 4180, and none begins with =, +, -, @, a tab or a return unless it is a
// number: such a text gets an apostrophe in front.
std::string usage_csv(const UsageQuery& query, const UsageReport& report, const std::string& currency);
// {"data":[{"day":…,"requests","input","cached","cache_write","output","reasoning","cost"}],"currency","has_more","total"}
Json usage_json(const UsageQuery& query, const UsageReport& report, const std::string& currency);

}  // namespace autark::platform
