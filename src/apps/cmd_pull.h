// autark pull REF: gets a model, with a progress bar.
#pragma once

namespace autark::apps {

class Command;
void add_pull_command(const Command& program);

}  // namespace autark::apps
