// autark platform migrate, backup, restore and audit: the tables of a platform as a whole.
#pragma once
#include "apps/command_line.h"

namespace autark::apps {

void add_table_commands(const Command& parent);

}  // namespace autark::apps
