// autark text encode|decode|render MODEL: JSON lines in, one JSON line out for each.
#pragma once

namespace autark::apps {

class Command;
void add_text_command(const Command& program);

}  // namespace autark::apps
