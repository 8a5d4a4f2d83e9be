// What GET /v1/engine shows of an engine, and its metrics under the names of vLLM. Numbers and names of parts only:
// no text, no key, no user.
#pragma once
#include <string>
#include "base/json.h"
#include "engine/engine.h"
#include "serve/exposition.h"

namespace autark::serve {

// `queue`, `batch`, `pages`, `cache`, `speculation`, `tokens`, `steps` of docs/engine-state.md.
Json engine_state(const engine::Stats& s);
// A histogram of the engine.
void expose_durations(const engine::Durations& d, std::string_view name, std::string_view help,
                      Exposition& out);
// The gauges, counters and histograms that dashboards query. `out` has the namespace and the labels of vLLM.
void expose_as_vllm(const engine::Stats& s, Exposition& out);

}  // namespace autark::serve
