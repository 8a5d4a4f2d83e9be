// autark bench: how fast a model reads and writes here, as a fraction of what the machine was measured to
// give.
#pragma once

namespace CLI {
class App;
}

namespace autark::apps {

void add_bench_command(CLI::App& app, int& exit_code);

}  // namespace autark::apps
