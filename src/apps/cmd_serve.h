// autark serve: the HTTP APIs and the console.
#pragma once
#include <CLI/CLI.hpp>

namespace autark::apps {

void add_serve_command(CLI::App& app, int& exit_code);

}  // namespace autark::apps
