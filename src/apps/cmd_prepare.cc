#include "apps/cmd_prepare.h"
#include <fmt/core.h>
#include <memory>
#include "apps/report.h"
#include "apps/terminal.h"
#include "apps/weight_cache_options.h"
#include "engine/loaded_model.h"
#include "hub/hub.h"

namespace autark::apps {
namespace {

struct Arguments {
  std::string model;
  WeightCacheArguments weight_cache;
  int threads = 0;
  bool drafts = false;
};

Result<std::string> prepare(const Arguments& a) {
  AUTARK_TRY(const auto path, hub::find_model(a.model));
  engine::WeightCachePlace place = weight_cache_for(a.weight_cache, path);
  place.least_bytes = 0;
  if (place.folder.empty())
    return Error{Code::invalid, "there is no folder to write to; give one with --weight-cache DIR"};
  AUTARK_TRY(engine::LoadedModel m, engine::load_model(path, {.threads = a.threads,
                                                              .drafter = a.drafts,
                                                              .weight_cache = place,
                                                              .say = say_of_weight_cache}));
  StatusLine status;
  if (auto e = engine::warm_up(m, [&](double done) { status.show("preparing", done); })) return *e;
  return m.weight_cache->line();
}

int run(const Arguments& a) {
  const auto line = prepare(a);
  if (!line) return fail(line.error());
  fmt::print("weight cache: {}\n", *line);
  return line->starts_with("none") ? 1 : 0;
}

}  // namespace

void add_prepare_command(const Command& program) {
  auto a = std::make_shared<Arguments>();
  const Command c = program.command(
      "prepare",
      "Write a model's weights as this processor reads them, so that its next start takes seconds");
  c.footer(
      "The first start of a model of 2 GiB or more does the same. Later starts map the file, which several\n"
      "processes share. It lies in .autark in the model's folder if that can be written, else in\n"
      "autark/weights in the user's cache folder. A changed model is prepared again, and what was prepared "
      "of\n"
      "it before is deleted.\n\n"
      "Examples:\n  autark prepare smollm2-135m\n  autark prepare smollm2-135m --weight-cache ./weights");
  c.option("MODEL", a->model, "A path, or the name of a model that was pulled; none: the default model");
  c.option("--weight-cache", a->weight_cache.folder, "Write to this folder instead", {.kind = "DIR"});
  c.flag("--drafts", a->drafts, "With what the checkpoint's draft head needs (serve --speculate)");
  c.option("--threads", a->threads, "0: one per physical core, no more than affinity and quota allow",
           {.rule = whole_number(0, 4096)});
  c.runs([a] { return run(*a); });
}

}  // namespace autark::apps
