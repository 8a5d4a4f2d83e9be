// autark bench: how fast a model reads and writes here, as a fraction of what the machine was measured to
// give.
#pragma once

namespace autark::apps {

class Command;
void add_bench_command(const Command& program);

}  // namespace autark::apps
