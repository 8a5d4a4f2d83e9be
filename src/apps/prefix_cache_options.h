// Options of `serve` for the state that is kept for later requests with the same beginning.
#pragma once
#include "apps/command_line.h"
#include "serve/cache_domain.h"

namespace autark::apps {

struct PrefixCacheArguments {
  int64_t memory = -1;  // bytes; −1: a quarter of what is left after loading
  std::string isolation = "user";
  bool keep_attribution = false;
};

void add_prefix_cache_options(const Command& c, PrefixCacheArguments& a);
// REQUIRES: a.isolation is a value that the option takes.
serve::CacheIsolation isolation_of(const PrefixCacheArguments& a);

}  // namespace autark::apps
