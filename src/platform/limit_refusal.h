// Why a limit refuses a request, in words for its client.
#pragma once
#include "platform/limit_counter.h"

namespace autark::platform {

struct LimitRefusal {
  // The worst one counts: waiting helps against the first, not against the others.
  enum class Reason : uint8_t { busy, spent, too_large } reason = Reason::busy;
  double wait_seconds = 0;  // busy
  const LimitCounter* counter = nullptr;
  int64_t need = 0;

  bool is_worse_than(const LimitRefusal& other) const;
};

// REQUIRES: the counter has no room for `need`.
LimitRefusal refusal_of(const LimitCounter& counter, int64_t need, const Moment& now);
// Names the level and the limit, nothing of its subject.
api::ApiError fault_of(const LimitRefusal& refusal, const Moment& now);

}  // namespace autark::platform
