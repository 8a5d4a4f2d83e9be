#include "platform/booking.h"
#include <map>
#include <set>
#include "base/log.h"
#include "platform/charge_json.h"
#include "platform/payment.h"
#include "platform/sql_rows.h"

namespace autark::platform {
namespace {

using storage::Row;
using storage::Transaction;
using storage::Value;

constexpr size_t kUsageColumns = 19;
constexpr const char* kUsageInsert =
    "INSERT INTO usage (id, time, account, workspace, api_key, model, end_user, route, service, peak, "
    "outcome, "
    "input, cached, cache_write, output, reasoning, cost, price, micros) VALUES ";

void append(std::vector<Value>& values, std::initializer_list<Value> more) {
  values.insert(values.end(), more);
}

// Inserts the charges whose ids are new; adds these ids to `added`.
std::optional<Error> insert_usage(Transaction& t, std::span<const Charge> charges,
                                  std::set<std::string>& added) {
  return in_pieces(charges.size(), [&](size_t first, size_t count) -> std::optional<Error> {
    std::vector<Value> values;
    for (const Charge& c : charges.subspan(first, count))
      append(values,
             {c.id, c.time, c.account, c.workspace, c.key, c.model, c.user, c.route, c.service,
              int64_t{c.quote.peak}, c.outcome, c.tokens.input, c.tokens.cached, c.tokens.cache_write,
              c.tokens.output, c.tokens.reasoning, c.quote.cost(c.tokens), c.quote.version, c.duration});
    const auto rows =
        t.rows(kUsageInsert + rows_text(count, kUsageColumns) + " ON CONFLICT (id) DO NOTHING RETURNING id",
               std::span<const Value>(values));
    if (!rows) return rows.error();
    for (const Row& row : *rows) added.insert(row.text(0));
    return std::nullopt;
  });
}

// What became of a charge whose id was there before.
Result<Fate> fate_of(Transaction& t, const Charge& charge) {
  AUTARK_TRY(const auto rows,
             t.rows("SELECT outcome, input, cached, cache_write, output, reasoning FROM usage WHERE id = $1",
                    {charge.id}));
  if (rows.empty()) return Error{Code::internal, "the charge " + charge.id + " is neither new nor booked"};
  const Row& row = rows.front();
  const Tokens booked{row.number(1), row.number(2), row.number(3), row.number(4), row.number(5)};
  return row.text(0) == "lost" && booked != charge.tokens ? Fate::lost : Fate::already;
}

// The credits of an account. Their rows are locked until the transaction ends: the change changes nothing, but other
// servers wait here.
Result<std::vector<CreditRest>> lock_credits(Transaction& t, const std::string& account) {
  AUTARK_TRY(const auto rows, t.rows("UPDATE credit SET used = used WHERE account = $1 AND used < amount "
                                     "RETURNING id, unit, model, amount - used, created, expires",
                                     {account}));
  std::vector<CreditRest> credits;
  for (const Row& row : rows)
    credits.push_back({.id = row.text(0),
                       .unit = row.text(1),
                       .model = row.text(2),
                       .left = row.number(3),
                       .created = row.number(4),
                       .expires = row.number(5)});
  sort_credits(credits);
  return credits;
}

// The entries of new charges.
class Payments {
 public:
  explicit Payments(Transaction& transaction) : transaction_(transaction) {}

  std::optional<Error> add(const Charge& charge) {
    const int64_t cost = charge.quote.cost(charge.tokens);
    if (cost == 0) return std::nullopt;
    const auto [account, is_new] = credits_.try_emplace(charge.account);
    if (is_new) {
      auto locked = lock_credits(transaction_, charge.account);
      if (!locked) return locked.error();
      account->second = *std::move(locked);
    }
    std::vector<CreditRest>& credits = account->second;
    const Payment payment = pay(charge.quote, charge.tokens, charge.model, charge.time, credits);
    put(charge, "revenue:" + charge.account, charge.quote.currency, cost);
    put(charge, "balance:" + charge.account, charge.quote.currency, -payment.balance);
    put(charge, "packs", charge.quote.currency, -payment.packs);
    for (const Payment::Part& part : payment.parts) use(charge, credits[part.credit], part.amount);
    return std::nullopt;
  }

  std::optional<Error> write(Micros now) {
    for (const auto& [id, amount] : used_) {
      const auto changed =
          transaction_.change("UPDATE credit SET used = used + $2 WHERE id = $1", {id, amount});
      if (!changed) return changed.error();
    }
    return post(transaction_, postings_, now);
  }

 private:
  void use(const Charge& charge, const CreditRest& credit, int64_t amount) {
    used_[credit.id] += amount;
    if (!credit.is_in_tokens()) return put(charge, "credit:" + credit.id, credit.unit, -amount);
    const std::string unit = credit.model.empty() ? "tokens" : "tokens " + credit.model;
    put(charge, "credit:" + credit.id, unit, -amount);
    for (Posting& p : postings_)  // one request may use several credits of one unit
      if (p.entry == charge.id && p.book == "used" && p.unit == unit) return void(p.amount += amount);
    put(charge, "used", unit, amount);
  }
  void put(const Charge& charge, std::string book, std::string unit, int64_t amount) {
    if (amount) postings_.push_back({charge.id, std::move(book), std::move(unit), amount});
  }

  Transaction& transaction_;
  std::map<std::string, std::vector<CreditRest>> credits_;  // by account
  std::map<std::string, int64_t> used_;                     // by credit
  std::vector<Posting> postings_;
};

using Hour = std::vector<Value>;  // the key of a row of usage_hour
using HourSums = std::map<Hour, std::array<int64_t, 7>>;

void add_to_hours(HourSums& hours, const Charge& c) {
  constexpr Micros kHour = 60 * kMinute;
  const Micros hour = c.time - (c.time % kHour + kHour) % kHour;
  auto& sums = hours[{c.account, hour, c.workspace, c.key, c.model, c.service, c.outcome}];
  const Tokens& k = c.tokens;
  const std::array<int64_t, 7> one = {1,        k.input,     k.cached,       k.cache_write,
                                      k.output, k.reasoning, c.quote.cost(k)};
  for (size_t i = 0; i < one.size(); ++i) sums[i] = saturating_sum(sums[i], one[i]);
}

std::optional<Error> write_hours(Transaction& t, const HourSums& hours) {
  std::vector<std::pair<Hour, std::array<int64_t, 7>>> list(hours.begin(), hours.end());
  return in_pieces(list.size(), [&](size_t first, size_t count) -> std::optional<Error> {
    std::vector<Value> values;
    for (const auto& [hour, sums] : std::span(list).subspan(first, count)) {
      values.insert(values.end(), hour.begin(), hour.end());
      values.insert(values.end(), sums.begin(), sums.end());
    }
    const auto changed = t.change(
        "INSERT INTO usage_hour (account, hour, workspace, api_key, model, service, outcome, requests, "
        "input, cached, "
        "cache_write, output, reasoning, cost) VALUES " +
            rows_text(count, 14) +
            " ON CONFLICT (account, hour, workspace, api_key, model, service, outcome) DO UPDATE SET "
            "requests = usage_hour.requests + excluded.requests, input = usage_hour.input + excluded.input, "
            "cached = usage_hour.cached + excluded.cached, cache_write = usage_hour.cache_write + "
            "excluded.cache_write, "
            "output = usage_hour.output + excluded.output, reasoning = usage_hour.reasoning + "
            "excluded.reasoning, "
            "cost = usage_hour.cost + excluded.cost",
        std::span<const Value>(values));
    return changed ? std::nullopt : std::optional(changed.error());
  });
}

std::optional<Error> insert_postings(Transaction& t, std::span<const Posting> postings, Micros now) {
  return in_pieces(postings.size(), [&](size_t first, size_t count) -> std::optional<Error> {
    std::vector<Value> values;
    for (const Posting& p : postings.subspan(first, count))
      append(values, {p.entry, now, p.book, p.unit, p.amount});
    const auto changed =
        t.change("INSERT INTO posting (entry, time, book, unit, amount) VALUES " + rows_text(count, 5),
                 std::span<const Value>(values));
    return changed ? std::nullopt : std::optional(changed.error());
  });
}

std::optional<Error> remove_reservations(Transaction& t, std::span<const Charge> charges) {
  return in_pieces(charges.size(), [&](size_t first, size_t count) -> std::optional<Error> {
    std::vector<Value> values;
    for (const Charge& c : charges.subspan(first, count)) values.emplace_back(c.id);
    const auto changed = t.change("DELETE FROM reservation WHERE id IN (" + list_text(1, count) + ")",
                                  std::span<const Value>(values));
    return changed ? std::nullopt : std::optional(changed.error());
  });
}

}  // namespace

std::optional<Error> post(Transaction& t, std::span<const Posting> postings, Micros now) {
  if (auto fault = insert_postings(t, postings, now)) return fault;
  std::map<std::pair<std::string, std::string>, int64_t>
      sums;  // sorted: servers take the rows' locks in one order
  for (const Posting& p : postings) {
    int64_t& sum = sums[{p.book, p.unit}];
    sum = saturating_sum(sum, p.amount);
  }
  std::vector<std::pair<std::pair<std::string, std::string>, int64_t>> list(sums.begin(), sums.end());
  return in_pieces(list.size(), [&](size_t first, size_t count) -> std::optional<Error> {
    std::vector<Value> values;
    for (const auto& [book, amount] : std::span(list).subspan(first, count))
      append(values, {book.first, book.second, amount});
    // SQLite makes a float of a sum that does not fit; then the row is not changed.
    const auto changed =
        t.change("INSERT INTO book (name, unit, amount) VALUES " + rows_text(count, 3) +
                     " ON CONFLICT (name, unit) DO UPDATE SET amount = book.amount + excluded.amount WHERE "
                     "book.amount + excluded.amount BETWEEN -9000000000000000000 AND 9000000000000000000",
                 std::span<const Value>(values));
    if (!changed) return changed.error();
    if (*changed == int64_t(count)) return std::nullopt;
    return Error{Code::exhausted, "the sum of a book does not fit in 64 bits any more"};
  });
}

Result<std::vector<Fate>> book(Transaction& t, std::span<const Charge> charges, Micros now) {
  std::set<std::string> added;
  if (auto fault = insert_usage(t, charges, added)) return *fault;
  std::vector<Fate> fates;
  Payments payments(t);
  HourSums hours;
  for (const Charge& charge : charges) {
    if (added.erase(charge.id)) {
      fates.push_back(Fate::booked);
      if (auto fault = payments.add(charge)) return *fault;
      add_to_hours(hours, charge);
    } else {
      AUTARK_TRY(const Fate fate, fate_of(t, charge));
      fates.push_back(fate);
    }
  }
  if (auto fault = payments.write(now)) return *fault;
  if (auto fault = write_hours(t, hours)) return *fault;
  if (auto fault = remove_reservations(t, charges)) return *fault;
  return fates;
}

std::optional<Error> reserve(Transaction& t, std::span<const Charge> charges, const std::string& server) {
  return in_pieces(charges.size(), [&](size_t first, size_t count) -> std::optional<Error> {
    std::vector<Value> values;
    for (const Charge& c : charges.subspan(first, count))
      append(values, {c.id, server, c.time, charge_text(c)});
    const auto changed = t.change("INSERT INTO reservation (id, server, time, charge) VALUES " +
                                      rows_text(count, 4) + " ON CONFLICT (id) DO NOTHING",
                                  std::span<const Value>(values));
    return changed ? std::nullopt : std::optional(changed.error());
  });
}

std::optional<Error> note_progress(Transaction& t, std::span<const Charge> charges) {
  for (const Charge& c : charges) {
    const auto changed = t.change("UPDATE reservation SET charge = $2 WHERE id = $1", {c.id, charge_text(c)});
    if (!changed) return changed.error();
  }
  return std::nullopt;
}

namespace {

// Books some of what ended servers left; the number of reservations that were removed.
Result<int64_t> recover_some(Transaction& t, const std::string& server, Micros now) {
  AUTARK_TRY(const auto rows,
             t.rows("DELETE FROM reservation WHERE id IN (SELECT r.id FROM reservation r LEFT JOIN server s "
                    "ON s.id = r.server WHERE r.server <> $1 AND s.id IS NULL ORDER BY r.id LIMIT 256) "
                    "RETURNING charge",
                    {server}));
  std::vector<Charge> charges;
  for (const Row& row : rows) {
    auto charge = charge_from(row.text(0));
    if (!charge) {
      log_error(charge.error().message + ": it is removed and not booked");
      continue;
    }
    charge->outcome = "lost";
    charges.push_back(cleaned(*std::move(charge)));
  }
  AUTARK_TRY(const auto fates, book(t, charges, now));
  return int64_t(rows.size());
}

std::optional<Error> remove_servers(Transaction& t, std::span<const Beat> ended) {
  for (const Beat& b : ended) {
    const auto gone = t.change("DELETE FROM server WHERE id = $1 AND alive_until = $2", {b.server, b.until});
    if (!gone) return gone.error();
  }
  return std::nullopt;
}

}  // namespace

Result<std::vector<Beat>> beats_of_servers(storage::Database& database) {
  std::vector<Beat> beats;
  const auto fault = database.read([&](Transaction& t) -> std::optional<Error> {
    const auto rows = t.rows("SELECT id, alive_until FROM server");
    if (!rows) return rows.error();
    beats.clear();
    for (const Row& row : *rows) beats.push_back({row.text(0), row.number(1)});
    return std::nullopt;
  });
  if (fault) return *fault;
  return beats;
}

Result<int64_t> recover_ended(storage::Database& database, const std::string& server,
                              std::span<const Beat> ended, Micros now) {
  int64_t all = 0, some = 0;
  if (!ended.empty())
    if (const auto fault = database.write([&](Transaction& t) { return remove_servers(t, ended); }))
      return *fault;
  do {
    const auto fault = database.write([&](Transaction& t) -> std::optional<Error> {
      const auto removed = recover_some(t, server, now);
      if (!removed) return removed.error();
      some = *removed;
      return std::nullopt;
    });
    if (fault) return *fault;
    all += some;
  } while (some > 0);
  return all;
}

}  // namespace autark::platform
