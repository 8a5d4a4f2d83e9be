// autark pull REF: gets a model, with a progress bar.
#pragma once

namespace CLI {
class App;
}

namespace autark::apps {

// `exit_code` is set when the command runs.
void add_pull_command(CLI::App& app, int& exit_code);

}  // namespace autark::apps
