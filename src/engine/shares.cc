#include "engine/shares.h"
#include <algorithm>
#include <climits>
#include <utility>
#include "base/check.h"

namespace autark::engine {

Shares::Flow& Shares::join(const std::string& domain, ServiceClass c) {
  const auto [f, made] = flows_.try_emplace({domain, c});
  Flow& flow = f->second;
  if (made) flow = {.id = ++last_id_, .time = now_, .cost = cost(c)};
  if (!made && flow.jobs == 0) --idle_;
  ++flow.jobs;
  return flow;
}

void Shares::leave(Flow& f) {
  AUTARK_CHECK(f.jobs > 0);
  if (--f.jobs > 0) return;
  ++idle_;
  if (idle_ > kIdleMax) forget_idle();
}

void Shares::settle() {
  int64_t least = INT64_MAX, greatest = now_;
  for (auto& [key, f] : flows_) {
    if (f.jobs > 0) greatest = std::max(greatest, f.time);
    if (!std::exchange(f.wants, false)) continue;
    f.time = std::max(f.time, now_);
    least = std::min(least, f.time);
  }
  now_ = least == INT64_MAX ? greatest : least;
}

// Forgets the idle flows that would start at the present time anyway, and else the one that is nearest to it.
void Shares::forget_idle() {
  auto nearest = flows_.end();
  for (auto f = flows_.begin(); f != flows_.end();) {
    const auto at = f++;
    if (at->second.jobs > 0) continue;
    if (at->second.time <= now_) {
      flows_.erase(at);
      --idle_;
    } else if (nearest == flows_.end() || at->second.time < nearest->second.time) {
      nearest = at;
    }
  }
  if (idle_ <= kIdleMax) return;
  flows_.erase(nearest);
  --idle_;
}

}  // namespace autark::engine
