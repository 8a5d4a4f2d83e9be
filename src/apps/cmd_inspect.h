// autark inspect MODEL: what is in a checkpoint, what it needs, whether it fits here.
#pragma once

namespace CLI {
class App;
}

namespace autark::apps {

// `exit_code` is set when the command runs.
void add_inspect_command(CLI::App& app, int& exit_code);

}  // namespace autark::apps
