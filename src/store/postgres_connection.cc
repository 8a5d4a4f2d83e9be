#ifdef AUTARK_POSTGRES
#include "store/postgres_connection.h"
#include <charconv>
#include "store/text_rule.h"

namespace autark::storage {
namespace {

constexpr size_t kStatementsMax = 256;  // prepared ones; then all are forgotten
constexpr Oid kInt8 = 20, kInt4 = 23, kInt2 = 21, kNumeric = 1700;
// A committed transaction is durable on the server's disk even where its settings say otherwise.
constexpr const char* kDurable =
    "SELECT set_config('synchronous_commit', 'on', false)"
    " WHERE current_setting('synchronous_commit') = 'off'";

int64_t number_of(std::string_view text) {
  int64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

Value value_of(const PGresult* answer, int row, int column) {
  if (PQgetisnull(answer, row, column)) return {};
  const std::string_view text(PQgetvalue(answer, row, column), size_t(PQgetlength(answer, row, column)));
  const Oid type = PQftype(answer, column);
  if (type == kInt8 || type == kInt4 || type == kInt2 || type == kNumeric) return number_of(text);
  return std::string(text);
}

Row row_of(const PGresult* answer, int row) {
  std::vector<Value> values;
  values.reserve(size_t(PQnfields(answer)));
  for (int i = 0; i < PQnfields(answer); ++i) values.push_back(value_of(answer, row, i));
  return Row(std::move(values));
}

// Parameters as libpq takes them.
struct Parameters {
  explicit Parameters(std::span<const Value> all) {
    numbers.reserve(all.size());
    for (const Value& v : all)
      if (const auto* number = std::get_if<int64_t>(&v))
        values.push_back(numbers.emplace_back(std::to_string(*number)).c_str());
      else if (const auto* text = std::get_if<std::string>(&v))
        values.push_back(text->c_str());
      else
        values.push_back(nullptr);
  }
  std::vector<std::string> numbers;
  std::vector<const char*> values;
};

}  // namespace

Result<std::unique_ptr<PostgresConnection>> PostgresConnection::open(const std::string& url) {
  // What stands before the URL can be changed by it.
  const char* const keys[] = {"connect_timeout",
                              "tcp_user_timeout",
                              "keepalives_idle",
                              "application_name",
                              "dbname",
                              "client_encoding",
                              nullptr};
  const char* const values[] = {"5", "10000", "10", "autark", url.c_str(), "UTF8", nullptr};
  auto made = std::make_unique<PostgresConnection>();
  made->db_.reset(PQconnectdbParams(keys, values, 1));
  if (!made->db_ || made->is_lost()) return made->error("cannot be reached");
  PQsetNoticeProcessor(
      made->db_.get(), [](void*, const char*) {}, nullptr);
  if (auto fault = made->run(kDurable)) return *fault;
  return made;
}

Result<std::vector<Row>> PostgresConnection::rows(std::string_view sql, std::span<const Value> parameters) {
  AUTARK_TRY(const Answer answer, execute(sql, parameters));
  std::vector<Row> found;
  found.reserve(size_t(PQntuples(answer.get())));
  for (int row = 0; row < PQntuples(answer.get()); ++row) found.push_back(row_of(answer.get(), row));
  return found;
}

Result<int64_t> PostgresConnection::change(std::string_view sql, std::span<const Value> parameters) {
  AUTARK_TRY(const Answer answer, execute(sql, parameters));
  return number_of(PQcmdTuples(answer.get()));
}

std::optional<Error> PostgresConnection::each(std::string_view sql, std::span<const Value> parameters,
                                              const Visit& visit) {
  if (auto fault = fault_of_texts(parameters)) return failed(*fault);
  const Parameters p(parameters);
  if (PQsendQueryParams(db_.get(), std::string(sql).c_str(), int(p.values.size()), nullptr, p.values.data(),
                        nullptr, nullptr, 0) == 0)
    return failed(error("cannot be used"));
  PQsetSingleRowMode(db_.get());
  auto fault = visit_rows(visit);
  if (fault) end_query();
  return fault ? std::optional(failed(*fault)) : std::nullopt;
}

// Takes the answers to the end, or to a fault.
std::optional<Error> PostgresConnection::visit_rows(const Visit& visit) {
  while (const Answer answer{PQgetResult(db_.get())}) {
    if (PQresultStatus(answer.get()) == PGRES_SINGLE_TUPLE) {
      if (auto fault = visit(row_of(answer.get(), 0))) return fault;
    } else if (auto fault = checked(answer.get())) {
      return fault;
    }
  }
  return {};
}

// Stops a query whose other rows nobody wants.
void PostgresConnection::end_query() {
  if (PGcancel* const cancel = PQgetCancel(db_.get())) {
    std::array<char, 256> why;
    PQcancel(cancel, why.data(), int(why.size()));
    PQfreeCancel(cancel);
  }
  while (const Answer rest{PQgetResult(db_.get())}) {
  }
}

std::optional<Error> PostgresConnection::run(const char* sql) {
  const Answer answer(PQexec(db_.get(), sql));
  return checked(answer.get());
}

std::optional<Error> PostgresConnection::transact(Kind kind, const char* begin, const Database::Work& work) {
  failure_.reset(), conflict_ = repeat_ = false;
  std::optional<Error> fault = run(begin);
  if (!fault) fault = work(*this);
  if (!fault) fault = failure_;
  if (!fault) return commit(kind);
  repeat_ = conflict_ || is_lost();
  if (!is_lost()) (void)run("ROLLBACK");
  return fault;
}

std::optional<Error> PostgresConnection::commit(Kind kind) {
  auto fault = run("COMMIT");
  if (!fault || kind == Kind::reads) return {};
  repeat_ = conflict_;  // the server says that it undid the transaction
  if (!is_lost() || conflict_) return fault;
  return Error{Code::io, "store: PostgreSQL was lost during a commit; it is not known whether it took place"};
}

Result<PostgresConnection::Answer> PostgresConnection::execute(std::string_view sql,
                                                               std::span<const Value> parameters) {
  if (auto fault = fault_of_texts(parameters)) return failed(*fault);
  AUTARK_TRY(const std::string name, prepared(sql));
  const Parameters p(parameters);
  Answer answer(
      PQexecPrepared(db_.get(), name.c_str(), int(p.values.size()), p.values.data(), nullptr, nullptr, 0));
  if (auto fault = checked(answer.get())) return *fault;
  return answer;
}

Result<std::string> PostgresConnection::prepared(std::string_view sql) {
  if (const auto at = statements_.find(sql); at != statements_.end()) return at->second;
  if (statements_.size() >= kStatementsMax) {
    if (auto fault = run("DEALLOCATE ALL")) return *fault;
    statements_.clear();
  }
  const std::string text(sql), name = "s" + std::to_string(++prepared_);
  const Answer answer(PQprepare(db_.get(), name.c_str(), text.c_str(), 0, nullptr));
  if (auto fault = checked(answer.get())) return *fault;
  statements_.emplace(text, name);
  return name;
}

std::optional<Error> PostgresConnection::checked(const PGresult* answer) {
  const ExecStatusType status = PQresultStatus(answer);
  if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) return {};
  const char* const state = answer ? PQresultErrorField(answer, PG_DIAG_SQLSTATE) : nullptr;
  if (state && (std::string_view(state) == "40001" || std::string_view(state) == "40P01")) conflict_ = true;
  return failed(error("cannot be used"));
}

Error PostgresConnection::failed(Error fault) {
  if (!failure_) failure_ = fault;
  return fault;
}

Error PostgresConnection::error(const char* doing) const {
  std::string why = db_ ? PQerrorMessage(db_.get()) : "out of memory";
  why = why.substr(0, why.find('\n'));
  return {Code::io, std::string("store: PostgreSQL ") + doing + " (" + why + ")"};
}

}  // namespace autark::storage
#endif
