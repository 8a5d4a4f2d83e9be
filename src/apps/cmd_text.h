// autark text encode|decode|render|parse MODEL: reads JSON lines and writes one JSON line for each.
#pragma once

namespace autark::apps {

class Command;
void add_text_command(const Command& program);

}  // namespace autark::apps
