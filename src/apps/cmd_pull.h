// autark pull REF: fetches a model and shows progress.
#pragma once

namespace autark::apps {

class Command;
void add_pull_command(const Command& program);

}  // namespace autark::apps
