#include "apps/terminal_chat.h"
#include <fmt/core.h>
#include <unistd.h>
#include <chrono>
#include <condition_variable>
#include <iterator>
#include <mutex>
#include "api/answer.h"
#include "apps/terminal.h"
#include "serve/choice_reader.h"

namespace autark::apps {
namespace {

// Passes the events of an answer from the engine thread to the printing thread.
class Inbox {
 public:
  Inbox(const text::Tokenizer& tokenizer, const serve::Prompt& prompt)
      : reader_(tokenizer, prompt, {}, [] { return "0"; }) {}

  // Receives events on the engine thread. The Inbox must live until the last event.
  engine::Sink sink() {
    return [this](engine::Event e) {
      const std::lock_guard lock(mutex_);
      auto told = reader_.read(e);
      told_.insert(told_.end(), std::move_iterator(told.begin()), std::move_iterator(told.end()));
      last_ = std::move(e);
      changed_.notify_one();
    };
  }
  // The parsed events since the last call and the newest engine event. Waits for one, at most a tenth of
  // a second.
  std::pair<serve::ChoiceReader::Told, engine::Event> take() {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::milliseconds(100), [&] { return !told_.empty() || last_.finish; });
    return {std::exchange(told_, {}), last_};
  }
  // The tokens of the answer. Call it after the last event.
  SampledTurn sampled() {
    const std::lock_guard lock(mutex_);
    return reader_.take_turn().sampled;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  serve::ChoiceReader reader_;
  serve::ChoiceReader::Told told_;
  engine::Event last_;
};

// Prints an answer as it arrives: reasoning to standard error, content and calls to standard output.
class Printer {
 public:
  void show(const api::Event::Payload& payload) {
    if (is_silent(payload)) return;
    if (const auto* r = std::get_if<api::Event::Reasoned>(&payload)) {
      if (!std::exchange(thinking_, true)) write(stderr, dim_ ? "\x1b[2m" : "");
      write(stderr, r->text);
      return;
    }
    if (std::exchange(thinking_, false)) write(stderr, dim_ ? "\x1b[0m\n\n" : "\n\n");
    if (const auto* d = std::get_if<api::Event::Delta>(&payload)) write(stdout, d->text);
    if (const auto* c = std::get_if<api::Event::CallBegun>(&payload))
      write(stdout, "\n[calls " + c->name + " ");
    if (const auto* a = std::get_if<api::Event::CallArguments>(&payload)) write(stdout, a->text);
    if (std::holds_alternative<api::Event::CallEnded>(payload)) write(stdout, "]");
  }
  void end() {
    if (std::exchange(thinking_, false)) write(stderr, dim_ ? "\x1b[0m\n" : "\n");
    write(stdout, "\n");
  }

 private:
  // Whether the event has nothing to print.
  static bool is_silent(const api::Event::Payload& payload) {
    const auto* d = std::get_if<api::Event::Delta>(&payload);
    return (d && d->text.empty()) || std::holds_alternative<api::Event::Finished>(payload);
  }
  static void write(FILE* to, const std::string& text) {
    fmt::print(to, "{}", text);
    std::fflush(to);
  }
  const bool dim_ = isatty(STDERR_FILENO) == 1;
  bool thinking_ = false;
};

// The answer as a turn of the conversation. Calls that were cut are left out.
api::Item item_of(const api::Choice& answer) {
  api::Item item{api::Role::assistant, {}};
  for (const api::Block& b : answer.blocks) {
    if (b.kind == api::Block::Kind::content) item.parts.push_back(api::Text{b.text});
    if (b.kind == api::Block::Kind::reasoning) item.parts.push_back(api::Reasoning{b.text});
    if (b.kind == api::Block::Kind::call && b.whole)
      item.parts.push_back(api::ToolCall{b.id, b.name, b.text});
  }
  return item;
}

// Prints the answer until it ends and returns it with its last event. Ctrl-C cancels the request.
std::pair<api::Choice, engine::Event> follow(engine::Engine& engine, engine::RequestId id, Inbox& inbox) {
  StatusLine status;
  Printer printer;
  api::Choice answer;
  for (;;) {
    if (Interrupts::take()) engine.cancel(id);
    auto [told, event] = inbox.take();
    if (event.usage.completion_tokens == 0 && event.prompt_done > 0 && !event.finish)
      status.show("reading", double(event.prompt_done) / double(event.usage.prompt_tokens));
    if (!told.empty()) status.clear();
    for (api::Event& e : told) {
      printer.show(e.payload);
      answer.add(std::move(e.payload));
    }
    if (!event.finish) continue;
    printer.end();
    return {std::move(answer), std::move(event)};
  }
}

// Prints tokens, speeds and, if the answer was cut, the reason.
void report(const engine::Event& end) {
  const engine::Usage& u = end.usage;
  const auto rate = [](int64_t tokens, double seconds) { return seconds > 0 ? double(tokens) / seconds : 0; };
  const char* why = "";
  if (*end.finish == engine::Finish::cancelled) why = "; stopped";
  if (*end.finish == engine::Finish::length) why = "; max_tokens reached";
  if (*end.finish == engine::Finish::context) why = "; the context is full";
  const int64_t read = u.prompt_tokens - u.prefix.read;  // the beginning of the conversation is read already
  fmt::print(stderr, "[{} tokens read at {:.0f} tok/s, {} written at {:.1f} tok/s{}]\n", read,
             rate(read, u.prefill_seconds), u.completion_tokens,
             rate(u.completion_tokens - 1, u.decode_seconds), why);
}

}  // namespace

std::optional<Error> TerminalChat::say(const std::string& text) {
  api::Item question{api::Role::user, {api::Text{text}}};
  const auto prompts = prompts_.of(request_of(question), state_.settings.reasoning);
  if (const auto* fault = std::get_if<api::ApiError>(&prompts)) return Error{Code::invalid, fault->message};
  const serve::Prompt& prompt = std::get<0>(prompts).at(0);
  Inbox inbox(*text_.tokenizer, prompt);
  const auto id = engine_.submit(
      {.prompt = prompt.ids, .max_tokens = state_.settings.max_tokens, .sampling = state_.settings.sampling},
      inbox.sink());
  if (!id) return id.error();
  const auto [answer, end] = follow(engine_, *id, inbox);
  api::Item item = item_of(answer);
  if (!end.error)
    if (SampledTurn sampled = inbox.sampled(); !sampled.empty()) item.sampled = std::move(sampled);
  state_.said.items.push_back(std::move(question));
  state_.said.items.push_back(std::move(item));
  if (end.error) return end.error;
  report(end);
  ++state_.settings.sampling.seed;
  return std::nullopt;
}

// A request with the whole conversation and the question. Without a chat template it has the question alone,
// as a text to continue.
api::Request TerminalChat::request_of(const api::Item& question) const {
  const Conversation& said = state_.said;
  api::Request r;
  if (!text_.chat) {
    r.prompts.emplace_back(std::get<api::Text>(question.parts[0]).text);
    return r;
  }
  if (!said.system.empty()) r.items.push_back({api::Role::system, {api::Text{said.system}}});
  r.items.insert(r.items.end(), said.items.begin(), said.items.end());
  r.items.push_back(question);
  return r;
}

}  // namespace autark::apps
