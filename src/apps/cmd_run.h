// autark run: a chat in the terminal; with -p or a pipe, one answer.
#pragma once

namespace autark::apps {

class Command;
void add_run_command(const Command& program);

}  // namespace autark::apps
