// Who sent a request, and whose objects it may see. A server without a key has no callers: all objects are everybody's.
#pragma once
#include "api/caller.h"
#include "http/stream.h"

namespace autark::serve {

using CallerPtr = std::shared_ptr<const api::Caller>;

// Asks the gate for each key that the request carries, or once without a key. The first one that opens counts, else
// the fault of the first one.
api::ApiResult<CallerPtr> enter(api::Gate& gate, const http::Request& request);
// The caller that the key filter found; null: the server has none.
CallerPtr caller_of(const http::Request& request);
// Whose answers, files and batches a caller sees: those of its workspace; "all" without a caller.
std::string owner_of(const CallerPtr& caller);
// The owner for a static key: a hash of it; "all" for an empty one.
std::string owner_of_key(const std::string& key);
// Whether a caller may see (`changes`: change) what all callers share. Without a caller everybody may.
bool may_run_server(const CallerPtr& caller, bool changes);

}  // namespace autark::serve
