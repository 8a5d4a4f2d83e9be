// autark bench: measures prefill and decode speed, also as a fraction of this machine's measured bandwidth
// and peak.
#pragma once

namespace autark::apps {

class Command;
void add_bench_command(const Command& program);

}  // namespace autark::apps
