#include "store/postgres_database.h"
#ifdef AUTARK_POSTGRES
#include <libpq-fe.h>
#include <charconv>
#include <condition_variable>
#include <map>
#include <mutex>
#include <random>
#include <thread>
#include "store/schema_text.h"

namespace autark::storage {
namespace {

struct Clear {
  void operator()(PGresult* r) const { PQclear(r); }
};
using Answer = std::unique_ptr<PGresult, Clear>;
struct Finish {
  void operator()(PGconn* c) const { PQfinish(c); }
};

constexpr int kConnectionsMax = 8;  // more calls wait
constexpr int kTries = 100;         // of a transaction that conflicts with others
constexpr Oid kInt8 = 20, kInt4 = 23, kInt2 = 21, kNumeric = 1700;

// A connection and its prepared statements. `lost` and `again` say what the last fault means.
class Connection final : public Transaction {
 public:
  static Result<std::unique_ptr<Connection>> open(const std::string& url) {
    const char* const keys[] = {"dbname", "connect_timeout", "application_name", "client_encoding", nullptr};
    const char* const values[] = {url.c_str(), "5", "autark", "UTF8", nullptr};
    auto made = std::make_unique<Connection>();
    made->db_.reset(PQconnectdbParams(keys, values, 1));
    if (!made->db_ || PQstatus(made->db_.get()) != CONNECTION_OK) return made->error("cannot be reached");
    PQsetNoticeProcessor(
        made->db_.get(), [](void*, const char*) {}, nullptr);
    return made;
  }

  Result<std::vector<Row>> rows(std::string_view sql, std::span<const Value> parameters) override {
    AUTARK_TRY(const Answer answer, execute(sql, parameters));
    std::vector<Row> found;
    for (int row = 0; row < PQntuples(answer.get()); ++row) found.push_back(row_of(answer.get(), row));
    return found;
  }
  Result<int64_t> change(std::string_view sql, std::span<const Value> parameters) override {
    AUTARK_TRY(const Answer answer, execute(sql, parameters));
    const std::string_view count = PQcmdTuples(answer.get());
    int64_t changed = 0;
    std::from_chars(count.data(), count.data() + count.size(), changed);
    return changed;
  }
  // Statements without parameters, separated by semicolons.
  std::optional<Error> run(const char* sql) {
    const Answer answer(PQexec(db_.get(), sql));
    return checked(answer.get());
  }
  bool lost() const { return PQstatus(db_.get()) != CONNECTION_OK; }
  bool is_idle() const { return PQtransactionStatus(db_.get()) == PQTRANS_IDLE; }

  bool again = false;  // the last fault was a conflict: the transaction may succeed if it runs again

 private:
  Result<Answer> execute(std::string_view sql, std::span<const Value> parameters) {
    AUTARK_TRY(const std::string name, prepared(sql));
    std::vector<std::string> texts;
    std::vector<const char*> values;
    texts.reserve(parameters.size());
    for (const Value& v : parameters) {
      const auto* number = std::get_if<int64_t>(&v);
      const auto* text = std::get_if<std::string>(&v);
      if (text && text->find('\0') != std::string::npos)
        return Error{Code::invalid, "store: a text with a NUL cannot be kept"};
      if (number) texts.push_back(std::to_string(*number));
      values.push_back(number ? texts.back().c_str() : text ? text->c_str() : nullptr);
    }
    Answer answer(
        PQexecPrepared(db_.get(), name.c_str(), int(values.size()), values.data(), nullptr, nullptr, 0));
    if (auto fault = checked(answer.get())) return *fault;
    return answer;
  }
  Result<std::string> prepared(std::string_view sql) {
    if (const auto at = statements_.find(sql); at != statements_.end()) return at->second;
    const std::string text(sql), name = "s" + std::to_string(statements_.size());
    const Answer answer(PQprepare(db_.get(), name.c_str(), text.c_str(), 0, nullptr));
    if (auto fault = checked(answer.get())) return *fault;
    statements_.emplace(text, name);
    return name;
  }
  std::optional<Error> checked(const PGresult* answer) {
    const ExecStatusType status = PQresultStatus(answer);
    again = false;
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) return {};
    const char* const state = answer ? PQresultErrorField(answer, PG_DIAG_SQLSTATE) : nullptr;
    again = state && (std::string_view(state) == "40001" || std::string_view(state) == "40P01");
    return error("cannot be used");
  }
  Error error(const char* doing) const {
    std::string why = db_ ? PQerrorMessage(db_.get()) : "out of memory";
    why = why.substr(0, why.find('\n'));
    return {Code::io, std::string("store: PostgreSQL ") + doing + " (" + why + ")"};
  }
  static Row row_of(const PGresult* answer, int row) {
    std::vector<Value> values;
    for (int i = 0; i < PQnfields(answer); ++i) {
      if (PQgetisnull(answer, row, i)) {
        values.emplace_back();
        continue;
      }
      const std::string_view text(PQgetvalue(answer, row, i), size_t(PQgetlength(answer, row, i)));
      const Oid type = PQftype(answer, i);
      int64_t number = 0;
      if (type == kInt8 || type == kInt4 || type == kInt2 || type == kNumeric) {
        std::from_chars(text.data(), text.data() + text.size(), number);
        values.emplace_back(number);
      } else {
        values.emplace_back(std::string(text));
      }
    }
    return Row(std::move(values));
  }

  std::unique_ptr<PGconn, Finish> db_;
  std::map<std::string, std::string, std::less<>> statements_;
};

class PostgresDatabase final : public Database {
 public:
  explicit PostgresDatabase(std::string url) : url_(std::move(url)) {}

  std::optional<Error> write(const Work& work) override {
    return repeat("BEGIN ISOLATION LEVEL SERIALIZABLE", work);
  }
  std::optional<Error> read(const Work& work) override {
    return repeat("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", work);
  }
  std::optional<Error> migrate(std::span<const SchemaStep> steps, size_t version) override {
    for (bool there = false; !there;)
      if (auto fault = with_connection([&](Connection& c) { return step(c, steps, version, there); }))
        return fault;
    return {};
  }
  Result<int64_t> version() override {
    int64_t found = 0;
    auto fault = with_connection([&](Connection& c) -> std::optional<Error> {
      if (auto e = c.run(kVersionTable)) return e;
      const auto version = version_of(c);
      if (!version) return version.error();
      found = *version;
      return {};
    });
    if (fault) return *fault;
    return found;
  }
  bool is_shared() const override { return true; }
  std::string name() const override {
    const auto at = url_.rfind('@');
    return at == std::string::npos ? url_.substr(0, url_.find('?')) : "postgres://" + url_.substr(at + 1);
  }

 private:
  static constexpr const char* kVersionTable =
      "CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL)";
  static constexpr const char* kMigrationLock = "SELECT pg_advisory_xact_lock(7135094)";

  static Result<int64_t> version_of(Connection& c) {
    const auto rows = c.Transaction::rows("SELECT max(version) FROM schema_version");
    if (!rows) return rows.error();
    return rows->empty() ? 0 : (*rows)[0].number(0);
  }
  static std::optional<Error> step(Connection& c, std::span<const SchemaStep> steps, size_t version,
                                   bool& there) {
    if (auto fault = c.run("BEGIN")) return fault;
    std::optional<Error> fault = c.run(kMigrationLock);
    if (!fault) fault = c.run(kVersionTable);
    if (!fault) fault = take(c, steps, version, there);
    if (!fault) fault = c.run("COMMIT");
    if (fault) (void)c.run("ROLLBACK");
    return fault;
  }
  static std::optional<Error> take(Connection& c, std::span<const SchemaStep> steps, size_t version,
                                   bool& there) {
    const auto taken = version_of(c);
    if (!taken) return taken.error();
    const auto next = next_step(steps, *taken, version);
    if (!next) return next.error();
    there = next->sql.empty();
    if (there) return {};
    if (auto fault = c.run(with_serial(next->sql, "BIGSERIAL PRIMARY KEY").c_str())) return fault;
    return c.run(("DELETE FROM schema_version; INSERT INTO schema_version VALUES (" +
                  std::to_string(next->version) + ")")
                     .c_str());
  }

  // Runs the transaction until it neither conflicts nor loses its connection before the commit.
  std::optional<Error> repeat(const char* begin, const Work& work) {
    std::optional<Error> fault;
    for (int tried = 0; tried < kTries; ++tried) {
      bool again = false;
      fault = with_connection([&](Connection& c) { return attempt(c, begin, work, again); });
      if (!fault || !again) return fault;
      std::this_thread::sleep_for(pause(tried));
    }
    return fault;
  }
  static std::optional<Error> attempt(Connection& c, const char* begin, const Work& work, bool& again) {
    std::optional<Error> fault = c.run(begin);
    if (!fault) fault = work(c);
    const bool before_commit = fault.has_value();
    if (!fault) fault = c.run("COMMIT");
    if (!fault) return {};
    again = c.again;
    if (c.lost()) {
      if (before_commit) return fault;
      return Error{Code::io,
                   "store: PostgreSQL was lost during a commit; it is not known whether it took place"};
    }
    (void)c.run("ROLLBACK");
    return fault;
  }
  static std::chrono::microseconds pause(int tried) {
    thread_local std::minstd_rand random{std::random_device()()};
    return std::chrono::microseconds(random() % (200u << std::min(tried, 8)));
  }

  // Lends a connection; waits if all are lent. One that was lost is opened again, once.
  std::optional<Error> with_connection(const std::function<std::optional<Error>(Connection&)>& use) {
    std::unique_ptr<Connection> c;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [&] { return !idle_.empty() || lent_ < kConnectionsMax; });
      ++lent_;
      if (!idle_.empty()) {
        c = std::move(idle_.back());
        idle_.pop_back();
      }
    }
    std::optional<Error> fault;
    if (c && !is_alive(*c)) c.reset();
    if (!c) {
      auto opened = Connection::open(url_);
      if (opened)
        c = std::move(*opened);
      else
        fault = opened.error();
    }
    if (c) fault = use(*c);
    const std::lock_guard lock(mutex_);
    --lent_;
    if (c && !c->lost() && c->is_idle()) idle_.push_back(std::move(c));
    wake_.notify_one();
    return fault;
  }
  // Whether the connection still works; the check costs a round trip.
  static bool is_alive(Connection& c) { return !c.lost() && !c.run("SELECT 1"); }

  const std::string url_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<std::unique_ptr<Connection>> idle_;
  int lent_ = 0;
};

}  // namespace

Result<std::unique_ptr<Database>> open_postgres_database(const std::string& url) {
  auto database = std::make_unique<PostgresDatabase>(url);
  if (const auto version = database->version(); !version) return version.error();
  return std::unique_ptr<Database>(std::move(database));
}

}  // namespace autark::storage
#else
namespace autark::storage {

Result<std::unique_ptr<Database>> open_postgres_database(const std::string&) {
  return Error{Code::unsupported,
               "store: this program was built without PostgreSQL; build it with -DAUTARK_POSTGRES=ON"};
}

}  // namespace autark::storage
#endif
