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

// What the model would have written first, had the prompt not.
api::Sampled begun(const AnswerReader::Rules& rules, const text::Tokenizer& tokenizer) {
  api::Sampled s{.in_reasoning = rules.in_reasoning};
  auto ids = tokenizer.encode(rules.opening, {.add_special = false, .parse_special = true});
  if (ids) s.answer = {rules.opening, std::move(*ids)};
  return s;
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
    case Code::io:  // all an engine has to do with files: those of its model changed under it
      return {.kind = Kind::unavailable, .message = error.message, .code = "model_changed"};
    case Code::cancelled:
      return {.kind = Kind::unavailable, .message = error.message};
    default:
      return {.kind = Kind::internal, .message = error.message};
  }
}

Submission::Submission(engine::Engine& engine, const api::Request& request, std::vector<Tokenized> prompts,
                       Replay& replay, api::Backend::Sink sink)
    : engine_(engine),
      replay_(replay),
      user_(request.user),
      said_(request.user),
      n_(request.n),
      echo_(request.echo),
      scored_(request.logprobs >= 0),
      skip_special_(request.skip_special),
      prompts_(std::move(prompts)),
      sink_(std::move(sink)),
      choices_(prompts_.size() * size_t(n_)) {
  for (int i = 0; i < int(choices_.size()); ++i) {
    const auto& rules = prompt_of(i).answer;
    if (!rules) continue;
    choices_[i].reader = std::make_unique<AnswerReader>(*rules, [&replay] { return replay.new_call_id(); });
    choices_[i].turn.sampled = begun(*rules, engine.tokenizer());
  }
  if (choices_[0].reader)
    for (const api::Item& item : request.items) said_.add(item);
}

void Submission::submit(const engine::Request& common, uint64_t seed) {
  for (int i = 0; i < int(choices_.size()); ++i) {
    engine::Request r = common;
    r.prompt = prompt_of(i).ids;
    if (choices_[i].reader) r.stop.clear(), r.skip_special = false;  // the reader's business
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
  for (int i = 0; i < int(choices_.size()); ++i)
    if (choices_[i].reader)
      for (auto& what : choices_[i].reader->opening()) tell(i, std::move(what));
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
  Choice& c = choices_[choice];
  if (over_ || c.finished) return;
  const int64_t reasoning = c.usage.reasoning_tokens;
  c.usage = {e.usage.prompt_tokens, e.usage.cached_tokens, e.usage.completion_tokens, reasoning};
  if (e.error) return fail(*e.error);
  const bool read = !e.prompt.empty() || !e.tokens.empty() || e.finish;
  if (echo_ && read && !c.echoed) echo(choice, e.prompt);
  c.usage.completion_tokens -= std::ssize(e.tokens);
  for (engine::Event::Token& t : e.tokens) {
    ++c.usage.completion_tokens;
    say(choice, t, e.finish == engine::Finish::stop && &t == &e.tokens.back());
    if (c.finished) return;
  }
  if (e.finish) finish(choice, e);
}

// One token: what became readable with it, and its log-probability with the first of that. There is always an
// event, so that tokens can be counted and timed.
void Submission::say(int choice, engine::Event::Token& t, bool ends) {
  Choice& c = choices_[choice];
  AnswerReader::Whats whats;
  if (c.reader) {
    const text::OutputSyntax syntax = prompt_of(choice).answer->syntax;
    if (!ends) c.turn.wrote(t.id, t.text);
    whats = c.reader->push(skip_special_ ? readable(t, engine_.tokenizer(), syntax) : t.text);
  } else {
    whats.push_back(api::Event::Delta{std::move(t.text)});
  }
  const bool scored = scored_ && t.logprobs;
  if (whats.empty() || (scored && !std::holds_alternative<api::Event::Delta>(whats[0])))
    whats.insert(whats.begin(), api::Event::Delta{});
  if (scored) std::get<api::Event::Delta>(whats[0]).logprobs.push_back(named(t.id, *t.logprobs));
  for (auto& what : whats) {
    if (std::holds_alternative<api::Event::Reasoned>(what))
      c.usage.reasoning_tokens = c.usage.completion_tokens;
    tell(choice, std::move(what));
  }
  if (!c.reader || !c.reader->ended()) return;
  end(choice, {*c.reader->ended(), c.reader->stop_sequence()});
  engine_.cancel(c.id);
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
  Choice& c = choices_[choice];
  api::Finish why = finish_of(*e.finish);
  std::string stop = e.stop_string;
  if (!c.reader) {
    if (!e.text_at_end.empty()) tell(choice, api::Event::Delta{e.text_at_end});
  } else {
    const bool cut = why != api::Finish::stop;
    for (auto& what : c.reader->push(e.text_at_end)) tell(choice, std::move(what));
    for (auto& what : c.reader->finish(cut)) tell(choice, std::move(what));
    if (why == api::Finish::stop && c.reader->called()) why = api::Finish::tool_calls;
    if (c.reader->ended()) why = *c.reader->ended(), stop = c.reader->stop_sequence();
  }
  end(choice, {why, std::move(stop)});
  if (*e.finish == engine::Finish::cancelled) withdraw();
}

void Submission::end(int choice, api::Event::Finished finished) {
  Choice& c = choices_[choice];
  c.finished = true;
  if (c.reader) remember(c, finished.why);
  tell(choice, std::move(finished));
  bool all = true;
  for (const Choice& other : choices_) all = all && other.finished;
  over_ = over_ || all;
}

// A turn that was stopped from outside, or in the middle of a call, is not what the client was given.
void Submission::remember(Choice& c, api::Finish why) {
  const bool stopped = why == api::Finish::cancelled || c.reader->ended().has_value();
  if (stopped || !c.turn.whole()) c.turn.sampled = {};
  if (c.reader->called() || !c.turn.sampled.empty()) replay_.remember(user_, said_, std::move(c.turn));
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

void Submission::tell(int choice, api::Event::What what) {
  if (choices_[choice].reader) choices_[choice].turn.add(what);
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
