#include "platform/directory_json.h"
#include "api/rfc3339.h"
#include "platform/money.h"

namespace autark::platform {
namespace {

Json text_or_null(const std::string& text) {
  return text.empty() ? Json(nullptr) : Json(text);
}

// The moment, or null for 0.
Json time_or_null(Micros time) {
  return time_json(time == 0 ? std::nullopt : std::optional(time));
}

// Nanos of a budget as a sum, other amounts as numbers.
Json limit_amount(const Limit& limit, int64_t amount, const std::string& currency) {
  return limit.kind == LimitKind::budget ? money_json(amount, currency) : Json(amount);
}

// The parts of a price file that people look for; null where its text cannot be read.
Json price_facts(const PriceRecord& price) {
  const auto file = PriceFile::parse(price.body);
  if (!file) return {{"currency", nullptr}, {"time_zone", nullptr}};
  return {{"currency", file->currency}, {"time_zone", file->time_zone}};
}

}  // namespace

Json time_json(std::optional<Micros> time) {
  if (!time) return nullptr;
  const int64_t seconds = *time / kSecond - (*time % kSecond < 0 ? 1 : 0);
  return api::rfc3339(seconds);
}

Json money_json(int64_t nanos, const std::string& currency) {
  return {{"currency", currency}, {"amount", amount_text(nanos)}};
}

Json workspace_json(const Workspace& w) {
  return {{"id", w.id},
          {"name", w.name},
          {"created", time_json(w.created)},
          {"disabled", time_json(w.disabled)},
          {"key_count", w.key_count},
          {"member_count", w.member_count}};
}

Json member_json(const Member& m) {
  Json roles = Json::array();
  for (const Role role : m.roles) roles.push_back(name_of(role));
  return {{"id", m.id},
          {"name", m.name},
          {"roles", std::move(roles)},
          {"workspaces", m.workspaces},
          {"created", time_json(m.created)},
          {"disabled", time_json(m.disabled)},
          {"totp_set", m.totp_set}};
}

Json session_json(const Session& s, bool current) {
  return {{"id", s.id},
          {"member", s.member},
          {"member_name", s.member_name},
          {"created", time_json(s.created)},
          {"used", time_json(s.used)},
          {"expires", time_json(s.expires)},
          {"address", s.address},
          {"current", current}};
}

Json limit_json(const Limit& limit, const std::string& currency, Micros now, const LimitUse& use) {
  const bool raised = limit.until > now;
  const bool budget = limit.kind == LimitKind::budget;
  return {{"level", limit.level},
          {"subject", limit.subject},
          {"model", text_or_null(limit.model)},
          {"kind", name_of(limit.kind)},
          {"amount", limit_amount(limit, limit.amount, currency)},
          {"period", budget ? Json(limit.period) : Json(nullptr)},
          {"raised", raised ? limit_amount(limit, limit.raised, currency) : Json(nullptr)},
          {"until", raised ? time_json(limit.until) : Json(nullptr)},
          {"used", use.used ? limit_amount(limit, *use.used, currency) : Json(nullptr)},
          {"reset", time_json(use.reset)}};
}

Json limits_json(std::span<const Limit> limits, const std::string& currency, Micros now) {
  Json all = Json::array();
  for (const Limit& limit : limits) all.push_back(limit_json(limit, currency, now));
  return all;
}

Json key_json(const Key& k, Json limits) {
  return {{"id", k.id},
          {"name", k.name},
          {"prefix", k.prefix},
          {"workspace", k.workspace},
          {"workspace_name", k.workspace_name},
          {"member", text_or_null(k.member)},
          {"role", name_of(k.role)},
          {"models", k.models},
          {"routes", k.routes},
          {"ips", k.ips},
          {"created", time_json(k.created)},
          {"expires", time_json(k.expires)},
          {"disabled", time_json(k.disabled)},
          {"used", time_json(k.used)},
          {"limits", std::move(limits)},
          {"rotating_until", time_json(k.rotating_until)}};
}

Json credit_json(const Credit& c) {
  const auto amount = [&](int64_t n) { return c.unit == "tokens" ? Json(n) : money_json(n, c.unit); };
  return {{"id", c.id},
          {"kind", c.kind},
          {"unit", c.unit},
          {"model", text_or_null(c.model)},
          {"amount", amount(c.amount)},
          {"used", amount(c.used)},
          {"created", time_json(c.created)},
          {"expires", time_or_null(c.expires)}};
}

Json balance_json(const Balance& b, std::span<const Credit> credits) {
  Json all = Json::array();
  for (const Credit& c : credits) all.push_back(credit_json(c));
  return {{"currency", b.currency},
          {"total", money_json(b.total(), b.currency)},
          {"topped_up", money_json(b.topped_up, b.currency)},
          {"granted", money_json(b.granted, b.currency)},
          {"spent", money_json(b.spent, b.currency)},
          {"credits", std::move(all)}};
}

Json price_json(const PriceRecord& price, bool current) {
  Json j{{"version", price.version}, {"valid_from", time_json(price.valid_from)}};
  j.update(price_facts(price));
  j["current"] = current;
  j["added"] = time_json(price.added);
  j["body"] = price.body;
  return j;
}

Json prices_json(std::span<const PriceRecord> prices, Micros now) {
  const PriceRecord* current = nullptr;
  for (const PriceRecord& p : prices)
    if (p.valid_from <= now && (!current || p.valid_from >= current->valid_from)) current = &p;
  Json all = Json::array();
  for (const PriceRecord& p : prices) all.push_back(price_json(p, &p == current));
  return all;
}

}  // namespace autark::platform
