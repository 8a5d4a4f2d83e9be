// autark run: opens the model, reads what is typed and passes messages to a TerminalChat.
#include "apps/cmd_run.h"
#include <fmt/core.h>
#include <unistd.h>
#include <iostream>
#include <iterator>
#include <memory>
#include <optional>
#include <random>
#include "api/thinking.h"
#include "apps/chat_commands.h"
#include "apps/command_line.h"
#include "apps/line_reader.h"
#include "apps/open_model.h"
#include "apps/report.h"
#include "apps/speculation_options.h"
#include "apps/terminal.h"
#include "apps/terminal_chat.h"
#include "apps/weight_cache_options.h"
#include "engine/rounding_modes.h"
#include "hub/hub.h"
#include "serve/sampling_defaults.h"

namespace autark::apps {
namespace {

struct Arguments {
  std::string model, prompt, system, chip = "cpu", rounding, thinking, effort;
  std::optional<float> temperature, top_p, min_p, repetition_penalty;
  std::optional<int> top_k;
  std::optional<uint64_t> seed;
  int64_t max_tokens = -1, context = 0;
  int threads = 0;
  bool no_history = false;
  WeightCacheArguments weight_cache;
  SpeculationArguments speculation;
};

// The model's recommended sampling, changed by the options. Without --seed the seed is random.
engine::Sampling sampling_of(const Arguments& a, const std::filesystem::path& model) {
  engine::Sampling s = serve::sampling_defaults(model);
  s.temperature = a.temperature.value_or(s.temperature);
  s.top_p = a.top_p.value_or(s.top_p);
  s.min_p = a.min_p.value_or(s.min_p);
  s.top_k = a.top_k.value_or(s.top_k);
  s.repetition_penalty = a.repetition_penalty.value_or(s.repetition_penalty);
  s.seed = a.seed ? *a.seed : std::random_device{}();
  return s;
}

// The state of a chat before its first message.
ChatState state_of(const Arguments& a, const std::filesystem::path& model) {
  ChatSettings s{.sampling = sampling_of(a, model), .max_tokens = a.max_tokens};
  s.reasoning.effort = a.effort;
  if (!a.thinking.empty()) s.reasoning.thinking = a.thinking == "on";
  return {.said = {.system = a.system, .items = {}}, .settings = s, .usual = s};
}

Result<OpenModel> open(const Arguments& a, const std::filesystem::path& path) {
  warn_of_threads(a.threads);
  StatusLine status;
  engine::Options options{.chip = a.chip, .threads = a.threads, .context_max = a.context, .running_max = 1};
  if (auto e = set_speculation(a.speculation, options)) return *e;
  options.weight_cache = weight_cache_for(a.weight_cache, path);
  options.say = say_of_weight_cache;
  options.progress = [&](double done) { status.show("loading", done); };
  if (!a.rounding.empty()) {
    AUTARK_TRY(options.rounding, engine::rounding_named(a.rounding));
  }
  return open_model(path, std::move(options));
}

// Prints the model, the chip and the most important keys before a chat.
void introduce(const OpenModel& model) {
  const auto& c = model.engine->card();
  fmt::print(stderr, "{}: {}, {}; context {}\nchip {}; rounding {}\n", c.name, c.architecture, c.weights,
             c.context, c.chip, c.rounding);
  if (!model.text.chat)
    fmt::print(stderr, "No chat template ({}): the model continues your text.\n", model.text.chat_fault);
  fmt::print(stderr, "/help lists the commands; Ctrl-C stops an answer, Ctrl-D leaves.\n");
}

// Ctrl-C at the prompt: the first one clears the typed text, a second one on an empty line leaves the chat.
class Patience {
 public:
  // Counts one Ctrl-C; `empty`: nothing was typed. Returns true if the chat ends.
  bool leaves(bool empty) {
    if (empty && std::exchange(warned_, true)) return true;
    if (empty) fmt::print(stderr, "(Ctrl-C again, Ctrl-D or /bye leaves)\n");
    return false;
  }
  void renew() { warned_ = false; }  // a line was typed

 private:
  bool warned_ = false;
};

// The next message or command; empty if the person leaves.
std::optional<Input> next_input(LineReader& reader) {
  ChatInput input;
  Patience patience;
  fmt::print("\n");
  for (;;) {
    std::fflush(stdout);
    Interrupts::take();  // discards a Ctrl-C that came after the end of the last answer
    const LineReader::Line line = reader.read(input.open() ? "... " : "> ");
    if (line.how == LineReader::Line::How::end) return {};
    if (line.how == LineReader::Line::How::interrupted) {
      if (patience.leaves(line.text.empty() && !input.open())) return {};
      input.clear();
      continue;
    }
    patience.renew();
    if (auto whole = input.push(line.text)) return whole;
  }
}

// Runs the chat until the person leaves. An error in an answer does not end the chat.
int converse(TerminalChat& chat, ChatState& state, const std::filesystem::path& history) {
  LineReader reader(history);
  while (const auto input = next_input(reader)) {
    const Reaction reaction = react(*input, state);
    if (reaction.kind == Reaction::Kind::leave) return 0;
    if (reaction.kind == Reaction::Kind::send) {
      if (const auto error = chat.say(reaction.text)) fail(*error);
    } else if (!reaction.text.empty()) {
      fmt::print("{}\n", reaction.text);
    }
  }
  fmt::print("\n");
  return 0;
}

// A chat if standard input is a terminal and there is no -p; otherwise one answer to -p or to all of
// the input.
int run(const Arguments& a) {
  const auto path = hub::find_model(a.model);
  if (!path) return fail(path.error());
  std::string prompt = a.prompt;
  const bool talk = prompt.empty() && isatty(STDIN_FILENO) == 1;
  if (prompt.empty() && !talk) prompt.assign(std::istreambuf_iterator<char>(std::cin), {});
  auto model = open(a, *path);
  if (!model) return fail(model.error());
  const Interrupts interrupts;
  ChatState state = state_of(a, *path);
  TerminalChat chat(*model, state);
  if (!talk) {
    const auto error = chat.say(prompt);
    return error ? fail(*error) : 0;
  }
  introduce(*model);
  return converse(chat, state, a.no_history ? std::filesystem::path() : history_path());
}

}  // namespace

void add_run_command(const Command& program) {
  auto a = std::make_shared<Arguments>();
  const Command c = program.command("run", "Chat in the terminal; with -p or a pipe, one answer");
  c.footer(
      "Examples:\n  autark run\n  autark run -p 'What is a mutex? One sentence.'\n"
      "  echo 'Name three rivers.' | autark run qwen2.5-coder-0.5b --temperature 0\n"
      "In the chat, /help lists the commands: /clear, /system, /set, /save, /load, /bye, and messages of "
      "several\n"
      "lines between \"\"\". Lines can be edited and recalled with the arrow keys. They are kept in a file\n"
      "that only you can read: $XDG_STATE_HOME/autark/history (else ~/.local/state/autark/history).");
  c.option("MODEL", a->model, "A path, or the name of a model that was pulled (the default model)");
  c.option("-p,--prompt", a->prompt, "Answer this and end");
  c.option("--system", a->system, "The system message");
  c.option("--thinking", a->thinking, "on or off (what the model's template does)",
           {.rule = one_of({"on", "off"})});
  c.option("--effort", a->effort, "How hard it thinks, as far as the model knows the difference",
           {.rule = one_of(api::efforts())});
  c.option("--temperature", a->temperature,
           "0: always the most likely token (what the model recommends, else 1)", {.rule = number(0, 2)});
  c.option("--top-k", a->top_k, "Draw from the k most likely tokens; 0: from all",
           {.rule = whole_number(0, INT32_MAX)});
  c.option("--top-p", a->top_p, "Draw from the most likely tokens that make up this share",
           {.rule = number(0, 1)});
  c.option("--min-p", a->min_p, "Draw from tokens at least this likely, compared with the most likely one",
           {.rule = number(0, 1)});
  c.option("--repetition-penalty", a->repetition_penalty,
           "Above 1: tokens of the text so far become less likely", {.rule = number(0.01, 100)});
  c.option("--seed", a->seed, "The same seed and conversation give the same answer (random)",
           {.rule = whole_number(0, INT64_MAX)});
  c.option("--max-tokens", a->max_tokens, "Of one answer (what the context holds)",
           {.rule = whole_number(1, kTokensMax)});
  c.option("--context", a->context, "Tokens of a conversation; 0: what the model allows",
           {.rule = whole_number(0, kTokensMax)});
  c.flag("--no-history", a->no_history, "Keep what is typed out of the history file");
  add_weight_cache_options(c, a->weight_cache);
  c.option("--threads", a->threads, "0: one per physical core, no more than affinity and quota allow",
           {.rule = whole_number(0, 4096)});
  add_speculation_options(c, a->speculation);
  c.option("--chip", a->chip, "cpu or ref", {.shows_default = true});
  c.option("--rounding", a->rounding,
           "none, trained, exact or fast, see logits --help (what the rounding table says)");
  c.runs([a] { return run(*a); });
}

}  // namespace autark::apps
