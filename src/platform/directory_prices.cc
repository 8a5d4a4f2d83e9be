#include "platform/directory_rows.h"

namespace autark::platform {
namespace {

PriceRecord record_of(const storage::Row& row) {
  return {row.text(0), row.number(1), row.number(2), row.text(3)};
}

std::vector<PriceRecord> all_records(Query& query) {
  return query.all(record_of,
                   "SELECT version, valid_from, added, body FROM price_file ORDER BY valid_from, version");
}

std::optional<PriceRecord> find_record(Query& query, const std::string& version) {
  for (PriceRecord& record : all_records(query))
    if (record.version == version) return std::move(record);
  return {};
}

// Prices count for all accounts. Others than one's own are not named.
void check_currency(Query& query, const Actor& who, const PriceFile& file) {
  const auto account = find_account(query, who.account);
  if (account && account->currency != file.currency)
    query.refuse(invalid("currency", "the price file is in " + file.currency + ", and the account " +
                                         account->name + " in " + account->currency +
                                         "; write its prices and its currency in " + account->currency));
  if (!query.rows("SELECT 1 FROM account WHERE disabled = 0 AND currency <> $1 LIMIT 1", {file.currency})
           .empty())
    query.refuse(invalid("currency", "the price file is in " + file.currency +
                                         ", but would count for accounts in another currency, too; disable "
                                         "these, and give them a platform of their own"));
}

}  // namespace

void insert_price_file(Query& query, const PriceRecord& record) {
  query.change("INSERT INTO price_file (version, valid_from, body, added) VALUES ($1, $2, $3, $4)",
               {record.version, record.valid_from, record.body, record.added});
}

void check_price_currency(Query& query, const std::string& currency) {
  for (const PriceRecord& record : all_records(query)) {
    const auto file = PriceFile::parse(record.body);
    if (file && file->currency != currency)
      return void(query.refuse(invalid("currency", "the prices of this platform are in " + file->currency +
                                                       "; make the account in " + file->currency +
                                                       ", or a platform of its own for " + currency)));
  }
}

api::ApiResult<std::vector<PriceRecord>> Directory::price_files(const Actor& who) {
  return transact(*database_, Kind::reads, [&](Query& query) -> std::vector<PriceRecord> {
    if (is_refused(query, who, Act::see)) return {};
    return all_records(query);
  });
}

api::ApiResult<PriceRecord> Directory::add_price_file(const Actor& who, const std::string& toml) {
  const auto file = PriceFile::parse(toml);
  return transact(*database_, Kind::changes, [&](Query& query) -> PriceRecord {
    if (is_refused(query, who, Act::change_prices)) return {};
    if (!file) return query.refuse(invalid("", file.error().message));
    const auto known = find_record(query, file->version);
    if (known && known->body == toml) return *known;
    if (known)
      return query.refuse({.kind = api::ApiError::Kind::conflict,
                           .message = "there is a price file of version '" + file->version +
                                      "' already, with another text; give this one a version of its own",
                           .param = "version",
                           .code = "version_taken"});
    check_currency(query, who, *file);
    const PriceRecord record{file->version, file->valid_from, clock_(), toml};
    insert_price_file(query, record);
    return record;
  });
}

Result<PriceList> Directory::all_prices() {
  const auto records = transact(*database_, Kind::reads, all_records);
  if (const auto* fault = std::get_if<api::ApiError>(&records)) return Error{Code::io, fault->message};
  std::vector<PriceFile> files;
  for (const PriceRecord& record : std::get<std::vector<PriceRecord>>(records)) {
    AUTARK_TRY(PriceFile file, PriceFile::parse(record.body));
    files.push_back(std::move(file));
  }
  return PriceList(std::move(files));
}

}  // namespace autark::platform
