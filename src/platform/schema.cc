#include "platform/schema.h"

namespace autark::platform {
namespace {

// Times are microseconds since 1970, sums 10⁻⁹ of a currency, flags 0 or 1, lists JSON texts.
constexpr storage::SchemaStep kSteps[] = {
    {// 1: who may send requests
     "CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL);"
     "CREATE TABLE account (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, currency TEXT NOT NULL,"
     " created BIGINT NOT NULL, disabled BIGINT NOT NULL DEFAULT 0);"
     "CREATE TABLE workspace (id TEXT PRIMARY KEY, account TEXT NOT NULL REFERENCES account (id),"
     " name TEXT NOT NULL, created BIGINT NOT NULL, disabled BIGINT NOT NULL DEFAULT 0,"
     " UNIQUE (account, name));"
     "CREATE TABLE member (id TEXT PRIMARY KEY, account TEXT NOT NULL REFERENCES account (id),"
     " name TEXT NOT NULL UNIQUE, roles TEXT NOT NULL, password TEXT NOT NULL, totp TEXT NOT NULL,"
     " created BIGINT NOT NULL, disabled BIGINT NOT NULL DEFAULT 0);"
     "CREATE TABLE membership (member TEXT NOT NULL REFERENCES member (id),"
     " workspace TEXT NOT NULL REFERENCES workspace (id), PRIMARY KEY (member, workspace));"
     "CREATE TABLE api_key (id TEXT PRIMARY KEY, workspace TEXT NOT NULL REFERENCES workspace (id),"
     " member TEXT NOT NULL, name TEXT NOT NULL, role TEXT NOT NULL, prefix TEXT NOT NULL,"
     " routes TEXT NOT NULL, models TEXT NOT NULL, ips TEXT NOT NULL, created BIGINT NOT NULL,"
     " expires BIGINT NOT NULL, disabled BIGINT NOT NULL DEFAULT 0, used BIGINT NOT NULL DEFAULT 0);"
     "CREATE TABLE key_secret (hash TEXT PRIMARY KEY, api_key TEXT NOT NULL REFERENCES api_key (id),"
     " created BIGINT NOT NULL, expires BIGINT NOT NULL);"
     "CREATE INDEX key_by_workspace ON api_key (workspace);"
     "CREATE INDEX secret_by_key ON key_secret (api_key);"
     "CREATE TABLE session (hash TEXT PRIMARY KEY, member TEXT NOT NULL REFERENCES member (id),"
     " created BIGINT NOT NULL, expires BIGINT NOT NULL, used BIGINT NOT NULL, address TEXT NOT NULL,"
     " id TEXT NOT NULL UNIQUE);"
     "CREATE TABLE rate_limit (level TEXT NOT NULL, subject TEXT NOT NULL, model TEXT NOT NULL,"
     " kind TEXT NOT NULL, amount BIGINT NOT NULL, period TEXT NOT NULL, raised BIGINT NOT NULL DEFAULT 0,"
     " until BIGINT NOT NULL DEFAULT 0, PRIMARY KEY (level, subject, model, kind));"
     "CREATE TABLE price_file (version TEXT PRIMARY KEY, valid_from BIGINT NOT NULL, body TEXT NOT NULL,"
     " added BIGINT NOT NULL);",
     "DROP TABLE price_file; DROP TABLE rate_limit; DROP TABLE session; DROP TABLE key_secret;"
     "DROP TABLE api_key; DROP TABLE membership; DROP TABLE member; DROP TABLE workspace;"
     "DROP TABLE account; DROP TABLE setting;"},
    {// 2: what they used and paid
     "CREATE TABLE usage (number {serial}, id TEXT NOT NULL UNIQUE, time BIGINT NOT NULL, account TEXT NOT "
     "NULL,"
     " workspace TEXT NOT NULL, api_key TEXT NOT NULL, model TEXT NOT NULL, end_user TEXT NOT NULL,"
     " route TEXT NOT NULL, service TEXT NOT NULL, peak BIGINT NOT NULL, outcome TEXT NOT NULL,"
     " input BIGINT NOT NULL, cached BIGINT NOT NULL, cache_write BIGINT NOT NULL, output BIGINT NOT NULL,"
     " reasoning BIGINT NOT NULL, cost BIGINT NOT NULL, price TEXT NOT NULL, micros BIGINT NOT NULL);"
     "CREATE INDEX usage_by_time ON usage (account, time);"
     "CREATE INDEX usage_by_key ON usage (api_key, time);"
     "CREATE TABLE usage_hour (account TEXT NOT NULL, hour BIGINT NOT NULL, workspace TEXT NOT NULL,"
     " api_key TEXT NOT NULL, model TEXT NOT NULL, service TEXT NOT NULL, outcome TEXT NOT NULL,"
     " requests BIGINT NOT NULL, input BIGINT NOT NULL, cached BIGINT NOT NULL,"
     " cache_write BIGINT NOT NULL, output BIGINT NOT NULL, reasoning BIGINT NOT NULL,"
     " cost BIGINT NOT NULL, PRIMARY KEY (account, hour, workspace, api_key, model, service, outcome));"
     "CREATE INDEX usage_hour_by_key ON usage_hour (api_key, hour);"
     "CREATE TABLE posting (number {serial}, entry TEXT NOT NULL, time BIGINT NOT NULL, book TEXT NOT NULL,"
     " unit TEXT NOT NULL, amount BIGINT NOT NULL, UNIQUE (entry, book, unit));"
     "CREATE TABLE book (name TEXT NOT NULL, unit TEXT NOT NULL, amount BIGINT NOT NULL,"
     " PRIMARY KEY (name, unit));"
     "CREATE TABLE credit (id TEXT PRIMARY KEY, account TEXT NOT NULL, kind TEXT NOT NULL, unit TEXT NOT "
     "NULL,"
     " model TEXT NOT NULL, amount BIGINT NOT NULL, used BIGINT NOT NULL DEFAULT 0, created BIGINT NOT NULL,"
     " expires BIGINT NOT NULL);"
     "CREATE TABLE server (id TEXT PRIMARY KEY, name TEXT NOT NULL, started BIGINT NOT NULL,"
     " alive_until BIGINT NOT NULL);"
     "CREATE TABLE reservation (id TEXT PRIMARY KEY, server TEXT NOT NULL, time BIGINT NOT NULL,"
     " charge TEXT NOT NULL);"
     "CREATE TABLE counter (limit_name TEXT NOT NULL PRIMARY KEY, window_start BIGINT NOT NULL,"
     " taken BIGINT NOT NULL);"
     "CREATE TABLE share (limit_name TEXT NOT NULL, server TEXT NOT NULL, amount BIGINT NOT NULL,"
     " alive_until BIGINT NOT NULL, PRIMARY KEY (limit_name, server));",
     "DROP TABLE share; DROP TABLE counter; DROP TABLE reservation; DROP TABLE server; DROP TABLE credit;"
     "DROP TABLE book; DROP TABLE posting; DROP TABLE usage_hour; DROP TABLE usage;"},
    {// 3: the ledger only grows
     {"CREATE TRIGGER usage_update BEFORE UPDATE ON usage BEGIN SELECT RAISE(ABORT, 'usage only grows'); END;"
      "CREATE TRIGGER usage_delete BEFORE DELETE ON usage BEGIN SELECT RAISE(ABORT, 'usage only grows'); END;"
      "CREATE TRIGGER posting_update BEFORE UPDATE ON posting BEGIN SELECT RAISE(ABORT, 'posting only "
      "grows');"
      " END;"
      "CREATE TRIGGER posting_delete BEFORE DELETE ON posting BEGIN SELECT RAISE(ABORT, 'posting only "
      "grows');"
      " END;",
      "CREATE FUNCTION only_grows() RETURNS trigger LANGUAGE plpgsql AS"
      " 'BEGIN RAISE EXCEPTION ''% only grows'', TG_TABLE_NAME; END';"
      "CREATE TRIGGER usage_change BEFORE UPDATE OR DELETE OR TRUNCATE ON usage"
      " FOR EACH STATEMENT EXECUTE FUNCTION only_grows();"
      "CREATE TRIGGER posting_change BEFORE UPDATE OR DELETE OR TRUNCATE ON posting"
      " FOR EACH STATEMENT EXECUTE FUNCTION only_grows();"},
     {"DROP TRIGGER usage_update; DROP TRIGGER usage_delete; DROP TRIGGER posting_update;"
      "DROP TRIGGER posting_delete;",
      "DROP TRIGGER usage_change ON usage; DROP TRIGGER posting_change ON posting; DROP FUNCTION "
      "only_grows();"}},
};

}  // namespace

std::span<const storage::SchemaStep> schema_steps() {
  return kSteps;
}

std::optional<Error> make_tables(storage::Database& database) {
  return database.migrate(kSteps, std::size(kSteps));
}

}  // namespace autark::platform
