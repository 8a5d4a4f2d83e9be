// A transaction as the directory uses it: the first fault is remembered, and what follows it does nothing. So a function
// may go on to its end and check once.
#pragma once
#include <optional>
#include <string_view>
#include <type_traits>
#include <vector>
#include "api/item.h"
#include "store/database.h"

namespace autark::platform {

class Query {
 public:
  explicit Query(storage::Transaction& transaction) : transaction_(transaction) {}
  // No rows after a fault. A parameter that is_text() does not take is refused (invalid), the same on every database.
  std::vector<storage::Row> rows(std::string_view sql, std::initializer_list<storage::Value> parameters = {});
  // What `read` makes of each row, and of the first one.
  template <class Read>
  auto all(const Read& read, std::string_view sql, std::initializer_list<storage::Value> parameters = {}) {
    std::vector<std::invoke_result_t<Read, const storage::Row&>> made;
    for (const storage::Row& row : rows(sql, parameters)) made.push_back(read(row));
    return made;
  }
  template <class Read>
  auto first(const Read& read, std::string_view sql, std::initializer_list<storage::Value> parameters = {}) {
    const std::vector<storage::Row> found = rows(sql, parameters);
    return found.empty() ? std::nullopt : std::optional(read(found[0]));
  }
  // The number of rows that changed; 0 after a fault.
  int64_t change(std::string_view sql, std::initializer_list<storage::Value> parameters = {});

  // Makes the transaction fail with this fault; becomes an empty value of any type.
  struct Nothing {
    template <class T>
    operator T() const {
      return T{};
    }
  };
  Nothing refuse(api::ApiError fault);
  bool failed() const { return lost_ || fault_; }
  const std::optional<api::ApiError>& fault() const { return fault_; }  // by refuse()
  const std::optional<Error>& lost() const { return lost_; }            // of the database

 private:
  void check(std::initializer_list<storage::Value> parameters);

  storage::Transaction& transaction_;
  std::optional<api::ApiError> fault_;
  std::optional<Error> lost_;
};

// Whether every database keeps this text as it is: UTF-8 without a NUL.
bool is_text(const std::string& text);

// The fault for a database that cannot be used.
api::ApiError unavailable(const Error& error);

// Counts the change, so that servers read the directory again. Also lets one change of the directory wait for the other.
void raise_version(Query& query);

enum class Kind : uint8_t { reads, changes, writes_aside };  // writes_aside: servers need not read again

// Runs f(Query&) in a transaction and returns its value, or the fault. The database may run f again.
template <class F>
auto transact(storage::Database& database, Kind kind, const F& f)
    -> api::ApiResult<decltype(f(std::declval<Query&>()))> {
  decltype(f(std::declval<Query&>())) made{};
  std::optional<api::ApiError> fault;
  const storage::Database::Work work = [&](storage::Transaction& transaction) -> std::optional<Error> {
    Query query(transaction);
    if (kind == Kind::changes) raise_version(query);
    made = f(query);
    fault = query.fault();
    if (query.lost()) return query.lost();
    return fault ? std::optional(Error{Code::cancelled, "refused"}) : std::nullopt;
  };
  const auto failed = kind == Kind::reads ? database.read(work) : database.write(work);
  if (failed && fault) return *fault;
  if (failed) return unavailable(*failed);
  return made;
}

}  // namespace autark::platform
