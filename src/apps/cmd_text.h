// autark text encode|decode|render MODEL: JSON lines in, one JSON line out for each.
#pragma once

namespace CLI {
class App;
}

namespace autark::apps {

// `exit_code` is set when the command runs.
void add_text_command(CLI::App& app, int& exit_code);

}  // namespace autark::apps
