// autark run: a chat in the terminal, or one answer for a pipe.
#pragma once

namespace autark::apps {

class Command;
void add_run_command(const Command& program);

}  // namespace autark::apps
