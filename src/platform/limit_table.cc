#include "platform/limit_table.h"
#include "base/log.h"

namespace autark::platform {
namespace {

constexpr LimitLevel kLevels[] = {LimitLevel::account, LimitLevel::workspace, LimitLevel::key,
                                  LimitLevel::model};

}  // namespace

const std::string& id_of(const Subject& subject, LimitLevel level) {
  switch (level) {
    case LimitLevel::account:
      return subject.account;
    case LimitLevel::workspace:
      return subject.workspace;
    case LimitLevel::key:
      return subject.key;
    case LimitLevel::model:
      break;
  }
  return subject.model;
}

LimitTable::LimitTable(const std::vector<Limit>& limits, const LimitTable& before) {
  for (const Limit& limit : limits) {
    const auto level = limit_level_named(limit.level);
    if (!level) {
      log_warning("limits: a limit is left out because its level is '" + limit.level.substr(0, 40) +
                  "' and not account, workspace, key or model");
      continue;
    }
    CounterPtr counter = before.find(*level, limit);
    if (!counter)
      counter = std::make_shared<LimitCounter>(*level, limit);
    else if (!counter->has_amounts_of(limit))
      changed_.emplace_back(counter, limit);
    subjects_[size_t(*level)][limit.subject].push_back(std::move(counter));
  }
}

void LimitTable::apply() {
  for (const auto& [counter, limit] : changed_) counter->set_amounts(limit);
  changed_ = {};
}

LimitTable::CounterPtr LimitTable::find(LimitLevel level, const Limit& limit) const {
  const Subjects& all = subjects_[size_t(level)];
  const auto at = all.find(limit.subject);
  if (at == all.end()) return {};
  for (const CounterPtr& counter : at->second)
    if (counter->is_of(limit)) return counter;
  return {};
}

Holds LimitTable::counters_of(const Subject& subject) const {
  Holds found;
  found.reserve(8);
  for (const LimitLevel level : kLevels) {
    const Subjects& all = subjects_[size_t(level)];
    const auto at = all.find(std::string_view(id_of(subject, level)));
    if (at == all.end()) continue;
    for (const CounterPtr& counter : at->second)
      if (counter->model().empty() || counter->model() == subject.model)
        found.push_back({.counter = counter});
  }
  return found;
}

}  // namespace autark::platform
