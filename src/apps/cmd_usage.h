// autark usage and autark balance: what was used and what is left.
#pragma once

namespace autark::apps {

class Command;
void add_usage_command(const Command& program);
void add_balance_command(const Command& program);

}  // namespace autark::apps
