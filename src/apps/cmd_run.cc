// flags → Engine::open → submit(the whole conversation as tokens) → print. The answer goes to standard
// output; what the model thinks goes to standard error, dimmed on a terminal.
#include "apps/cmd_run.h"
#include <fmt/core.h>
#include <unistd.h>
#include <chrono>
#include <condition_variable>
#include <iostream>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include "api/answer.h"
#include "api/thinking.h"
#include "apps/chat_commands.h"
#include "apps/command_line.h"
#include "apps/line_reader.h"
#include "apps/report.h"
#include "apps/terminal.h"
#include "engine/engine.h"
#include "engine/rounding_table.h"
#include "hub/hub.h"
#include "serve/answer_reader.h"
#include "serve/conversation.h"
#include "serve/replay.h"
#include "serve/sampling_defaults.h"

namespace autark::apps {
namespace {

struct Arguments {
  std::string model, prompt, system, chip = "cpu", rounding, thinking, effort;
  std::optional<float> temperature, top_p, min_p, repetition_penalty;
  std::optional<int> top_k;
  std::optional<uint64_t> seed;
  int64_t max_tokens = -1, context = 0;
  int drafts = 0, threads = 0;
  bool no_history = false;
};

// What the engine thread hands to the one that prints.
class Mailbox {
 public:
  Mailbox(const text::Tokenizer& tokenizer, serve::AnswerReader::Rules rules)
      : tokenizer_(tokenizer),
        syntax_(rules.syntax),
        turn_{.sampled = {.in_reasoning = rules.in_reasoning}},
        reader_(std::move(rules), [] { return "0"; }) {}

  engine::Sink sink() {
    return [this](engine::Event e) {
      const std::lock_guard lock(mutex_);
      for (const auto& t : e.tokens) {
        const bool ends = e.finish == engine::Finish::stop && &t == &e.tokens.back();
        if (!ends) turn_.wrote(t.id, t.text);
        add(reader_.push(serve::readable(t, tokenizer_, syntax_)));
      }
      if (e.finish) {
        add(reader_.push(e.text_at_end));
        add(reader_.finish(*e.finish != engine::Finish::stop));
      }
      last_ = std::move(e);
      changed_.notify_one();
    };
  }
  // What the model wrote, when all has been said.
  api::Sampled sampled() {
    const std::lock_guard lock(mutex_);
    return std::move(turn_.sampled);
  }
  // What was said since the last call and the newest event; waits for something, at most a tenth of a second.
  std::pair<serve::AnswerReader::Whats, engine::Event> take() {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::milliseconds(100), [&] { return !said_.empty() || last_.finish; });
    return {std::exchange(said_, {}), last_};
  }

 private:
  void add(serve::AnswerReader::Whats more) {
    said_.insert(said_.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  }

  const text::Tokenizer& tokenizer_;
  const text::OutputSyntax syntax_;
  std::mutex mutex_;
  std::condition_variable changed_;
  serve::Replay::Turn turn_;
  serve::AnswerReader reader_;
  serve::AnswerReader::Whats said_;
  engine::Event last_;
};

// Shows an answer as it comes: reasoning apart from the rest, calls in words.
class Printer {
 public:
  void show(const api::Event::What& what) {
    if (const auto* r = std::get_if<api::Event::Reasoned>(&what)) {
      if (!std::exchange(thinking_, true)) write(stderr, dim_ ? "\x1b[2m" : "");
      write(stderr, r->text);
      return;
    }
    if (std::exchange(thinking_, false)) write(stderr, dim_ ? "\x1b[0m\n\n" : "\n\n");
    if (const auto* d = std::get_if<api::Event::Delta>(&what)) write(stdout, d->text);
    if (const auto* c = std::get_if<api::Event::CallBegun>(&what)) write(stdout, "\n[calls " + c->name + " ");
    if (const auto* a = std::get_if<api::Event::CallArguments>(&what)) write(stdout, a->text);
    if (std::holds_alternative<api::Event::CallEnded>(what)) write(stdout, "]");
  }
  void end() {
    if (std::exchange(thinking_, false)) write(stderr, dim_ ? "\x1b[0m\n" : "\n");
    write(stdout, "\n");
  }

 private:
  static void write(FILE* to, const std::string& text) {
    fmt::print(to, "{}", text);
    std::fflush(to);
  }
  const bool dim_ = isatty(STDERR_FILENO) == 1;
  bool thinking_ = false;
};

class Chat {
 public:
  Chat(engine::Engine& engine, ChatState& state) : engine_(engine), state_(state) {
    if (const text::ChatTemplate* chat = engine.chat()) form_ = {chat->syntax(), serve::traits_of(*chat)};
  }

  // Prints the answer as it comes.
  std::optional<Error> say(const std::string& text) {
    const Conversation& said = state_.said;
    api::Request talk;
    if (!said.system.empty()) talk.items.push_back({api::Role::system, {api::Text{said.system}}});
    talk.items.insert(talk.items.end(), said.items.begin(), said.items.end());
    talk.items.push_back({api::Role::user, {api::Text{text}}});
    bool in_reasoning = false;
    auto tokens = engine_.chat() ? rendered(talk, in_reasoning) : engine_.tokenizer().encode(text);
    if (!tokens) return tokens.error();
    Mailbox mail(engine_.tokenizer(), {.syntax = form_.syntax, .in_reasoning = in_reasoning, .calls = false});
    const auto id = engine_.submit({.prompt = std::move(*tokens),
                                    .max_tokens = state_.settings.max_tokens,
                                    .sampling = state_.settings.sampling,
                                    .skip_special = false},
                                   mail.sink());
    if (!id) return id.error();
    const auto [answer, end] = follow(*id, mail);
    api::Item item = item_of(answer);
    if (end.finish != engine::Finish::cancelled) item.sampled = mail.sampled();
    state_.said.items.push_back(std::move(talk.items.back()));
    state_.said.items.push_back(std::move(item));
    if (end.error) return end.error;
    report(end);
    ++state_.settings.sampling.seed;
    return std::nullopt;
  }

 private:
  Result<std::vector<int32_t>> rendered(const api::Request& talk, bool& in_reasoning) const {
    const auto prompt = engine_.chat()->render(serve::conversation_of(talk, state_.settings.manner, form_));
    if (!prompt) return prompt.error();
    in_reasoning = prompt->in_reasoning;
    return text::ids_of(*prompt, engine_.tokenizer());
  }

  static api::Item item_of(const api::Choice& answer) {
    api::Item item{api::Role::assistant, {}};
    for (const api::Block& b : answer.blocks) {
      if (b.kind == api::Block::Kind::content) item.parts.push_back(api::Text{b.text});
      if (b.kind == api::Block::Kind::reasoning) item.parts.push_back(api::Reasoning{b.text});
      if (b.kind == api::Block::Kind::call && b.whole)
        item.parts.push_back(api::ToolCall{b.id, b.name, b.text});
    }
    return item;
  }

  std::pair<api::Choice, engine::Event> follow(engine::RequestId id, Mailbox& mail) {
    StatusLine status;
    Printer printer;
    api::Choice answer;
    for (;;) {
      if (Interrupts::take()) engine_.cancel(id);
      auto [said, event] = mail.take();
      if (event.usage.completion_tokens == 0 && event.prompt_done > 0 && !event.finish)
        status.show("reading", double(event.prompt_done) / double(event.usage.prompt_tokens));
      if (!said.empty()) status.clear();
      for (auto& what : said) {
        printer.show(what);
        answer.add(std::move(what));
      }
      if (!event.finish) continue;
      printer.end();
      return {std::move(answer), std::move(event)};
    }
  }

  void report(const engine::Event& end) const {
    const engine::Usage& u = end.usage;
    const auto rate = [](int64_t tokens, double seconds) {
      return seconds > 0 ? double(tokens) / seconds : 0;
    };
    const char* why = "";
    if (*end.finish == engine::Finish::cancelled) why = "; stopped";
    if (*end.finish == engine::Finish::length) why = "; max_tokens reached";
    if (*end.finish == engine::Finish::context) why = "; the context is full";
    fmt::print(stderr, "[{} tokens read at {:.0f} tok/s, {} written at {:.1f} tok/s{}]\n", u.prompt_tokens,
               rate(u.prompt_tokens, u.prefill_seconds), u.completion_tokens,
               rate(u.completion_tokens - 1, u.decode_seconds), why);
  }

  engine::Engine& engine_;
  ChatState& state_;
  serve::TemplateForm form_;
};

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

ChatState state_of(const Arguments& a, const std::filesystem::path& model) {
  ChatSettings s{.sampling = sampling_of(a, model), .max_tokens = a.max_tokens};
  s.manner.effort = a.effort;
  if (!a.thinking.empty()) s.manner.thinking = a.thinking == "on";
  return {.said = {.system = a.system, .items = {}}, .settings = s, .usual = s};
}

Result<std::unique_ptr<engine::Engine>> open(const Arguments& a, const std::filesystem::path& path) {
  warn_of_threads(a.threads);
  StatusLine status;
  engine::Options options{
      .chip = a.chip, .threads = a.threads, .context_max = a.context, .running_max = 1, .drafts = a.drafts};
  options.progress = [&](double done) { status.show("loading", done); };
  if (!a.rounding.empty()) {
    AUTARK_TRY(options.rounding, engine::rounding_named(a.rounding));
  }
  return engine::Engine::open(path, options);
}

void introduce(const engine::Engine& e) {
  const auto& c = e.card();
  fmt::print(stderr, "{}: {}, {}; context {}\nchip {}; rounding {}\n", c.name, c.architecture, c.weights,
             c.context, c.chip, c.rounding);
  if (!e.chat()) fmt::print(stderr, "No chat template ({}): it continues your text.\n", e.chat_fault());
  fmt::print(stderr, "/help shows what there is; Ctrl-C stops an answer, Ctrl-D leaves.\n");
}

// What Ctrl-C at the prompt does: the first one clears what was typed, one more on an empty line leaves.
class Patience {
 public:
  bool leaves(bool empty) {
    if (empty && std::exchange(warned_, true)) return true;
    if (empty) fmt::print(stderr, "(Ctrl-C again, Ctrl-D or /bye leaves)\n");
    return false;
  }
  void renew() { warned_ = false; }

 private:
  bool warned_ = false;
};

// One message or command; empty: the person leaves.
std::optional<Input> next_input(LineReader& reader) {
  ChatInput input;
  Patience patience;
  fmt::print("\n");
  for (;;) {
    std::fflush(stdout);
    Interrupts::take();  // of an answer that was over
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

int converse(Chat& chat, ChatState& state, const std::filesystem::path& history) {
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

int run(const Arguments& a) {
  const auto path = hub::find_model(a.model);
  if (!path) return fail(path.error());
  std::string prompt = a.prompt;
  const bool talk = prompt.empty() && isatty(STDIN_FILENO) == 1;
  if (prompt.empty() && !talk) prompt.assign(std::istreambuf_iterator<char>(std::cin), {});
  const auto engine = open(a, *path);
  if (!engine) return fail(engine.error());
  const Interrupts interrupts;
  ChatState state = state_of(a, *path);
  Chat chat(**engine, state);
  if (!talk) {
    const auto error = chat.say(prompt);
    return error ? fail(*error) : 0;
  }
  introduce(**engine);
  return converse(chat, state, a.no_history ? std::filesystem::path() : history_path());
}

}  // namespace

void add_run_command(const Command& program) {
  auto a = std::make_shared<Arguments>();
  const Command c = program.command("run", "Chat in the terminal; with -p or a pipe, one answer");
  c.footer(
      "Examples:\n  autark run\n  autark run -p 'What is a mutex? One sentence.'\n"
      "  echo 'Name three rivers.' | autark run qwen2.5-coder-0.5b --temperature 0\n"
      "In the chat, /help lists what there is: /clear, /system, /set, /save, /load, /bye, and messages of "
      "several\n"
      "lines between \"\"\". Lines can be edited and come back with the arrow keys; they are kept, for their "
      "owner\n"
      "only, in $XDG_STATE_HOME/autark/history (else ~/.local/state/autark/history).");
  c.option("MODEL", a->model, "A path, or the name of a model that was pulled (the default model)");
  c.option("-p,--prompt", a->prompt, "Answer this and end");
  c.option("--system", a->system, "What the model is told first");
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
  c.option("--repetition-penalty", a->repetition_penalty, "Above 1: what was said becomes less likely",
           {.rule = number(0.01, 100)});
  c.option("--seed", a->seed, "The same seed and conversation give the same answer (random)",
           {.rule = whole_number(0, INT64_MAX)});
  c.option("--max-tokens", a->max_tokens, "Of one answer (what the context holds)",
           {.rule = whole_number(1, kTokensMax)});
  c.option("--context", a->context, "Tokens of a conversation; 0: what the model allows",
           {.rule = whole_number(0, kTokensMax)});
  c.flag("--no-history", a->no_history, "Keep what is typed out of the history file");
  c.option("--threads", a->threads, "0: one per physical core", {.rule = whole_number(0, 4096)});
  c.option("--drafts", a->drafts,
           "Tokens the checkpoint's draft head guesses ahead; 0: none. Changes speed, never the text",
           {.rule = whole_number(0, 8)});
  c.option("--chip", a->chip, "cpu or ref", {.shows_default = true});
  c.option("--rounding", a->rounding,
           "none, trained or fast, see logits --help (what the rounding table says)");
  c.runs([a] { return run(*a); });
}

}  // namespace autark::apps
