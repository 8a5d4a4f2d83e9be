// autark workspaces: groups of keys that share what they store.
#pragma once

namespace autark::apps {

class Command;
void add_workspaces_command(const Command& program);

}  // namespace autark::apps
