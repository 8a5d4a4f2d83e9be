// autark platform: makes a platform and looks after it: money, prices, tables, copies.
#pragma once

namespace autark::apps {

class Command;
void add_platform_command(const Command& program);

}  // namespace autark::apps
