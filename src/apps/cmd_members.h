// autark members: people who sign in to the console.
#pragma once

namespace autark::apps {

class Command;
void add_members_command(const Command& program);

}  // namespace autark::apps
