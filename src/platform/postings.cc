#include "platform/postings.h"

namespace autark::platform {
namespace {

constexpr const char* kPostings =
    "SELECT number, entry, time, book, unit, amount FROM posting AS p WHERE number > $1 AND EXISTS"
    " (SELECT 1 FROM posting AS q WHERE q.entry = p.entry AND (q.book = 'balance:' || $2"
    "  OR q.book = 'revenue:' || $2 OR q.book IN (SELECT 'credit:' || id FROM credit WHERE account = $2)))"
    " ORDER BY number LIMIT $3";

}  // namespace

Result<std::vector<Posting>> postings(storage::Database& database, const std::string& account, int64_t after,
                                      int64_t limit) {
  std::vector<Posting> found;
  const auto fault = database.read([&](storage::Transaction& t) -> std::optional<Error> {
    auto rows = t.rows(kPostings, {after, account, limit});
    if (!rows) return rows.error();
    found.clear();
    for (const storage::Row& r : *rows)
      found.push_back({.entry = r.text(1),
                       .book = r.text(3),
                       .unit = r.text(4),
                       .amount = r.number(5),
                       .number = r.number(0),
                       .time = r.number(2)});
    return {};
  });
  if (fault) return *fault;
  return found;
}

}  // namespace autark::platform
