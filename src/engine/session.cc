#include "engine/session.h"
#include <algorithm>
#include <utility>
#include "engine/logprobs.h"
#include "engine/softmax.h"

namespace autark::engine {
namespace {

// With prompt_logprobs every row of a slice has logits; this bounds their size, and so the rows of a slice.
constexpr int64_t kPromptLogitsBytes = int64_t{64} << 20;

std::vector<int32_t> masked_before_min(const Request& r, const SessionLimits& limits) {
  std::vector<int32_t> ids;
  if (!r.ignore_end) ids = limits.end_tokens;
  for (int32_t id : r.stop_tokens) {
    if (id >= 0 && id < limits.vocabulary) ids.push_back(id);
  }
  return ids;
}

}  // namespace

std::optional<Error> fault_of(const Request& r, const SessionLimits& limits) {
  if (r.prompt.empty()) return Error{Code::invalid, "engine: the prompt has no tokens"};
  for (int32_t id : r.prompt) {
    if (id < 0 || id >= limits.vocabulary)
      return Error{Code::invalid, "engine: token " + std::to_string(id) + " is outside the vocabulary of " +
                                      std::to_string(limits.vocabulary)};
  }
  const int64_t room = limits.context - (r.max_tokens == 0 ? 0 : 1);
  if (std::ssize(r.prompt) > room)
    return Error{Code::invalid, "engine: the prompt has " + std::to_string(r.prompt.size()) +
                                    " tokens, the context holds " + std::to_string(limits.context) +
                                    " with the answer; shorten the prompt"};
  return fault_of(r.sampling, limits.vocabulary);
}

Session::Session(RequestId id, Request request, Sink sink, const SessionLimits& limits)
    : id_(id),
      request_(std::move(request)),
      sink_(std::move(sink)),
      limits_(limits),
      sampler_(request_.sampling, request_.prompt, masked_before_min(request_, limits), request_.min_tokens),
      tokens_(request_.prompt) {
  usage_.prompt_tokens = std::ssize(tokens_);
}

Job Session::job() const {
  Job j{.id = id_,
        .tokens = tokens_,
        .reads = !request_.prompt_logprobs,
        .hints = &request_.prefix,
        .prompt = usage_.prompt_tokens,
        .service = request_.service};
  if (request_.prompt_logprobs)
    j.rows_max =
        int(std::max<int64_t>(1, kPromptLogitsBytes / (limits_.vocabulary * int64_t{sizeof(float)})));
  return j;
}

Error Session::not_finite() {
  corrupted_ = true;
  return {Code::internal, "engine: the model gave logits that are not finite; is the checkpoint damaged?"};
}

std::optional<Event> Session::admitted(double waited, const PrefixReuse& reuse, double now) {
  usage_.queue_seconds += waited;
  since_ = now;
  // After a preemption the tokens that are read again are ones that it had computed itself.
  if (std::exchange(admitted_, true)) return {};
  usage_.prefix = reuse;
  prompt_done_ = reuse.read;
  return Event{.usage = usage_, .prompt_done = prompt_done_};
}

std::vector<int32_t> Session::wanted(const Slice& s) const {
  std::vector<int32_t> rows;
  for (int i = 0; request_.prompt_logprobs && i < s.count; ++i) {
    const int64_t position = s.first + i;
    if (position >= std::ssize(prompt_logprobs_) && position + 1 < usage_.prompt_tokens) rows.push_back(i);
  }
  const bool generates = s.last && request_.max_tokens != 0;
  if (generates && (rows.empty() || rows.back() != s.count - 1)) rows.push_back(s.count - 1);
  for (int i = 0; generates && i < s.drafts; ++i) rows.push_back(s.count + i);
  return rows;
}

Event Session::consume_logits(const Slice& s, Logits logits, Sampler::Scratch& scratch, double now) {
  const auto rows = wanted(s);
  for (size_t i = 0; i + s.drafts < rows.size(); ++i) {
    if (!all_finite(logits.row(int64_t(i)))) return end(Finish::failed, not_finite());
    const int64_t position = s.first + rows[i];
    if (position + 1 < usage_.prompt_tokens) read_prompt_row(position, logits.row(int64_t(i)));
  }
  prompt_done_ = std::max(prompt_done_, std::min(s.first + s.count, usage_.prompt_tokens));
  (usage_.completion_tokens > 0 ? usage_.decode_seconds : usage_.prefill_seconds) += now - since_;
  since_ = now;
  Event e;
  if (s.last && request_.max_tokens == 0)
    e.finish = Finish::length;
  else if (s.last && !generate_all(s.drafts, logits, scratch, &e))
    return failed(std::move(e));
  if (s.last && request_.prompt_logprobs && usage_.completion_tokens <= 1)
    e.prompt = std::move(prompt_logprobs_);
  e.usage = usage_;
  e.prompt_done = prompt_done_;
  return e;
}

// Samples row by row, as in steps of their own. False: the row after an accepted draft is not finite, or the
// constraint failed.
bool Session::generate_all(int drafts, Logits logits, Sampler::Scratch& scratch, Event* e) {
  const int64_t first = logits.rows() - 1 - drafts;
  for (int i = 0; i <= drafts; ++i) {
    if (i > 0 && !all_finite(logits.row(first + i))) return fault_ = not_finite(), false;
    if (!generate(logits.row(first + i), scratch, e)) return false;
    if (e->finish || i == drafts || tokens_.back() != drafts_[i]) break;
  }
  drafts_.clear();
  return true;
}

// Still delivers the tokens that were sampled before the bad row.
Event Session::failed(Event e) {
  Event last = end(Finish::failed, fault_);
  last.tokens = std::move(e.tokens);
  return last;
}

std::optional<int32_t> Session::draft(std::span<const float> logits, int ahead,
                                      std::span<const int32_t> before, Sampler::Scratch& scratch) const {
  if (!all_finite(logits)) return std::nullopt;
  const auto allowed = mask(before);
  if (!allowed) return std::nullopt;
  return sampler_.pick(logits, std::ssize(tokens_) + ahead - 1, scratch, *allowed);
}

// The mask after the answer and `drafts`.
Result<TokenMask> Session::mask(std::span<const int32_t> drafts) const {
  if (!request_.constraint) return TokenMask{};
  asked_.assign(tokens_.begin() + usage_.prompt_tokens, tokens_.end());
  asked_.insert(asked_.end(), drafts.begin(), drafts.end());
  return request_.constraint->after(asked_);
}

int Session::drafts_useful() const {
  int64_t more = limits_.context - std::ssize(tokens_);
  if (request_.max_tokens > 0) more = std::min(more, request_.max_tokens - usage_.completion_tokens);
  return int(std::clamp<int64_t>(more - 1, 0, INT32_MAX));
}

LookupIndex& Session::lookup_index() {
  constexpr int64_t kAnswer = 4096;  // tokens
  if (!lookup_) lookup_.emplace(request_.prediction, std::ssize(tokens_) + kAnswer);
  lookup_->extend(tokens_);
  return *lookup_;
}

void Session::read_prompt_row(int64_t position, std::span<const float> logits) {
  prompt_logprobs_.push_back(logprobs_of(logits, tokens_[position + 1], request_.logprobs));
}

// False: the constraint failed.
bool Session::generate(std::span<const float> logits, Sampler::Scratch& scratch, Event* e) {
  const auto allowed = mask({});
  if (!allowed) return fault_ = allowed.error(), false;
  const int32_t id = sampler_.pick(logits, std::ssize(tokens_), scratch, *allowed);
  sampler_.accept(id);
  tokens_.push_back(id);
  ++usage_.completion_tokens;
  Event::Token token{.id = id};
  if (request_.logprobs >= 0) token.logprobs = logprobs_of(logits, id, request_.logprobs);
  e->tokens.push_back(std::move(token));
  if (ends(id)) {
    e->finish = Finish::stop;
  } else if (usage_.completion_tokens == request_.max_tokens) {
    e->finish = Finish::length;
  } else if (std::ssize(tokens_) >= limits_.context) {
    e->finish = Finish::context;
  } else if (request_.constraint) {
    request_.constraint->prepare(std::span(tokens_).subspan(usage_.prompt_tokens));
  }
  return true;
}

bool Session::ends(int32_t id) const {
  if (std::ranges::count(request_.stop_tokens, id) > 0) return true;
  return !request_.ignore_end && std::ranges::count(limits_.end_tokens, id) > 0;
}

Event Session::end(Finish why, std::optional<Error> error) {
  Event e;
  e.finish = why;
  e.error = std::move(error);
  e.usage = usage_;
  e.prompt_done = prompt_done_;
  return e;
}

}  // namespace autark::engine
