#include "platform/metered_backend.h"
#include <algorithm>
#include <cstdlib>
#include "api/caller.h"
#include "base/log.h"
#include "platform/money.h"
#include "platform/secrets.h"

namespace autark::platform {
namespace {

using Kind = api::ApiError::Kind;

constexpr int64_t kAnswerLeast = 256;  // tokens; an answer without a maximum is not cut below
constexpr std::string_view kBatch = " batch";

std::string service_of(const api::Request& request) {
  if (request.route.ends_with(kBatch)) return "batch";
  if (request.tier == api::Tier::priority) return "priority";
  return request.tier == api::Tier::flex ? "flex" : "standard";
}

std::string route_of(const api::Request& request) {
  const bool batch = request.route.ends_with(kBatch);
  return request.route.substr(0, request.route.size() - (batch ? kBatch.size() : 0));
}

int choices_of(const api::Request& request) {
  return std::max(1, int(request.prompts.size())) * request.n;
}

}  // namespace

// What prepare() learned, with what the inner backend keeps of it.
struct MeteredBackend::Extents final : api::Prepared {
  api::Extent extent;
  std::shared_ptr<api::Prepared> inner;
};

MeteredBackend::MeteredBackend(Terms terms, std::shared_ptr<api::Backend> inner)
    : terms_(std::move(terms)), inner_(std::move(inner)) {}

api::ApiResult<api::Extent> MeteredBackend::prepare(api::Request& request) const {
  auto extent = inner_->prepare(request);
  if (const auto* sizes = std::get_if<api::Extent>(&extent)) {
    auto kept = std::make_shared<Extents>();
    kept->extent = *sizes;
    kept->inner = std::move(request.prepared);
    request.prepared = std::move(kept);
  }
  return extent;
}

// The prices are rounded for each class, so that three of a prompt may cost up to two nanos more than one.
Demand demand_of(const api::Request& request, const api::Extent& extent, int choices, const Quote& quote) {
  const Rates& r = quote.rates;
  const int64_t prompt_rate = std::max({r.input, r.cached, r.cache_write});
  const bool whole = std::ranges::all_of(
      std::initializer_list<int64_t>{r.input, r.cached, r.cache_write, r.output, r.reasoning},
      [](int64_t rate) { return rate % 1'000'000 == 0; });
  const int64_t least = std::max<int64_t>(kAnswerLeast, choices);
  return {.prompt_tokens = extent.prompt_tokens,
          .answer_max = extent.answer_max,
          .answer_least = request.max_tokens ? extent.answer_max : std::min(extent.answer_max, least),
          .prompt_cost = saturating_sum(price_of(extent.prompt_tokens, prompt_rate), whole ? 0 : 3),
          .answer_token_cost = std::max(r.output, r.reasoning)};
}

std::string MeteredBackend::id_of_model(const std::string& name) const {
  const auto models = inner_->models();
  if (name.empty() && !models.empty()) return models.front().id;
  for (const api::ModelEntry& m : models)
    if (m.id == name) return m.alias_of.empty() ? m.id : m.alias_of;
  return name;
}

Charge MeteredBackend::charge_of(const api::Request& request) const {
  const api::Caller& caller = *request.caller;
  Charge c{.id = request.id.empty() ? new_id("req") : request.id,
           .time = terms_.parts.clock(),
           .account = caller.account,
           .workspace = caller.workspace,
           .key = caller.key,
           .model = id_of_model(request.model),
           .user = request.user,
           .route = route_of(request),
           .service = service_of(request)};
  c.quote = terms_.prices()->quote(c.model, c.service, c.time);
  return c;
}

// Requests that run at the same time may owe a little together: what they reserve is not taken off the balance.
std::optional<api::ApiError> MeteredBackend::without_means(const Charge& charge) const {
  if (terms_.parts.books->is_behind())
    return api::ApiError{.kind = Kind::unavailable,
                         .message = "the server cannot book requests at the moment; try again later"};
  if (terms_.post_paid) return {};
  const Result<bool> means = terms_.parts.books->has_means(charge.account, charge.model, charge.time);
  if (!means) {
    log_warning("ledger: a balance cannot be read: " + means.error().message);
    return api::ApiError{.kind = Kind::unavailable,
                         .message = "the server cannot read the account's balance; try again later"};
  }
  if (*means) return {};
  return api::ApiError{.kind = Kind::quota,
                       .message = "the account's balance is used up; its administrator can add to it"};
}

// So that the ledger shows when a budget was at its end. Clients that try again and again do not fill it.
void MeteredBackend::book_refusal(const Charge& charge, Micros now) const {
  constexpr size_t kKeysMax = 10'000;
  {
    const std::lock_guard lock(mutex_);
    if (refused_.size() >= kKeysMax) refused_.clear();
    Micros& last = refused_[charge.key];
    if (last != 0 && std::abs(now - last) < kSecond) return;  // also if the clock was set back
    last = now;
  }
  Charge refused = charge;
  refused.outcome = "refused";
  terms_.parts.books->begin(refused);
  terms_.parts.books->settle(std::move(refused), [](const std::optional<Error>& e) {
    if (e) log_warning("ledger: a refusal is not booked yet: " + e->message);
  });
}

api::ApiResult<MeteredRequest::Terms> MeteredBackend::admit(api::Request& request) const {
  auto* prepared = dynamic_cast<Extents*>(request.prepared.get());
  if (!prepared) {
    auto extent = prepare(request);
    if (auto* fault = std::get_if<api::ApiError>(&extent)) return std::move(*fault);
    prepared = &dynamic_cast<Extents&>(*request.prepared);
  }
  MeteredRequest::Terms terms{.charge = charge_of(request), .choices = choices_of(request), .n = request.n};
  if (auto fault = without_means(terms.charge)) return std::move(*fault);
  const Charge& c = terms.charge;
  const Demand demand = demand_of(request, prepared->extent, terms.choices, c.quote);
  auto admitted = terms_.limits->admit({c.account, c.workspace, c.key, c.model}, demand);
  if (auto* fault = std::get_if<api::ApiError>(&admitted)) {
    if (fault->kind == Kind::quota) book_refusal(c, c.time);
    return std::move(*fault);
  }
  terms.reservation = std::move(std::get<0>(admitted));
  const int64_t answer = terms.reservation->answer_max;
  if (answer < demand.answer_max) request.max_tokens = answer / terms.choices;
  auto inner = std::move(prepared->inner);
  request.prepared = std::move(inner);
  return terms;
}

api::Backend::Handle MeteredBackend::submit(api::Request request, Sink sink) {
  if (!request.caller) return inner_->submit(std::move(request), std::move(sink));
  auto admitted = admit(request);
  if (auto* fault = std::get_if<api::ApiError>(&admitted)) {
    sink({.payload = std::move(*fault)});
    return {};
  }
  auto& terms = std::get<MeteredRequest::Terms>(admitted);
  terms.sink = std::move(sink);
  auto metered = std::make_shared<MeteredRequest>(terms_.parts, std::move(terms));
  const std::weak_ptr<MeteredRequest> weak = metered;
  Handle inner = inner_->submit(std::move(request), [metered = std::move(metered)](api::Event&& e) {
    metered->on_event(std::move(e));
  });
  Handle handle([weak, cancel = std::move(inner.cancel)] {
    if (const auto running = weak.lock()) running->cancel();
    if (cancel) cancel();
  });
  handle.place = std::move(inner.place);
  return handle;
}

}  // namespace autark::platform
