// autark platform accounts: whose money pays. Most platforms have one.
#pragma once
#include "apps/command_line.h"

namespace autark::apps {

void add_accounts_command(const Command& parent);

}  // namespace autark::apps
