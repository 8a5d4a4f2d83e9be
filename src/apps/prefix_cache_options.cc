#include "apps/prefix_cache_options.h"

namespace autark::apps {

void add_prefix_cache_options(const Command& c, PrefixCacheArguments& a) {
  c.option("--cache-memory", a.memory,
           "Bytes for the state of prompts and answers that later requests may begin with; 0: none is kept "
           "(a quarter of what is left after loading)",
           {.rule = whole_number(0, int64_t{1} << 50), .kind = "BYTES"});
  c.option("--cache-isolation", a.isolation,
           "Who shares that state: the requests of one user (a request without one shares with all others "
           "without one), or key or none: all",
           {.rule = one_of({"none", "key", "user"}), .shows_default = true});
  c.flag("--keep-attribution", a.keep_attribution,
         "Leave the line 'x-anthropic-billing-header: …' of Claude Code in the prompt; it changes often, and "
         "nothing behind a change is reused");
}

serve::CacheIsolation isolation_of(const PrefixCacheArguments& a) {
  if (a.isolation == "none") return serve::CacheIsolation::none;
  return a.isolation == "key" ? serve::CacheIsolation::key : serve::CacheIsolation::user;
}

}  // namespace autark::apps
