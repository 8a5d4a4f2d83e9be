// autark logits: what a model computes for a prompt, tensor by tensor; the door for correctness gates.
#pragma once

namespace autark::apps {

class Command;
void add_logits_command(const Command& program);

}  // namespace autark::apps
