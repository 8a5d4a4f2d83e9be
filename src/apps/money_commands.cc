#include "apps/money_commands.h"
#include <fmt/format.h>
#include <charconv>
#include <random>
#include "apps/platform_access.h"
#include "apps/platform_tables.h"
#include "platform/directory_json.h"
#include "platform/money.h"

namespace autark::apps {
namespace {

struct Deposit : PlatformArguments {
  std::string amount, id;
};

struct Grant : PlatformArguments {
  std::string kind = "free", amount, model, expires;
};

// An id that no other deposit has.
std::string new_id() {
  std::random_device random;
  return fmt::format("dep_{:08x}{:08x}", random(), random());
}

Result<Shown> deposit(const Deposit& a, const Operator& on) {
  AUTARK_TRY(const platform::Money money, platform::money_from(a.amount));
  const std::string id = a.id.empty() ? new_id() : a.id;
  const auto ledger = on.ledger();
  if (auto e = ledger->deposit(on.account.id, money, id)) return *e;
  AUTARK_TRY(const platform::Balance balance, ledger->balance(on.account.id));
  if (!a.json)
    return Shown(
        fmt::format("booked {} as {}\n{}", platform::to_text(money), id, fact_lines(facts_of(balance))));
  return Shown(Json{{"id", id},
                    {"account", on.account.id},
                    {"amount", platform::money_json(money.nanos, money.currency)},
                    {"balance", platform::money_json(balance.total(), balance.currency)}});
}

// "5CNY" is money, "1000000" are tokens.
std::optional<Error> set_amount(const std::string& text, platform::Credit& credit) {
  const auto read = std::from_chars(text.data(), text.data() + text.size(), credit.amount);
  if (read.ec == std::errc() && read.ptr == text.data() + text.size()) {
    credit.unit = "tokens";
    return {};
  }
  const auto money = platform::money_from(text);
  if (!money)
    return Error{money.error().code, money.error().message + ", or a whole number of tokens: 1000000"};
  credit.amount = money->nanos;
  credit.unit = money->currency;
  return {};
}

Result<Shown> grant(const Grant& a, const Operator& on) {
  platform::Credit credit{.account = on.account.id, .kind = a.kind, .model = a.model};
  if (auto e = set_amount(a.amount, credit)) return *e;
  if (!a.expires.empty()) {
    AUTARK_TRY(credit.expires, platform::parse_moment(a.expires, platform::system_now()));
  }
  AUTARK_TRY(credit, on.ledger()->grant(credit));
  if (a.json) return Shown(platform::credit_json(credit));
  return Shown(table_of(std::vector{credit}));
}

}  // namespace

void add_money_commands(const Command& parent) {
  const auto d = std::make_shared<Deposit>();
  const Command paid = parent.command("deposit", "Book money that an account has paid");
  add_platform_options(paid, *d);
  paid.option("--amount", d->amount, "The sum: 100CNY; below 0, it was paid back",
              {.required = true, .kind = "SUM"});
  paid.option("--id", d->id, "Your number of the payment; the same one is booked once (a new one)",
              {.kind = "ID"});
  runs_on_platform(paid, d, deposit);

  const auto g = std::make_shared<Grant>();
  const Command given = parent.command("grant", "Give a free quota or book a prepaid pack");
  add_platform_options(given, *g);
  given.option("--kind", g->kind, "free: given; pack: paid in advance",
               {.rule = one_of({"free", "pack"}), .shows_default = true});
  given.option("--amount", g->amount, "A sum (5CNY) or a number of tokens (1000000)",
               {.required = true, .kind = "AMOUNT"});
  given.option("--model", g->model, "Pays for this model only (all)", {.kind = "MODEL"});
  given.option("--expires", g->expires, "When what is left of it ends: 30d or 2027-01-31 (never)",
               {.kind = "TIME"});
  runs_on_platform(given, g, grant);
}

}  // namespace autark::apps
