// autark inspect MODEL: prints the contents of a checkpoint, what it needs to run and whether it fits here.
#pragma once

namespace autark::apps {

class Command;
void add_inspect_command(const Command& program);

}  // namespace autark::apps
