// The commands on a platform.
#pragma once

namespace autark::apps {

class Command;
// Adds platform, workspaces, members, keys, limits, usage and balance.
void add_platform_commands(const Command& program);

}  // namespace autark::apps
