// autark limits: how much accounts, workspaces, keys and models may use.
#pragma once

namespace autark::apps {

class Command;
void add_limits_command(const Command& program);

}  // namespace autark::apps
