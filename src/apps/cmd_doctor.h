// autark doctor: what this machine has, what of it is used, and what is set up wrongly.
#pragma once

namespace CLI {
class App;
}

namespace autark::apps {

void add_doctor_command(CLI::App& app, int& exit_code);  // exit code 1: the best ISA is not in use

}  // namespace autark::apps
