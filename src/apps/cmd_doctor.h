// autark doctor: prints this machine's hardware, the part of it that is used, and misconfigurations.
#pragma once

namespace autark::apps {

class Command;
void add_doctor_command(const Command& program);  // its exit code is 1 if the best ISA is not in use

}  // namespace autark::apps
