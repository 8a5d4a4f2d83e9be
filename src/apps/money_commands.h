// autark platform deposit and grant: money that came in, free quotas and prepaid packs.
#pragma once
#include "apps/command_line.h"

namespace autark::apps {

void add_money_commands(const Command& parent);

}  // namespace autark::apps
