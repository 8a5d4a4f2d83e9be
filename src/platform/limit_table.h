// The counters of all limits, found by whom they are about. It never changes, but its counters do.
#pragma once
#include <array>
#include <string>
#include <string_view>
#include <unordered_map>
#include "platform/admission.h"

namespace autark::platform {

class LimitTable {
 public:
  LimitTable() = default;
  // A counter of `before` stays the counter of its limit. Its amounts are changed by apply(), under the lock of the
  // counters; nothing else here needs that lock.
  LimitTable(const std::vector<Limit>& limits, const LimitTable& before);
  void apply();

  // The counters of a request, from the account down.
  Holds counters_of(const Subject& subject) const;
  // Calls `act` with each counter and its subject.
  template <class Act>
  void each(Act act) const {
    for (const auto& level : subjects_)
      for (const auto& [subject, counters] : level)
        for (const auto& counter : counters) act(counter, subject);
  }

 private:
  using CounterPtr = std::shared_ptr<LimitCounter>;
  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  using Subjects = std::unordered_map<std::string, std::vector<CounterPtr>, Hash, std::equal_to<>>;

  CounterPtr find(LimitLevel level, const Limit& limit) const;

  std::array<Subjects, 4> subjects_;  // by level
  std::vector<std::pair<CounterPtr, Limit>> changed_;
};

// The id of a subject at a level.
const std::string& id_of(const Subject& subject, LimitLevel level);

}  // namespace autark::platform
