// Balance, deposits, credits and the ledger's postings.
#include <openssl/rand.h>
#include "platform/admin/bodies.h"
#include "platform/admin/operation.h"
#include "platform/admin/query_fields.h"
#include "platform/directory_json.h"
#include "platform/postings.h"

namespace autark::platform::admin {
namespace {

using api::ApiError;

constexpr int64_t kPostings = 100, kPostingsMost = 1000;

std::string random_id(std::string id) {
  uint8_t bytes[12];
  RAND_bytes(bytes, sizeof bytes);
  for (const uint8_t b : bytes) id += "abcdefghijklmnopqrstuvwxyz234567"[b % 32];
  return id;
}

// An id that the caller chose, as the ledger has it: ids of one account say nothing of those of others.
std::string id_in(const Visit& v, const std::string& id) {
  return v.actor.account + "/" + id;
}

Answered show_balance(Visit& v) {
  if (auto fault = refused(v, Act::see)) return std::move(*fault);
  const auto balance = v.platform.ledger->balance(v.actor.account);
  if (!balance) return fault_of(balance.error());
  const auto credits = v.platform.ledger->credits(v.actor.account);
  if (!credits) return fault_of(credits.error());
  return Answer{.body = balance_json(*balance, *credits)};
}

Answered add_deposit(Visit& v) {
  if (auto fault = refused(v, Act::change_money)) return std::move(*fault);
  auto read = read_deposit(v.body);
  if (auto* fault = std::get_if<ApiError>(&read)) return std::move(*fault);
  Deposit& deposit = std::get<Deposit>(read);
  deposit.id = deposit.id.empty() ? random_id("dep_") : id_in(v, deposit.id);
  if (auto fault = v.platform.ledger->deposit(v.actor.account, deposit.amount, deposit.id))
    return fault_of(*fault);
  return Answer{
      201, Json{{"id", deposit.id}, {"amount", money_json(deposit.amount.nanos, deposit.amount.currency)}}};
}

Answered add_credit(Visit& v) {
  if (auto fault = refused(v, Act::change_money)) return std::move(*fault);
  auto read = read_credit(v.body, v.now);
  if (auto* fault = std::get_if<ApiError>(&read)) return std::move(*fault);
  Credit& credit = std::get<Credit>(read);
  credit.account = v.actor.account;
  if (!credit.id.empty()) credit.id = id_in(v, credit.id);
  const auto granted = v.platform.ledger->grant(std::move(credit));
  if (!granted) return fault_of(granted.error());
  return Answer{201, credit_json(*granted)};
}

Json posting_json(const Posting& p) {
  const bool tokens = p.unit.starts_with("tokens");
  return {{"number", p.number},
          {"entry", p.entry},
          {"time", time_json(p.time)},
          {"book", p.book},
          {"unit", p.unit},
          {"amount", tokens ? Json(p.amount) : Json(amount_text(p.amount))}};
}

Answered show_ledger(Visit& v) {
  QueryFields q(v.request.query);
  const int64_t after = q.integer("after", 0, INT64_MAX).value_or(0);
  const int64_t limit = q.integer("limit", 1, kPostingsMost).value_or(kPostings);
  if (auto fault = q.fault()) return std::move(*fault);
  if (auto fault = refused(v, Act::see_ledger)) return std::move(*fault);
  const auto found = postings(v.platform.database(), v.actor.account, after, limit + 1);
  if (!found) return fault_of(found.error());
  Json data = Json::array();
  for (const Posting& p : *found)
    if (std::ssize(data) < limit) data.push_back(posting_json(p));
  return Answer{.body = Json{{"data", std::move(data)}, {"has_more", std::ssize(*found) > limit}}};
}

}  // namespace

std::vector<Operation> money_operations() {
  return {
      {"GET", "/balance", "What the account has, and its credits", kAll, show_balance, "Balance"},
      {"POST", "/deposits", "Books money that came in; an id books once", kSystem, add_deposit, "Deposit",
       201, "NewDeposit", Takes::json},
      {"POST", "/credits", "Gives a free quota or a prepaid pack", kSystem, add_credit, "Credit", 201,
       "NewCredit", Takes::json},
      {.method = "GET",
       .path = "/ledger",
       .summary = "The ledger's postings of the account, oldest first",
       .roles = kAdmins,
       .handler = show_ledger,
       .answer = "PostingList",
       .parameters = {{"after", "count", "the number of the last one that is known"}, {"limit", "count"}}}};
}

}  // namespace autark::platform::admin
