// How much of a prompt was taken from the state of earlier requests, and why not more: `usage.prompt_cache` in
// every dialect, and the header x-autark-cache.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include "base/json.h"

namespace autark::api {

struct PromptCache {
  int64_t read = 0;           // tokens of the prompt that were not computed
  int64_t possible = 0;       // tokens that could have been read: all but the last, in whole blocks
  std::string tier, why;      // "memory", "disk", "none"; "complete", "differs" … (engine/prefix_reuse.h)
  std::optional<int64_t> at;  // the first token that differs from the nearest entry; unset: complete
  std::string part;           // where that token lies in the request: "messages[3]", "tools"; may be empty
  bool wished = false;        // the client asked that it be kept (cache_control, prompt_cache_retention)
  // With `cache_diagnostics`: what the prompt and the nearest entry have from `at` on, at most 40 characters. Only
  // in bodies, never in headers or logs.
  std::string own, other;
};

Json to_json(const PromptCache& c);
// "read=14976;possible=15104;tier=memory;why=differs;at=14991;part=messages[12]"
std::string header_text(const PromptCache& c);
// Adds the counts of another prompt of the same request. The reason is that of the first incomplete one.
void add(PromptCache& sum, const PromptCache& other);

}  // namespace autark::api
