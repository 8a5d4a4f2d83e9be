// autark serve: serves the HTTP APIs and the console.
#pragma once

namespace autark::apps {

class Command;
void add_serve_command(const Command& program);

}  // namespace autark::apps
