// Usage in the form of OpenAI's organization/usage/completions: pages of buckets, each with results.
#pragma once
#include <optional>
#include <string>
#include <vector>
#include "base/json.h"
#include "platform/clock.h"
#include "store/database.h"

namespace autark::platform {

// The parameters of the route, named as OpenAI does. Projects are workspaces; users are the labels that clients sent.
struct CompletionsUsageQuery {
  std::string account;
  int64_t start_time = 0;           // seconds since 1970
  std::optional<int64_t> end_time;  // not included; now, if it is not given
  std::string bucket_width = "1d";  // 1m, 1h or 1d, of UTC
  std::vector<std::string> project_ids, user_ids, api_key_ids, models;
  std::optional<bool> batch;
  std::vector<std::string> group_by;  // project_id, user_id, api_key_id, model, batch, service_tier
  std::optional<int64_t> limit;       // buckets: 7 of 31 days, 24 of 168 hours, 60 of 1440 minutes
  std::string page;                   // next_page of the page before
};

// The page. An Error (invalid) names the parameter that is wrong, in quotes at the beginning of its message.
Result<Json> completions_usage(storage::Database& database, const CompletionsUsageQuery& query, Micros now);

}  // namespace autark::platform
