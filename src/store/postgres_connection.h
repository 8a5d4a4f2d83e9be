// One connection to PostgreSQL, its prepared statements and its transaction. Not thread-safe. Only with AUTARK_POSTGRES.
#pragma once
#include <libpq-fe.h>
#include <map>
#include "store/database.h"

namespace autark::storage {

class PostgresConnection final : public Transaction {
 public:
  static Result<std::unique_ptr<PostgresConnection>> open(const std::string& url);

  Result<std::vector<Row>> rows(std::string_view sql, std::span<const Value> parameters) override;
  Result<int64_t> change(std::string_view sql, std::span<const Value> parameters) override;
  std::optional<Error> each(std::string_view sql, std::span<const Value> parameters,
                            const Visit& visit) override;
  // Statements without parameters, separated by semicolons.
  std::optional<Error> run(const char* sql);

  // Runs `work` between `begin` and COMMIT, or undoes it. After a transaction that changes nothing a lost COMMIT is no fault.
  enum class Kind : uint8_t { reads, changes };
  std::optional<Error> transact(Kind kind, const char* begin, const Database::Work& work);
  // Whether the last transaction failed, took no effect and may succeed if it runs again: it conflicted with another one,
  // or the connection was lost before the commit.
  bool may_repeat() const { return repeat_; }
  bool is_lost() const { return PQstatus(db_.get()) != CONNECTION_OK; }
  bool is_idle() const { return PQtransactionStatus(db_.get()) == PQTRANS_IDLE; }

 private:
  struct Clear {
    void operator()(PGresult* r) const { PQclear(r); }
  };
  struct Finish {
    void operator()(PGconn* c) const { PQfinish(c); }
  };
  using Answer = std::unique_ptr<PGresult, Clear>;

  Result<Answer> execute(std::string_view sql, std::span<const Value> parameters);
  Result<std::string> prepared(std::string_view sql);
  // The fault of an answer; remembers it for the transaction.
  std::optional<Error> checked(const PGresult* answer);
  Error failed(Error fault);
  Error error(const char* doing) const;
  std::optional<Error> commit(Kind kind);
  std::optional<Error> visit_rows(const Visit& visit);
  void end_query();

  std::unique_ptr<PGconn, Finish> db_;
  std::map<std::string, std::string, std::less<>> statements_;  // SQL → name
  int64_t prepared_ = 0;
  std::optional<Error> failure_;  // the first one of the transaction
  bool conflict_ = false;         // a fault of the transaction was a conflict
  bool repeat_ = false;
};

}  // namespace autark::storage
