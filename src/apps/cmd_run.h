// autark run: a chat in the terminal, or one answer for a pipe.
#pragma once

namespace CLI {
class App;
}

namespace autark::apps {

void add_run_command(CLI::App& app, int& exit_code);

}  // namespace autark::apps
