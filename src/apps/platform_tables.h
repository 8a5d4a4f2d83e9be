// What a platform has, as tables for people. Times are UTC.
#pragma once
#include <optional>
#include <string>
#include <vector>
#include "apps/text_table.h"
#include "platform/directory.h"
#include "platform/ledger.h"

namespace autark::apps {

// "2026-11-29 04:25"; `never` if it is not set.
std::string time_text(std::optional<platform::Micros> time, const std::string& never = "never");
// "active", "disabled", "expired".
std::string state_of(const platform::Key& key, platform::Micros now);

// What limits of the directory belong to: names for their ids.
struct LimitNames {
  std::vector<platform::Workspace> workspaces;
  std::vector<platform::Key> keys;
  std::string account;
  // "key ada", "workspace search", "account default", "model m".
  std::string of(const platform::Limit& limit) const;
};

std::string table_of(const std::vector<platform::Workspace>& workspaces);
std::string table_of(const std::vector<platform::Member>& members,
                     const std::vector<platform::Workspace>& workspaces);
std::string table_of(const std::vector<platform::Key>& keys, platform::Micros now);
std::string table_of(const std::vector<platform::Limit>& limits, const LimitNames& names,
                     const std::string& currency, platform::Micros now);
std::string table_of(const std::vector<platform::PriceRecord>& files, platform::Micros now);
std::string table_of(const std::vector<platform::Credit>& credits);

Facts facts_of(const platform::Workspace& workspace);
Facts facts_of(const platform::Member& member, const std::vector<platform::Workspace>& workspaces);
// `limits`: of this key.
Facts facts_of(const platform::Key& key, const std::vector<platform::Limit>& limits,
               const std::string& currency, platform::Micros now);
Facts facts_of(const platform::Balance& balance);

}  // namespace autark::apps
