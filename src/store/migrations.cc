#include "store/migrations.h"
#include <iterator>

namespace autark::storage {
namespace {

// Step i brings a file from user_version i to i + 1. A step never changes once it was released.
constexpr const char* kSteps[] = {
    "CREATE TABLE responses (id TEXT PRIMARY KEY, owner TEXT NOT NULL, previous TEXT NOT NULL,"
    " created INTEGER NOT NULL, bytes INTEGER NOT NULL, body TEXT NOT NULL, input TEXT NOT NULL);"
    "CREATE INDEX responses_by_age ON responses (created, id);",
    "CREATE TABLE batches (id TEXT PRIMARY KEY, owner TEXT NOT NULL, created INTEGER NOT NULL,"
    " over INTEGER NOT NULL, body TEXT NOT NULL);"
    "CREATE INDEX batches_by_age ON batches (owner, created, id);"
    "CREATE TABLE batch_answers (number INTEGER PRIMARY KEY, batch TEXT NOT NULL, custom_id TEXT NOT NULL,"
    " is_error INTEGER NOT NULL, line TEXT NOT NULL, UNIQUE (batch, custom_id));",
    "CREATE INDEX responses_by_owner ON responses (owner, created, id);",
};

}  // namespace

std::optional<Error> migrate(Sqlite& db) {
  const auto taken = db.number("PRAGMA user_version");
  if (!taken) return taken.error();
  const auto known = int64_t(std::size(kSteps));
  if (*taken < 0 || *taken > known)
    return Error{Code::unsupported, "store: the file is of version " + std::to_string(*taken) +
                                        ", this program knows up to " + std::to_string(known) +
                                        "; use another folder with --state"};
  for (int64_t i = *taken; i < known; ++i) {
    const std::string step = std::string("BEGIN IMMEDIATE;") + kSteps[i] +
                             "PRAGMA user_version=" + std::to_string(i + 1) + ";COMMIT;";
    if (auto fault = db.run(step.c_str())) {
      if (const auto undone = db.run("ROLLBACK")) return undone;
      return fault;
    }
  }
  return {};
}

}  // namespace autark::storage
