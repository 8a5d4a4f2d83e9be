#include "serve/choice_reader.h"

namespace autark::serve {
namespace {

constexpr int kShownCharacters = 40;  // of each side, with cache_diagnostics

api::Finish finish_of(engine::Finish why) {
  switch (why) {
    case engine::Finish::stop_string:
      return api::Finish::stop_sequence;
    case engine::Finish::length:
      return api::Finish::length;
    case engine::Finish::context:
      return api::Finish::context;
    case engine::Finish::cancelled:
    case engine::Finish::deadline:
      return api::Finish::cancelled;
    default:
      return api::Finish::stop;
  }
}

}  // namespace

ChoiceReader::ChoiceReader(const text::Tokenizer& tokenizer, const Prompt& prompt, const Options& options,
                           AnswerReader::NewId new_id)
    : tokenizer_(tokenizer),
      prompt_(prompt),
      options_(options),
      reader_(tokenizer, prompt.answer, std::move(new_id)) {
  usage_.prompt_tokens = std::ssize(prompt.ids);
}

void ChoiceReader::expect(std::span<const int32_t> prediction) {
  if (!prediction.empty()) prediction_.emplace(prediction);
}

void ChoiceReader::admit(const engine::PrefixReuse& reuse) {
  usage_.cached_tokens = reuse.read;
  usage_.prompt_cache = told_of(reuse);
}

api::Event ChoiceReader::start() {
  return {options_.choice, api::Event::Started{usage_.prompt_tokens}, usage_};
}

ChoiceReader::Told ChoiceReader::opening() {
  Told told;
  for (auto& payload : reader_.opening()) emit(std::move(payload), told);
  return told;
}

ChoiceReader::Told ChoiceReader::read(engine::Event& event) {
  Told told;
  if (!reader_.ended()) listen(event, told);
  if (event.finish && (!event.error || reader_.ended())) finish(event, told);
  return told;
}

std::optional<engine::Finish> ChoiceReader::enough() const {
  if (!reader_.ended()) return {};
  return *reader_.ended() == api::Finish::stop_sequence ? engine::Finish::stop_string : engine::Finish::stop;
}

// The part of the request that a token of the prompt comes from.
std::string ChoiceReader::part_of(int64_t token) const {
  return prompt_.parts.empty() ? "prompt" : prompt_.parts.at(size_t(token));
}

api::PromptCache ChoiceReader::told_of(const engine::PrefixReuse& reuse) const {
  return {.read = reuse.read,
          .possible = reuse.possible,
          .tier = engine::name_of(reuse.tier),
          .why = engine::name_of(reuse.why),
          .at = reuse.at,
          .part = reuse.at ? part_of(*reuse.at) : std::string(),
          .wished = options_.keeps,
          .own = shown(reuse.own),
          .other = shown(reuse.other)};
}

// The first characters of a text.
std::string ChoiceReader::shown(const std::vector<int32_t>& ids) const {
  const auto stream = tokenizer_.stream(false);
  std::string text;
  for (const int32_t id : ids) text += stream->push(id);
  text += stream->flush();
  int characters = 0;
  for (size_t i = 0; i < text.size(); ++i)
    if ((text[i] & 0xc0) != 0x80 && ++characters > kShownCharacters) text.resize(i);
  return text;
}

// An event may bring several tokens (drafts). Tokens after the one that completed the answer are not counted.
void ChoiceReader::listen(engine::Event& e, Told& told) {
  usage_.prompt_tokens = e.usage.prompt_tokens;
  usage_.cached_tokens = e.usage.prefix.read;
  if (!usage_.prompt_cache || usage_.prompt_cache->read != e.usage.prefix.read) admit(e.usage.prefix);
  usage_.completion_tokens = e.usage.completion_tokens - std::ssize(e.tokens);
  const bool prompt_is_read = !e.prompt.empty() || !e.tokens.empty() || (e.finish && !e.error);
  if (options_.echo && prompt_is_read && !echoed_) echo(e.prompt, told);
  for (engine::Event::Token& t : e.tokens) {
    if (reader_.ended()) return;
    ++usage_.completion_tokens;
    on_token(t, e.finish == engine::Finish::stop && &t == &e.tokens.back(), told);
  }
}

// Reads one token. Its log-probability goes with the first event that the token yields. If it yields no text,
// an empty Delta is sent, so that every token can be counted and timed.
void ChoiceReader::on_token(engine::Event::Token& t, bool ends, Told& told) {
  if (prediction_) prediction_->add(t.id);
  AnswerReader::Payloads payloads = ends ? reader_.end(t.id) : reader_.push(t.id);
  const bool scored = options_.scored && t.logprobs;
  if (payloads.empty() || (scored && !std::holds_alternative<api::Event::Delta>(payloads[0])))
    payloads.insert(payloads.begin(), api::Event::Delta{});
  if (scored) std::get<api::Event::Delta>(payloads[0]).logprobs.push_back(named(t.id, *t.logprobs));
  for (auto& payload : payloads) {
    if (std::holds_alternative<api::Event::Reasoned>(payload)) {
      usage_.reasoning_tokens = usage_.completion_tokens;
      if (prediction_) prediction_->clear();
    }
    emit(std::move(payload), told);
  }
}

// Sends the prompt before the answer. Its token i has logprobs[i - 1]; the first token has none.
void ChoiceReader::echo(const std::vector<engine::Logprobs>& logprobs, Told& told) {
  echoed_ = true;
  api::Event::Delta d{prompt_.text, {}, true};
  const auto pieces = tokenizer_.stream(false);
  std::string_view rest = prompt_.text;
  for (size_t i = 0; options_.scored && i < prompt_.ids.size(); ++i) {
    const bool known = i > 0 && i <= logprobs.size();
    api::TokenLogprob t = named(prompt_.ids[i], known ? logprobs[i - 1] : engine::Logprobs{});
    t.scored = known;
    t.text_at = prompt_.text.size() - rest.size();
    const std::string piece = pieces->push(prompt_.ids[i]);
    const bool shown = !tokenizer_.is_special(prompt_.ids[i]) || rest.starts_with(piece);
    if (shown) rest.remove_prefix(std::min(rest.size(), piece.size()));
    d.logprobs.push_back(std::move(t));
  }
  emit(std::move(d), told);
}

// The reason is the one the reader found, else calls if there were any, else the engine's.
void ChoiceReader::finish(const engine::Event& e, Told& told) {
  api::Finish why = finish_of(*e.finish);
  if (!reader_.ended())
    for (auto& payload : reader_.finish(why != api::Finish::stop)) emit(std::move(payload), told);
  if (why == api::Finish::stop && reader_.called()) why = api::Finish::tool_calls;
  if (reader_.ended()) why = *reader_.ended();
  finished_ = why;
  if (prediction_)
    usage_.prediction = api::PredictionTokens{prediction_->accepted(), prediction_->rejected()};
  emit(api::Event::Finished{why, reader_.stop_sequence()}, told);
}

// Does not replay the sampled tokens of a turn that was cut: the client saw less than the model wrote.
Replay::Turn ChoiceReader::take_turn() {
  const bool stopped = finished_ == api::Finish::cancelled || reader_.ended();
  if (!stopped && turn_.whole()) turn_.sampled = reader_.take_sampled();
  return std::move(turn_);
}

void ChoiceReader::emit(api::Event::Payload payload, Told& told) {
  turn_.add(payload);
  told.push_back({options_.choice, std::move(payload), usage_});
}

api::TokenLogprob ChoiceReader::named(int32_t id, const engine::Logprobs& logprobs) const {
  const auto name = [&](int32_t id, double logprob) {
    const std::string bytes = tokenizer_.bytes_of(id);
    return api::Alternative{bytes, bytes, logprob};
  };
  api::TokenLogprob t{name(id, logprobs.chosen.logprob), {}};
  for (const engine::TokenLogprob& a : logprobs.top) t.top.push_back(name(a.id, a.logprob));
  return t;
}

}  // namespace autark::serve
