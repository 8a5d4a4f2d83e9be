#include "platform/ledger.h"
#include "base/sealed_bytes.h"
#include "base/text_codings.h"
#include "platform/ledger_writer.h"
#include "platform/spent.h"

namespace autark::platform {
namespace {

using storage::Row;
using storage::Transaction;

constexpr int64_t kSumMax = 1'000'000'000'000'000'000;  // of a deposit or a credit: a billion, or 10¹⁸ tokens

std::optional<Error> fault_of(const Result<int64_t>& changed) {
  return changed ? std::nullopt : std::optional(changed.error());
}

// The sum of a book, 0 if it has no postings.
Result<int64_t> sum_of(Transaction& t, const std::string& book, const std::string& unit) {
  AUTARK_TRY(const auto rows, t.rows("SELECT amount FROM book WHERE name = $1 AND unit = $2", {book, unit}));
  return rows.empty() ? 0 : rows.front().number(0);
}

Result<std::string> currency_of(Transaction& t, const std::string& account) {
  AUTARK_TRY(const auto rows, t.rows("SELECT currency FROM account WHERE id = $1", {account}));
  if (rows.empty()) return Error{Code::not_found, "there is no account " + account};
  return rows.front().text(0);
}

std::optional<Error> check_currency(Transaction& t, const std::string& account, const std::string& currency) {
  const auto own = currency_of(t, account);
  if (!own) return own.error();
  if (*own == currency) return std::nullopt;
  return Error{Code::invalid, "the account keeps its money in " + *own + ", not in " + currency};
}

// Whether the entry is there, with this sum in this book; an Error if with another one.
Result<bool> is_posted(Transaction& t, const std::string& entry, const std::string& book, int64_t amount) {
  AUTARK_TRY(const auto rows, t.rows("SELECT book, amount FROM posting WHERE entry = $1", {entry}));
  if (rows.empty()) return false;
  for (const Row& row : rows)
    if (row.text(0) == book && row.number(1) == amount) return true;
  return Error{Code::invalid, "the id is in use already, with another sum or account: choose another id"};
}

constexpr const char* kCreditColumns = "id, account, kind, unit, model, amount, used, created, expires";

Credit credit_of(const Row& row) {
  return {.id = row.text(0),
          .account = row.text(1),
          .kind = row.text(2),
          .unit = row.text(3),
          .model = row.text(4),
          .amount = row.number(5),
          .used = row.number(6),
          .created = row.number(7),
          .expires = row.number(8)};
}

std::optional<Error> check(const Credit& c, Micros now) {
  const auto wrong = [](const char* sentence) { return Error{Code::invalid, sentence}; };
  if (c.kind != "free" && c.kind != "pack") return wrong("the kind of a credit is free or pack");
  if (c.unit != "tokens" && !is_currency(c.unit))
    return wrong("the unit of a credit is a currency or tokens");
  if (c.amount <= 0 || c.amount > kSumMax) return wrong("the amount of a credit is from 1 to 10^18");
  if (c.expires != 0 && c.expires <= now) return wrong("the credit would have expired already");
  if (c.id.size() > 64 || c.model.size() > 256) return wrong("the id or the model of the credit is too long");
  return std::nullopt;
}

std::optional<Error> write_credit(Transaction& t, const Credit& c, Micros now) {
  const auto changed = t.change(
      "INSERT INTO credit (id, account, kind, unit, model, amount, created, expires) "
      "VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
      {c.id, c.account, c.kind, c.unit, c.model, c.amount, c.created, c.expires});
  if (!changed) return changed.error();
  const std::string entry = "credit " + c.id, source = c.kind == "pack" ? "cash" : "granted";
  const std::string unit = c.unit == "tokens" && !c.model.empty() ? "tokens " + c.model : c.unit;
  const Posting postings[] = {{entry, source, unit, -c.amount}, {entry, "credit:" + c.id, unit, c.amount}};
  return post(t, postings, now);
}

}  // namespace

Ledger::Ledger(std::shared_ptr<storage::Database> database, Options options)
    : database_(std::move(database)), options_(std::move(options)) {
  if (!options_.server.empty()) writer_ = std::make_unique<LedgerWriter>(database_, options_);
}

Ledger::~Ledger() = default;

void Ledger::begin(const Charge& charge) {
  writer_->begin(charge);
}
void Ledger::note(const std::string& id, const Tokens& tokens) {
  writer_->note(id, tokens);
}
void Ledger::settle(Charge charge, Done done) {
  writer_->settle(std::move(charge), std::move(done));
}
size_t Ledger::waiting() const {
  return writer_ ? writer_->waiting() : 0;
}
bool Ledger::is_behind() const {
  return writer_ && writer_->is_behind();
}
Result<int64_t> Ledger::recover() {
  const Micros now = options_.clock();
  AUTARK_TRY(auto beats, beats_of_servers(*database_));
  std::erase_if(beats, [&](const Beat& b) { return b.server == options_.server || b.until >= now; });
  return recover_ended(*database_, options_.server, beats, now);
}

std::optional<Error> Ledger::deposit(const std::string& account, const Money& money, const std::string& id) {
  if (money.nanos == 0 || money.nanos > kSumMax || money.nanos < -kSumMax || id.empty() || id.size() > 128)
    return Error{Code::invalid,
                 "a deposit needs a sum of less than a billion that is not 0, and an id of 1 to 128 bytes"};
  const std::string entry = "deposit " + id, balance = "balance:" + account;
  return database_->write([&](Transaction& t) -> std::optional<Error> {
    if (auto fault = check_currency(t, account, money.currency)) return fault;
    const auto posted = is_posted(t, entry, balance, money.nanos);
    if (!posted) return posted.error();
    if (*posted) return std::nullopt;
    const Posting postings[] = {{entry, "cash", money.currency, -money.nanos},
                                {entry, balance, money.currency, money.nanos}};
    return post(t, postings, options_.clock());
  });
}

Result<Credit> Ledger::grant(Credit credit) {
  credit.used = 0;
  credit.created = options_.clock();
  if (auto fault = check(credit, credit.created)) return *fault;
  if (credit.id.empty()) credit.id = "credit_" + hex(random_bytes(12));
  Credit granted = credit;
  const auto fault = database_->write([&](Transaction& t) -> std::optional<Error> {
    const std::string currency = credit.unit;
    if (currency != "tokens")
      if (auto wrong = check_currency(t, credit.account, currency)) return wrong;
    const auto rows =
        t.rows(std::string("SELECT ") + kCreditColumns + " FROM credit WHERE id = $1", {credit.id});
    if (!rows) return rows.error();
    if (rows->empty()) return write_credit(t, credit, credit.created);
    granted = credit_of(rows->front());
    const bool same = granted.account == credit.account && granted.kind == credit.kind &&
                      granted.unit == credit.unit && granted.model == credit.model &&
                      granted.amount == credit.amount;
    return same ? std::nullopt
                : std::optional(Error{Code::invalid, "the id of the credit is in use already"});
  });
  if (fault) return *fault;
  return granted;
}

Result<Balance> Ledger::balance(const std::string& account) {
  Balance b;
  const auto sum = [&](Transaction& t, int64_t& into, const std::string& book) -> std::optional<Error> {
    const auto found = sum_of(t, book + account, b.currency);
    if (found) into = *found;
    return fault_of(found);
  };
  const auto fault = database_->read([&](Transaction& t) -> std::optional<Error> {
    const auto currency = currency_of(t, account);
    if (!currency) return currency.error();
    b.currency = *currency;
    if (auto wrong = sum(t, b.topped_up, "balance:")) return wrong;
    if (auto wrong = sum(t, b.spent, "revenue:")) return wrong;
    const auto left = t.rows(
        "SELECT CAST(COALESCE(SUM(amount - used), 0) AS BIGINT) FROM credit "
        "WHERE account = $1 AND unit = $2 AND (expires = 0 OR expires > $3)",
        {account, b.currency, options_.clock()});
    if (!left) return left.error();
    b.granted = left->front().number(0);
    return std::nullopt;
  });
  if (fault) return *fault;
  return b;
}

Result<std::vector<Credit>> Ledger::credits(const std::string& account) {
  std::vector<Credit> credits;
  const auto fault = database_->read([&](Transaction& t) -> std::optional<Error> {
    const auto rows = t.rows(
        std::string("SELECT ") + kCreditColumns + " FROM credit WHERE account = $1 ORDER BY created DESC, id",
        {account});
    if (!rows) return rows.error();
    for (const Row& row : *rows) credits.push_back(credit_of(row));
    return std::nullopt;
  });
  if (fault) return *fault;
  return credits;
}

Result<int64_t> Ledger::spent(const std::string& level, const std::string& subject, const std::string& model,
                              Micros since) {
  return spent_since(*database_, level, subject, model, since);
}

}  // namespace autark::platform
