#include "serve/submission.h"

namespace autark::serve {
namespace {

api::Finish finish_of(engine::Finish why) {
  switch (why) {
    case engine::Finish::stop_string:
      return api::Finish::stop_sequence;
    case engine::Finish::length:
      return api::Finish::length;
    case engine::Finish::context:
      return api::Finish::context;
    case engine::Finish::cancelled:
      return api::Finish::cancelled;
    default:
      return api::Finish::stop;
  }
}

}  // namespace

api::Fault fault_of(const Error& error) {
  using Kind = api::Fault::Kind;
  switch (error.code) {
    case Code::invalid:
      return {.kind = Kind::invalid, .message = error.message};
    case Code::unsupported:
      return {.kind = Kind::unsupported, .message = error.message};
    case Code::exhausted:
      return {.kind = Kind::overloaded, .message = error.message};
    case Code::cancelled:
      return {.kind = Kind::unavailable, .message = error.message};
    default:
      return {.kind = Kind::internal, .message = error.message};
  }
}

Submission::Submission(engine::Engine& engine, const api::Request& request, std::vector<Tokenized> prompts,
                       api::Backend::Sink sink)
    : engine_(engine),
      n_(request.n),
      echo_(request.echo),
      scored_(request.logprobs >= 0),
      prompts_(std::move(prompts)),
      sink_(std::move(sink)),
      choices_(prompts_.size() * size_t(n_)) {}

void Submission::submit(const engine::Request& common, uint64_t seed) {
  for (int i = 0; i < int(choices_.size()); ++i) {
    engine::Request r = common;
    r.prompt = prompt_of(i).ids;
    r.sampling.seed =
        seed + uint64_t(i % n_) * 0x9e3779b97f4a7c15;  // a prompt's choices differ, batched or not
    auto id = engine_.submit(
        std::move(r), [self = shared_from_this(), i](engine::Event e) { self->on_event(i, std::move(e)); });
    const std::lock_guard lock(mutex_);
    if (over_) return;
    if (!id) return fail(id.error());
    choices_[i].id = *id;
  }
  open();
}

void Submission::open() {
  const std::lock_guard lock(mutex_);
  if (over_) return;
  for (int i = 0; i < int(choices_.size()); ++i) {
    choices_[i].usage.prompt_tokens = std::ssize(prompt_of(i).ids);
    tell(i, api::Event::Started{std::ssize(prompt_of(i).ids)});
  }
  open_ = true;
  for (auto& [choice, event] : early_) translate(choice, event);
  early_.clear();
}

void Submission::cancel() {
  const std::lock_guard lock(mutex_);
  for (const Choice& c : choices_)
    if (c.id && !c.finished) engine_.cancel(c.id);
}

void Submission::on_event(int choice, engine::Event event) {
  const std::lock_guard lock(mutex_);
  if (over_) return;
  if (!open_) return early_.emplace_back(choice, std::move(event)), void();
  translate(choice, event);
}

void Submission::translate(int choice, engine::Event& e) {
  if (over_) return;
  choices_[choice].usage = {e.usage.prompt_tokens, e.usage.cached_tokens, e.usage.completion_tokens};
  if (e.error) return fail(*e.error);
  const bool read = !e.prompt.empty() || !e.tokens.empty() || e.finish;
  if (echo_ && read && !choices_[choice].echoed) echo(choice, e.prompt);
  for (engine::Event::Token& t : e.tokens) {
    api::Event::Delta d{std::move(t.text), {}, false};
    if (scored_ && t.logprobs) d.logprobs.push_back(named(t.id, *t.logprobs));
    tell(choice, std::move(d));
  }
  if (e.finish) finish(choice, e);
}

// The prompt in front of its answer. Token i of it was scored by logprobs[i - 1].
void Submission::echo(int choice, const std::vector<engine::Logprobs>& logprobs) {
  choices_[choice].echoed = true;
  const Tokenized& prompt = prompt_of(choice);
  api::Event::Delta d{prompt.text, {}, true};
  const auto pieces = engine_.tokenizer().stream(false);
  std::string_view rest = prompt.text;
  for (size_t i = 0; scored_ && i < prompt.ids.size(); ++i) {
    const bool known = i > 0 && i <= logprobs.size();
    api::TokenLogprob t = named(prompt.ids[i], known ? logprobs[i - 1] : engine::Logprobs{});
    t.scored = known;
    t.text_at = prompt.text.size() - rest.size();
    const std::string piece = pieces->push(prompt.ids[i]);
    const bool shown = !engine_.tokenizer().is_special(prompt.ids[i]) || rest.starts_with(piece);
    if (shown) rest.remove_prefix(std::min(rest.size(), piece.size()));
    d.logprobs.push_back(std::move(t));
  }
  tell(choice, std::move(d));
}

void Submission::finish(int choice, const engine::Event& e) {
  if (!e.text_at_end.empty()) tell(choice, api::Event::Delta{e.text_at_end, {}, false});
  choices_[choice].finished = true;
  tell(choice, api::Event::Finished{finish_of(*e.finish), e.stop_string});
  if (*e.finish == engine::Finish::cancelled) return withdraw();
  bool all = true;
  for (const Choice& c : choices_) all = all && c.finished;
  over_ = over_ || all;
}

void Submission::fail(const Error& error) {
  tell(0, fault_of(error));
  withdraw();
}

// What is still in the engine goes; nobody listens any more.
void Submission::withdraw() {
  over_ = true;
  for (const Choice& c : choices_)
    if (c.id && !c.finished) engine_.cancel(c.id);
}

void Submission::tell(int choice, decltype(api::Event::what) what) {
  sink_({choice, std::move(what), choices_[choice].usage});
}

api::TokenLogprob Submission::named(int32_t id, const engine::Logprobs& logprobs) const {
  const auto name = [&](int32_t id, double logprob) {
    const std::string bytes = engine_.tokenizer().bytes_of(id);
    return api::Alternative{bytes, bytes, logprob};
  };
  api::TokenLogprob t{name(id, logprobs.chosen.logprob), {}};
  for (const engine::TokenLogprob& a : logprobs.top) t.top.push_back(name(a.id, a.logprob));
  return t;
}

}  // namespace autark::serve
