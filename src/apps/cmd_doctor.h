// autark doctor: what this machine has, what of it is used, and what is set up wrongly.
#pragma once

namespace autark::apps {

class Command;
void add_doctor_command(const Command& program);  // exit code 1: the best ISA is not in use

}  // namespace autark::apps
