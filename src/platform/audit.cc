// Whether the books add up.
#include "platform/ledger.h"

namespace autark::platform {
namespace {

// A query that finds what is wrong, and what that is; its first column names where.
struct Check {
  const char* sql;
  const char* wrong;
};

constexpr Check kChecks[] = {
    {"SELECT entry FROM posting GROUP BY entry, unit HAVING SUM(amount) <> 0 ORDER BY entry LIMIT 1",
     "the postings of an entry are not 0 in sum"},
    {"SELECT p.book FROM (SELECT book, unit, SUM(amount) AS amount FROM posting GROUP BY book, unit) p "
     "LEFT JOIN book b ON b.name = p.book AND b.unit = p.unit WHERE b.amount IS NULL OR b.amount <> p.amount "
     "ORDER BY p.book LIMIT 1",
     "a book differs from its postings"},
    {"SELECT b.name FROM book b WHERE b.amount <> 0 AND NOT EXISTS "
     "(SELECT 1 FROM posting p WHERE p.book = b.name AND p.unit = b.unit) ORDER BY b.name LIMIT 1",
     "a book has a sum without postings"},
    {"SELECT u.account FROM (SELECT account, SUM(cost) AS cost FROM usage GROUP BY account) u "
     "LEFT JOIN (SELECT name, SUM(amount) AS amount FROM book GROUP BY name) b ON b.name = 'revenue:' || "
     "u.account "
     "WHERE u.cost <> COALESCE(b.amount, 0) ORDER BY u.account LIMIT 1",
     "the usage of an account differs from its revenue"},
    {"SELECT u.id FROM usage u LEFT JOIN posting p ON p.entry = u.id AND p.book = 'revenue:' || u.account "
     "WHERE COALESCE(p.amount, 0) <> u.cost ORDER BY u.id LIMIT 1",
     "a request's cost differs from its posting"},
    {"SELECT u.account FROM (SELECT account, workspace, api_key, model, service, outcome, COUNT(*) AS "
     "requests, "
     "SUM(input + cached + cache_write + output + reasoning) AS tokens, SUM(cost) AS cost FROM usage "
     "GROUP BY account, workspace, api_key, model, service, outcome) u LEFT JOIN "
     "(SELECT account, workspace, api_key, model, service, outcome, SUM(requests) AS requests, "
     "SUM(input + cached + cache_write + output + reasoning) AS tokens, SUM(cost) AS cost FROM usage_hour "
     "GROUP BY account, workspace, api_key, model, service, outcome) h ON h.account = u.account AND "
     "h.workspace = u.workspace AND h.api_key = u.api_key AND h.model = u.model AND h.service = u.service "
     "AND "
     "h.outcome = u.outcome WHERE h.requests IS NULL OR h.requests <> u.requests OR h.tokens <> u.tokens OR "
     "h.cost <> u.cost ORDER BY u.account LIMIT 1",
     "the usage of an account differs from its sums by hour"},
    {"SELECT 'usage_hour' FROM (SELECT COALESCE(SUM(requests), 0) AS requests FROM usage_hour) h, "
     "(SELECT COUNT(*) AS requests FROM usage) u WHERE h.requests <> u.requests",
     "the sums by hour have other requests than the usage"},
    {"SELECT c.id FROM credit c LEFT JOIN (SELECT name, SUM(amount) AS amount FROM book GROUP BY name) b "
     "ON b.name = 'credit:' || c.id WHERE c.amount - c.used <> COALESCE(b.amount, 0) OR c.used < 0 OR "
     "c.used > c.amount ORDER BY c.id LIMIT 1",
     "a credit differs from its book, or is overdrawn"},
};

}  // namespace

std::optional<Error> Ledger::audit() {
  return database_->read([](storage::Transaction& t) -> std::optional<Error> {
    for (const Check& check : kChecks) {
      const auto rows = t.rows(check.sql);
      if (!rows) return rows.error();
      if (!rows->empty())
        return Error{Code::internal, std::string("the ledger is wrong: ") + check.wrong + " (" +
                                         rows->front().text(0) + "); restore a backup and report this"};
    }
    return std::nullopt;
  });
}

}  // namespace autark::platform
