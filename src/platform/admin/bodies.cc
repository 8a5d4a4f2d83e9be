#include "platform/admin/bodies.h"
#include "platform/admin/body_fields.h"
#include "platform/limit_text.h"

namespace autark::platform::admin {
namespace {

using api::Fields;

constexpr int64_t kCountMost = 1'000'000'000'000;  // requests or tokens of a limit
constexpr std::string_view kLevels[] = {"account", "workspace", "key", "model"};
constexpr std::string_view kKinds[] = {"rpm", "tpm", "concurrency", "burst", "budget"};
constexpr std::string_view kPeriods[] = {"total", "day", "month"};
constexpr std::string_view kRoles[] = {"system", "security", "audit", "developer"};
constexpr std::string_view kCreditKinds[] = {"free", "pack"};

void add_limit(Fields& f, const char* name, LimitKind kind, std::vector<Limit>& limits) {
  if (const auto amount = f.integer(name, 0, kCountMost)) limits.push_back({.kind = kind, .amount = *amount});
}

// A sum above 0 in the account's currency, in nanos.
int64_t nanos(Fields& f, std::string_view name, const std::string& currency) {
  const auto given = sum(f, name);
  if (!given) return f.fail(name, "is missing"), 0;
  if (given->currency != currency) f.fail(name, "must be in " + currency + ", the account's currency");
  if (given->nanos < 0) f.fail(name, "must not be below 0");
  return given->nanos;
}

// The fields that a limit and its raise share.
Limit read_subject(Fields& f) {
  Limit limit;
  if (const auto level = f.one_of("level", kLevels))
    limit.level = *level;
  else
    f.fail("level", "is missing");
  limit.subject = f.text("subject").value_or("");
  if (limit.subject.empty() && limit.level != "account") f.fail("subject", "is missing");
  limit.model = f.text("model").value_or("");
  const auto kind = f.one_of("kind", kKinds);
  if (!kind) f.fail("kind", "is missing");
  if (kind) limit.kind = *limit_kind_named(*kind);
  return limit;
}

int64_t read_amount(Fields& f, LimitKind kind, const std::string& currency) {
  f.find("amount");
  if (kind == LimitKind::budget) return nanos(f, "amount", currency);
  const auto amount = f.integer("amount", 0, kCountMost);
  if (!amount) f.fail("amount", "is missing");
  return amount.value_or(0);
}

void read_budget(Fields& f, const std::string& currency, std::vector<Limit>& limits) {
  const auto text = f.text("budget");
  if (!text) return;
  auto budget = budget_from(*text, currency);
  if (!budget) return f.fail({.message = "budget: " + budget.error().message, .param = "budget"});
  limits.push_back(std::move(*budget));
}

}  // namespace

Read<SignIn> read_sign_in(const Json& body) {
  Fields f(body);
  SignIn made{needed(f, "name"), needed(f, "password"), f.text("totp").value_or("")};
  return finished(f, std::move(made));
}

Read<PasswordChange> read_password_change(const Json& body) {
  Fields f(body);
  PasswordChange made{needed(f, "old"), needed(f, "new")};
  return finished(f, std::move(made));
}

Read<std::string> read_code(const Json& body) {
  Fields f(body);
  return finished(f, needed(f, "code"));
}

Read<std::string> read_name(const Json& body) {
  Fields f(body);
  return finished(f, needed(f, "name"));
}

Read<std::string> read_password_reset(const Json& body) {
  Fields f(body);
  return finished(f, f.text("password").value_or(""));
}

Read<std::string> read_rotation(const Json& body) {
  Fields f(body);
  return finished(f, f.text("overlap").value_or(""));
}

Read<std::monostate> read_nothing(const Json& body) {
  Fields f(body);
  return finished(f, std::monostate());
}

Read<MemberDraft> read_member(const Json& body) {
  Fields f(body);
  MemberDraft made{.name = needed(f, "name"),
                   .roles = roles(f, "roles").value_or(std::vector<Role>()),
                   .workspaces = texts(f, "workspaces"),
                   .password = f.text("password").value_or("")};
  return finished(f, std::move(made));
}

Read<MemberChange> read_member_change(const Json& body) {
  Fields f(body);
  MemberChange made{.roles = roles(f, "roles"), .workspaces = {}};
  std::vector<std::string> workspaces = texts(f, "workspaces");
  if (body.is_object() && body.contains("workspaces") && !f.is_null("workspaces"))
    made.workspaces = std::move(workspaces);
  return finished(f, std::move(made));
}

Read<KeyDraft> read_key(const Json& body, Micros now, const std::string& currency) {
  Fields f(body);
  KeyDraft made{.workspace = needed(f, "workspace"),
                .name = needed(f, "name"),
                .models = texts(f, "models"),
                .routes = texts(f, "routes"),
                .ips = texts(f, "ips"),
                .expires = moment(f, "expires", now)};
  if (const auto role = f.one_of("role", kRoles)) made.role = *role_named(*role);
  made.member = f.text("member").value_or("");
  add_limit(f, "rpm", LimitKind::rpm, made.limits);
  add_limit(f, "tpm", LimitKind::tpm, made.limits);
  add_limit(f, "concurrency", LimitKind::concurrency, made.limits);
  add_limit(f, "burst", LimitKind::burst, made.limits);
  read_budget(f, currency, made.limits);
  return finished(f, std::move(made));
}

Read<LimitChange> read_limit(const Json& body, const std::string& currency) {
  Fields f(body);
  LimitChange made{.limit = read_subject(f), .remove = f.is_null("amount")};
  if (!made.remove) made.limit.amount = read_amount(f, made.limit.kind, currency);
  const auto period = f.one_of("period", kPeriods);
  if (period && made.limit.kind != LimitKind::budget) f.fail("period", "is for budgets only");
  made.limit.period = period.value_or("total");
  f.accept({"amount"});
  return finished(f, std::move(made));
}

Read<Limit> read_raise(const Json& body, Micros now, const std::string& currency) {
  Fields f(body);
  Limit made = read_subject(f);
  made.raised = read_amount(f, made.kind, currency);
  const auto until = moment(f, "until", now);
  if (!until) f.fail("until", "is missing");
  made.until = until.value_or(0);
  return finished(f, std::move(made));
}

Read<Deposit> read_deposit(const Json& body) {
  Fields f(body);
  const auto amount = sum(f, "amount");
  if (!amount) f.fail("amount", "is missing");
  if (amount && amount->nanos <= 0) f.fail("amount", "must be above 0");
  Deposit made{amount.value_or(Money()), f.text("id").value_or("")};
  return finished(f, std::move(made));
}

Read<Credit> read_credit(const Json& body, Micros now) {
  Fields f(body);
  Credit made;
  const auto kind = f.one_of("kind", kCreditKinds);
  if (!kind) f.fail("kind", "is missing");
  made.kind = kind.value_or("");
  made.unit = f.text("unit").value_or("");
  f.find("amount");
  if (made.unit == "tokens") {
    made.amount = f.integer("amount", 1, kCountMost).value_or(0);
    if (made.amount == 0) f.fail("amount", "is missing");
  } else {
    const auto amount = sum(f, "amount");
    if (!amount) f.fail("amount", "is missing");
    if (amount && !made.unit.empty() && made.unit != amount->currency)
      f.fail("unit", "must be tokens, or the currency of the amount");
    if (amount && amount->nanos <= 0) f.fail("amount", "must be above 0");
    if (amount) made.unit = amount->currency, made.amount = amount->nanos;
  }
  made.model = f.text("model").value_or("");
  made.expires = moment(f, "expires", now).value_or(0);
  made.id = f.text("id").value_or("");
  return finished(f, std::move(made));
}

}  // namespace autark::platform::admin
