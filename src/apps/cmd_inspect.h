// autark inspect MODEL: what is in a checkpoint, what it needs, whether it fits here.
#pragma once

namespace autark::apps {

class Command;
void add_inspect_command(const Command& program);

}  // namespace autark::apps
