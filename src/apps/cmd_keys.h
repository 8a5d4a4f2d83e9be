// autark keys: API keys of a platform.
#pragma once

namespace autark::apps {

class Command;
void add_keys_command(const Command& program);

}  // namespace autark::apps
