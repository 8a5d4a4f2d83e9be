#include "apps/cmd_logits.h"
#include "apps/command_line.h"
#include "apps/logits_options.h"
#include "hub/hub.h"

namespace autark::apps {

void add_logits_command(const Command& program) {
  const Command c = program.command("logits", "Logits and the state after each layer, for token ids");
  c.footer(
      "Examples:\n  autark logits qwen2.5-coder-0.5b --tokens 9707,11 --positions -1 --greedy 4 --out "
      "out.safetensors\n"
      "  autark logits qwen2.5-coder-0.5b --tokens 9707,11 --chip cpu --rounding none --out "
      "exact.safetensors");
  add_logits_options(c, "A path, or the name of a model that was pulled", hub::find_model);
}

}  // namespace autark::apps
