// The objects of the directory and of its ledger as /admin/v1 and the commands' --json show them. None has a secret.
//
// Times are RFC 3339 in UTC or null, sums {"currency","amount"}, and what is empty is null.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <vector>
#include "base/json.h"
#include "platform/directory.h"
#include "platform/ledger.h"
#include "platform/sessions.h"

namespace autark::platform {

Json time_json(std::optional<Micros> time);  // unset: null
Json money_json(int64_t nanos, const std::string& currency);

Json workspace_json(const Workspace& workspace);
Json member_json(const Member& member);
Json session_json(const Session& session, bool current);

// What is used of a limit, as far as it is known.
struct LimitUse {
  std::optional<int64_t> used;  // in the limit's unit, nanos of a budget
  std::optional<Micros> reset;  // when its period ends
};
// `now`: a raise that has ended is not shown.
Json limit_json(const Limit& limit, const std::string& currency, Micros now, const LimitUse& use = {});
Json limits_json(std::span<const Limit> limits, const std::string& currency, Micros now);
// `limits`: a list of limit_json.
Json key_json(const Key& key, Json limits);

Json credit_json(const Credit& credit);
Json balance_json(const Balance& balance, std::span<const Credit> credits);
Json price_json(const PriceRecord& price, bool current);
// All price files; the one that counts now is "current".
Json prices_json(std::span<const PriceRecord> prices, Micros now);

}  // namespace autark::platform
