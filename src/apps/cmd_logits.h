// autark logits: writes the tensors that a model computes for a prompt. Tests of correctness compare them.
#pragma once

namespace autark::apps {

class Command;
void add_logits_command(const Command& program);

}  // namespace autark::apps
