// autark logits: what a model computes for a prompt, tensor by tensor; the door for correctness gates.
#pragma once

namespace CLI {
class App;
}

namespace autark::apps {

void add_logits_command(CLI::App& app, int& exit_code);

}  // namespace autark::apps
