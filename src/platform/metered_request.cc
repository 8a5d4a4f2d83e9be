#include "platform/metered_request.h"
#include <algorithm>
#include "base/log.h"

namespace autark::platform {
namespace {

// The charge may still be booked later, so that the client should not send the request again by itself.
api::ApiError not_booked() {
  return {.kind = api::ApiError::Kind::unavailable,
          .message = "the answer is complete, but its charge could not be booked in time",
          .code = "not_booked"};
}

// What the limits say replaces what the backend says of the same unit.
void add_allowances(std::vector<api::Allowance> ours, std::vector<api::Allowance>& all) {
  std::erase_if(all, [&](const api::Allowance& a) {
    return std::ranges::any_of(ours, [&](const api::Allowance& own) { return own.of == a.of; });
  });
  for (api::Allowance& own : ours) all.push_back(std::move(own));
}

}  // namespace

Tokens tokens_of(const api::Usage& u) {
  const int64_t cached = std::clamp<int64_t>(u.cached_tokens, 0, u.prompt_tokens);
  const int64_t kept = std::clamp<int64_t>(api::stored_tokens(u), 0, u.prompt_tokens - cached);
  const int64_t reasoning = std::clamp<int64_t>(u.reasoning_tokens, 0, u.completion_tokens);
  return {.input = u.prompt_tokens - cached - kept,
          .cached = cached,
          .cache_write = kept,
          .output = u.completion_tokens - reasoning,
          .reasoning = reasoning};
}

void Settling::begin() {
  const std::lock_guard lock(mutex_);
  ++open_;
}

void Settling::end() {
  const std::lock_guard lock(mutex_);
  if (--open_ == 0) none_.notify_all();
}

void Settling::wait() {
  std::unique_lock lock(mutex_);
  none_.wait(lock, [this] { return open_ == 0; });
}

// What the ledger's thread does once the charge is durable.
struct MeteredRequest::Ending {
  Charge charge;
  std::unique_ptr<Limits::Reservation> reservation;
  api::Backend::Sink sink;
  std::optional<api::Event> last;  // unset: nobody waits for it
};

MeteredRequest::MeteredRequest(MeteringParts parts, Terms terms)
    : sink_(std::move(terms.sink)),
      tally_(terms.choices, terms.n),
      reservation_(std::move(terms.reservation)),
      parts_(std::move(parts)),
      charge_(std::move(terms.charge)) {}

MeteredRequest::~MeteredRequest() {
  if (!over_) settle(parts_, end("aborted", {}));
}

void MeteredRequest::cancel() {
  cancelled_ = true;
}

void MeteredRequest::on_event(api::Event&& event) {
  if (over_) return;
  const bool was_started = started_, is_dropped = cancelled_;
  if (!is_dropped) count(event);
  if (is_last(event)) {
    std::string outcome = outcome_of(event);
    return settle(parts_, end(std::move(outcome), std::move(event)));
  }
  if (is_dropped) return;
  sink_(std::move(event));
  // After the sink, so that the first byte does not wait while the ledger's thread is woken.
  if (started_ && !was_started) parts_.books->begin(charge_);
}

void MeteredRequest::count(api::Event& event) {
  if (std::holds_alternative<api::ApiError>(event.payload)) return;
  if (auto* started = std::get_if<api::Event::Started>(&event.payload); started && !started_) start(*started);
  tally_.add(event);
  if (started_ && !is_last(event)) note();
}

void MeteredRequest::start(api::Event::Started& started) {
  started_ = true;
  noted_ = std::chrono::steady_clock::now();
  add_allowances(std::move(reservation_->allowances), started.allowances);
}

void MeteredRequest::note() {
  const auto now = std::chrono::steady_clock::now();
  if (++events_ < kNoteEvents && now - noted_ < kNoteEvery) return;
  events_ = 0, noted_ = now;
  parts_.books->note(charge_.id, tokens_of(tally_.total()));
}

bool MeteredRequest::is_last(const api::Event& event) const {
  if (std::holds_alternative<api::ApiError>(event.payload)) return true;
  const auto* finished = std::get_if<api::Event::Finished>(&event.payload);
  return finished && (tally_.complete() || finished->why == api::Finish::cancelled);
}

std::string MeteredRequest::outcome_of(const api::Event& last) const {
  if (std::holds_alternative<api::ApiError>(last.payload)) return cancelled_ ? "aborted" : "failed";
  return std::get<api::Event::Finished>(last.payload).why == api::Finish::cancelled ? "aborted" : "complete";
}

std::shared_ptr<MeteredRequest::Ending> MeteredRequest::end(std::string outcome,
                                                            std::optional<api::Event> last) {
  over_ = true;
  charge_.tokens = tokens_of(tally_.total());
  if (outcome == "failed" && charge_.tokens.output + charge_.tokens.reasoning == 0) charge_.tokens = {};
  charge_.outcome = std::move(outcome);
  charge_.duration = std::max<Micros>(0, parts_.clock() - charge_.time);
  return std::make_shared<Ending>(Ending{.charge = started_ ? std::move(charge_) : Charge{},
                                         .reservation = std::move(reservation_),
                                         .sink = std::move(sink_),
                                         .last = std::move(last)});
}

// The room comes free before the client can send its next request.
void MeteredRequest::settle(const MeteringParts& parts, std::shared_ptr<Ending> ending) {
  const auto tell = [](Ending& e) {
    e.reservation.reset();
    if (e.last && e.sink) e.sink(std::move(*e.last));
    e.sink = nullptr;
  };
  if (ending->charge.id.empty()) return tell(*ending);
  parts.settling->begin();
  Charge charge = ending->charge;
  parts.books->settle(std::move(charge), [ending, tell, settling = parts.settling](std::optional<Error> e) {
    const Charge& booked = ending->charge;
    ending->reservation->settle(booked.tokens.all(), booked.quote.cost(booked.tokens));
    if (e) {
      log_warning("ledger: the charge of request " + booked.id + " is not booked yet: " + e->message);
      if (ending->last) ending->last = api::Event{.payload = not_booked()};
    }
    tell(*ending);
    settling->end();
  });
}

}  // namespace autark::platform
