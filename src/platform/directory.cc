#include "platform/directory.h"
#include <algorithm>
#include "platform/directory_rows.h"
#include "platform/secrets.h"

namespace autark::platform {
namespace {

constexpr const char* kAccounts = "SELECT id, name, currency, created, disabled FROM account";

Account account_of(const storage::Row& row) {
  return {.id = row.text(0),
          .name = row.text(1),
          .currency = row.text(2),
          .created = row.number(3),
          .disabled = moment(row.number(4))};
}

// Members that hold two administrative roles, by name.
std::string double_holders(Query& query) {
  std::string names;
  for (const auto& row : query.rows("SELECT name, roles FROM member WHERE disabled = 0 ORDER BY name"))
    if (std::ranges::count_if(roles_of(row.text(1)), is_administrative) > 1)
      names += (names.empty() ? "" : ", ") + row.text(0);
  return names;
}

std::vector<Account> all_accounts(Query& query) {
  return query.all(account_of, std::string(kAccounts) + " ORDER BY name");
}

Account only_account(Query& query) {
  std::vector<Account> all = all_accounts(query);
  if (all.size() == 1) return all[0];
  for (const Account& a : all)
    if (a.name == "default") return a;
  return query.refuse(no_such("account"));
}

}  // namespace

std::optional<Account> find_account(Query& query, const std::string& account) {
  return query.first(account_of, std::string(kAccounts) + " WHERE id = $1 OR name = $1", {account});
}

std::optional<api::ApiError> currency_fault(const std::string& currency) {
  const bool capital = std::ranges::all_of(currency, [](char c) { return c >= 'A' && c <= 'Z'; });
  if (capital && currency.size() == 3) return {};
  return invalid("currency", "a currency is three capital letters, such as CNY or EUR");
}

std::string insert_account(Query& query, const std::string& name, const std::string& currency, Micros now) {
  const std::string id = new_id("acc");
  query.change("INSERT INTO account (id, name, currency, created) VALUES ($1, $2, $3, $4)",
               {id, name, currency, now});
  return id;
}

Directory::Directory(std::shared_ptr<storage::Database> database, Clock clock)
    : database_(std::move(database)), clock_(std::move(clock)) {}

Actor Directory::actor_of(const api::Caller& caller) {
  Actor who;
  who.account = caller.account;
  who.roles = {caller.role};
  who.member = caller.member;
  who.key = caller.key;
  who.workspaces = {caller.workspace};
  return who;
}

api::ApiResult<Account> Directory::create_account(const std::string& name, const std::string& currency) {
  return transact(*database_, Kind::changes, [&](Query& query) -> Account {
    check_name(query, name);
    if (auto fault = currency_fault(currency)) return query.refuse(*fault);
    if (find_account(query, name)) return query.refuse(name_taken("account", name));
    check_price_currency(query, currency);
    return find_account(query, insert_account(query, name, currency, clock_())).value_or(Account{});
  });
}

api::ApiResult<std::vector<Account>> Directory::accounts() {
  return transact(*database_, Kind::reads, all_accounts);
}

api::ApiResult<Account> Directory::account(const std::string& account) {
  return transact(*database_, Kind::reads, [&](Query& query) -> Account {
    if (account.empty()) return only_account(query);
    const auto found = find_account(query, account);
    if (!found) return query.refuse(no_such("account"));
    return *found;
  });
}

std::optional<api::ApiError> Directory::enable_account(const std::string& account, bool enabled) {
  return fault_of(transact(*database_, Kind::changes, [&](Query& query) -> Done {
    const int64_t changed = query.change("UPDATE account SET disabled = $2 WHERE id = $1 OR name = $1",
                                         {account, enabled ? 0 : clock_()});
    const auto found = find_account(query, account);
    if (changed == 0 || !found) return query.refuse(no_such("account"));
    if (enabled) check_price_currency(query, found->currency);
    return {};
  }));
}

api::ApiResult<bool> Directory::separation() {
  return transact(*database_, Kind::reads, is_separated);
}

std::optional<api::ApiError> Directory::set_separation(const Actor& who, bool separated) {
  return fault_of(transact(*database_, Kind::changes, [&](Query& query) -> Done {
    if (is_refused(query, who, Act::change_settings)) return {};
    const std::string names = separated ? double_holders(query) : "";
    if (!names.empty())
      return query.refuse(
          invalid("separation",
                  "these members hold two administrative roles: " + names + "; change their roles first",
                  "separation"));
    query.change(
        "INSERT INTO setting (name, value) VALUES ('separation', $1) ON CONFLICT (name) DO UPDATE SET value "
        "= "
        "excluded.value",
        {std::string(separated ? "on" : "off")});
    return {};
  }));
}

Result<int64_t> Directory::version() {
  int64_t version = 0;
  const auto failed = database_->read([&](storage::Transaction& transaction) -> std::optional<Error> {
    auto rows = transaction.rows("SELECT value FROM setting WHERE name = 'version'");
    if (!rows) return rows.error();
    version = rows->empty() ? 0 : std::atoll(rows->at(0).text(0).c_str());
    return {};
  });
  if (failed) return *failed;
  return version;
}

}  // namespace autark::platform
