// autark: one program, one command for each thing a person wants of it.
#include <CLI/CLI.hpp>
#include <exception>
#include <new>
#include "apps/cmd_bench.h"
#include "apps/cmd_doctor.h"
#include "apps/cmd_inspect.h"
#include "apps/cmd_logits.h"
#include "apps/cmd_pull.h"
#include "apps/cmd_run.h"
#include "apps/cmd_serve.h"
#include "apps/cmd_text.h"
#include "apps/report.h"
#include "base/version.h"

namespace {

int run(int argc, char** argv) {
  CLI::App app{"autark runs and serves open language models on the processors you have."};
  app.name("autark");
  app.set_version_flag("--version", std::string("autark ") + autark::version());
  app.require_subcommand(1);
  int exit_code = 0;
  autark::apps::add_run_command(app, exit_code);
  autark::apps::add_serve_command(app, exit_code);
  autark::apps::add_pull_command(app, exit_code);
  autark::apps::add_inspect_command(app, exit_code);
  autark::apps::add_logits_command(app, exit_code);
  autark::apps::add_text_command(app, exit_code);
  autark::apps::add_bench_command(app, exit_code);
  autark::apps::add_doctor_command(app, exit_code);
  CLI11_PARSE(app, argc, argv);
  return exit_code;
}

}  // namespace

// Nothing of ours throws; what a library throws past its border ends in a sentence too.
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
