// The program `autark` and its commands.
#include <exception>
#include <new>
#include "apps/cmd_bench.h"
#include "apps/cmd_cache.h"
#include "apps/cmd_doctor.h"
#include "apps/cmd_inspect.h"
#include "apps/cmd_logits.h"
#include "apps/cmd_prepare.h"
#include "apps/cmd_pull.h"
#include "apps/cmd_run.h"
#include "apps/cmd_serve.h"
#include "apps/cmd_text.h"
#include "apps/command_line.h"
#include "apps/platform_commands.h"
#include "apps/report.h"
#include "apps/structure_trial.h"
#include "base/version.h"

namespace {

int run(int argc, char** argv) {
  using namespace autark::apps;
  if (const auto code = answer_structure_trial(argc, argv)) return *code;
  CommandLine line("autark", "autark runs and serves open language models on the processors you have.",
                   std::string("autark ") + autark::version());
  const Command program = line.root();
  add_run_command(program);
  add_serve_command(program);
  add_pull_command(program);
  add_prepare_command(program);
  add_cache_command(program);
  add_inspect_command(program);
  add_logits_command(program);
  add_text_command(program);
  add_bench_command(program);
  add_doctor_command(program);
  add_platform_commands(program);
  return line.run(argc, argv);
}

}  // namespace

// Our own code reports errors as values. An uncaught exception of a library is reported in one
// sentence, too.
int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::bad_alloc&) {
    return autark::apps::fail({autark::Code::io,
                               "there is not enough memory for this; fewer positions, a shorter "
                               "context or a smaller model need less"});
  } catch (const std::exception& e) {
    return autark::apps::fail({autark::Code::internal, e.what()});
  }
}
