// autark cache: what a folder of `serve --cache-dir` has.
#pragma once
#include "apps/command_line.h"

namespace autark::apps {

void add_cache_command(const Command& program);

}  // namespace autark::apps
