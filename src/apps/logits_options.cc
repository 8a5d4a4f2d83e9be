#include "apps/logits_options.h"
#include <memory>
#include <string>
#include <utility>
#include "apps/report.h"
#include "apps/token_list.h"
#include "apps/trace_writer.h"
#include "base/mapped_file.h"
#include "engine/rounding_modes.h"
#include "engine/trace.h"

namespace autark::apps {
namespace {

struct Arguments {
  std::string model, tokens, tokens_file, positions, chip = "cpu", rounding, batch_with, out;
  int greedy = 0, threads = 0, chunk = 128;
  bool draft = false;
};

Result<std::vector<int32_t>> prompt_of(const Arguments& a) {
  if (a.tokens_file.empty()) return parse_tokens(a.tokens, "--tokens");
  AUTARK_TRY(const std::string text, read_file(a.tokens_file));
  return parse_tokens(text, a.tokens_file);
}

// The prompts of --batch-with, which run in the same steps; one per line.
Result<std::vector<std::vector<int32_t>>> prompts_beside(const Arguments& a) {
  std::vector<std::vector<int32_t>> prompts;
  if (a.batch_with.empty()) return prompts;
  AUTARK_TRY(const std::string text, read_file(a.batch_with));
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    AUTARK_TRY(auto tokens, parse_tokens(std::string_view(text).substr(at, end - at), a.batch_with));
    if (!tokens.empty()) prompts.push_back(std::move(tokens));
    at = end + 1;
  }
  return prompts;
}

// Checks the arguments before it loads the model, because loading may take long.
Result<engine::Trace> traced(const Arguments& a, const FindModel& find) {
  engine::LoadOptions load{.chip = a.chip, .threads = a.threads, .drafter = a.draft};
  if (!a.rounding.empty()) {
    AUTARK_TRY(load.rounding, engine::rounding_named(a.rounding));
  }
  AUTARK_TRY(auto tokens, prompt_of(a));
  engine::TraceOptions options{.greedy = a.greedy, .chunk = a.chunk, .draft = a.draft};
  AUTARK_TRY(options.positions, parse_integers(a.positions, "--positions"));
  AUTARK_TRY(options.beside, prompts_beside(a));
  AUTARK_TRY(const auto path, find(a.model));
  AUTARK_TRY(auto model, engine::load_model(path, load));
  return engine::trace(model, std::move(tokens), options);
}

int run(const Arguments& a, const FindModel& find) {
  const auto t = traced(a, find);
  if (!t) return fail(t.error());
  const auto error = a.out.empty() ? write_json(stdout, *t) : write_safetensors(a.out, *t);
  return error ? fail(*error) : 0;
}

}  // namespace

void add_logits_options(const Command& c, const char* what_model, FindModel find) {
  auto a = std::make_shared<Arguments>();
  c.option("MODEL", a->model, what_model, {.required = true});
  const Command tokens = c.exactly_one("prompt");
  tokens.option("--tokens", a->tokens, "The prompt: 1,2,3");
  tokens.option("--tokens-file", a->tokens_file, "A file of integers, separated by commas or white space");
  c.option("--positions", a->positions, "Rows to write: 0,5,-1; negative ones count from the end (all)");
  c.option("--greedy", a->greedy, "Tokens to generate, end tokens included",
           {.rule = whole_number(0, 1 << 30)});
  c.option("--chip", a->chip, "cpu or ref", {.shows_default = true});
  c.option("--rounding", a->rounding,
           "none: the mathematics; fast: 8-bit inputs, native cache; exact: the rounding points of a model's "
           "official code; trained: the same, native cache (what the rounding table says)");
  c.option("--threads", a->threads, "0: one per physical core, no more than affinity and quota allow",
           {.rule = whole_number(0, 1 << 30)});
  c.option("--chunk", a->chunk, "Prompt rows in one step",
           {.rule = whole_number(1, 1 << 30), .shows_default = true});
  c.flag("--draft", a->draft, "The MTP head's tensors, too: mtp.z, mtp.stream, mtp.logits …");
  c.option("--batch-with", a->batch_with, "A file of other prompts, one a line, for the same steps");
  c.option("--out", a->out, "A safetensors file (JSON on standard output)");
  c.runs([a, find = std::move(find)] { return run(*a, find); });
}

}  // namespace autark::apps
