// autark_logits: `autark logits` for a path, built of the engine and what lies below it. It links in seconds
// after a change of a model file; text, HTTP, hub and serve are not part of it.
#include <exception>
#include "apps/command_line.h"
#include "apps/logits_options.h"
#include "apps/report.h"
#include "base/version.h"

namespace {

int run(int argc, char** argv) {
  autark::apps::CommandLine line("autark_logits", "Logits and the state after each layer, for token ids.",
                                 std::string("autark ") + autark::version());
  line.root().footer("Example:\n  autark_logits tests/golden/models/llama-mha --tokens 5,7,11 --greedy 4");
  autark::apps::add_logits_options(
      line.root(), "A checkpoint: a folder or a .gguf file",
      [](const std::string& path) -> autark::Result<std::filesystem::path> { return {path}; });
  return line.run(argc, argv);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& e) {
    return autark::apps::fail({autark::Code::internal, e.what()});
  }
}
