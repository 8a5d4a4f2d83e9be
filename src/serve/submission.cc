#include "serve/submission.h"
#include "serve/cache_domain.h"

namespace autark::serve {
namespace {

const api::ApiError kTooLate{.kind = api::ApiError::Kind::timeout,
                             .message = "the answer was not complete when the client's time was over"};

}  // namespace

Submission::Submission(engine::Engine& engine, const text::Tokenizer& tokenizer, const api::Request& request,
                       std::vector<Prompt> prompts, Replay& replay, api::Backend::Sink sink,
                       std::vector<api::Allowance> allowances)
    : engine_(engine),
      replay_(replay),
      user_(user_of(request)),
      conversation_(user_),
      n_(request.n),
      chat_(request.prompts.empty()),
      prompts_(std::move(prompts)),
      allowances_(std::move(allowances)),
      sink_(std::move(sink)) {
  choices_.reserve(prompts_.size() * size_t(n_));
  for (int i = 0; i < int(prompts_.size()) * n_; ++i)
    choices_.push_back({.reader = {tokenizer,
                                   prompt_of(i),
                                   {.choice = i,
                                    .echo = request.echo,
                                    .scored = request.logprobs >= 0,
                                    .keeps = request.keep_seconds > 0},
                                   [&replay] { return replay.new_call_id(); }}});
  unfinished_ = choices_.size();
  if (!chat_) return;
  for (const api::Item& item : request.items) conversation_.add(item);
}

void Submission::submit(const engine::Request& common, uint64_t seed, const Constrain& constrain) {
  std::vector<engine::Request> group(choices_.size(), common);
  for (int i = 0; i < int(group.size()); ++i) {
    group[i].prompt = prompt_of(i).ids;
    choices_[i].reader.expect(common.prediction);
    if (constrain) group[i].constraint = constrain(prompt_of(i));
    group[i].prefix.public_tokens = prompt_of(i).public_tokens;
    group[i].prefix.marks = prompt_of(i).marks;
    // Depends only on the place among the prompt's choices: other prompts do not change the answers.
    group[i].sampling.seed = seed + uint64_t(i % n_) * 0x9e3779b97f4a7c15;
  }
  const std::lock_guard lock(mutex_);  // on_event() waits until all choices have their ids
  const auto ids = engine_.submit(std::move(group), [self = shared_from_this()](int i, engine::Event e) {
    self->on_event(i, std::move(e));
  });
  if (!ids) return fail(fault_of(ids.error()));
  for (size_t i = 0; i < choices_.size(); ++i) choices_[i].id = (*ids)[i];
  first_ = ids->front();
}

// Sends the first events of every choice, before any other event.
void Submission::begin() {
  if (std::exchange(begun_, true)) return;
  ChoiceReader::Told told;
  for (Choice& c : choices_) told.push_back(c.reader.start());
  std::get<api::Event::Started>(told.front().payload).allowances = std::move(allowances_);
  for (Choice& c : choices_)
    for (api::Event& e : c.reader.opening()) told.push_back(std::move(e));
  emit(std::move(told));
}

void Submission::cancel() {
  const std::lock_guard lock(mutex_);
  for (const Choice& c : choices_)
    if (c.id && !c.reader.finished()) engine_.cancel(c.id);
}

std::optional<api::QueuePlace> Submission::place() const {
  const auto q = first_ ? engine_.queued(first_) : std::nullopt;
  if (!q) return {};
  return api::QueuePlace{.position = q->position, .wait_ms = q->expected_ms};
}

// Reads on the engine thread, so that a complete answer is finished before the engine's next step.
void Submission::on_event(int choice, engine::Event event) {
  const std::lock_guard lock(mutex_);
  Choice& c = choices_[choice];
  if (over_ || c.reader.finished()) return;
  if (event.finish == engine::Finish::deadline) return fail(kTooLate);
  const bool lost = event.error || event.finish == engine::Finish::cancelled;
  if (!begun_ && !lost) {
    c.reader.admit(event.usage.prefix);
    begin();
  }
  ChoiceReader::Told told = c.reader.read(event);
  if (const auto why = c.reader.enough(); why && !event.finish) engine_.finish(event.id, *why);
  const bool last = !told.empty() && std::holds_alternative<api::Event::Finished>(told.back().payload);
  if (last && chat_) remember(c);
  emit(std::move(told));
  if (event.error && !c.reader.finished()) return fail(fault_of(*event.error));
  if (!last) return;
  if (--unfinished_ == 0) over_ = true;
  if (c.reader.finished() == api::Finish::cancelled) withdraw();
}

// A turn without calls is stored only if its sampled tokens can be replayed.
void Submission::remember(Choice& c) {
  Replay::Turn turn = c.reader.take_turn();
  if (c.reader.called() || !turn.sampled.empty()) replay_.remember(user_, conversation_, std::move(turn));
}

void Submission::fail(api::ApiError fault) {
  sink_({.payload = std::move(fault)});
  withdraw();
}

// Cancels all choices that are still running; further events are ignored.
void Submission::withdraw() {
  over_ = true;
  for (const Choice& c : choices_)
    if (c.id && !c.reader.finished()) engine_.cancel(c.id);
}

void Submission::emit(ChoiceReader::Told told) {
  for (api::Event& e : told) sink_(std::move(e));
}

}  // namespace autark::serve
