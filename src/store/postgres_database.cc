#include "store/postgres_database.h"
#ifdef AUTARK_POSTGRES
#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <random>
#include <thread>
#include "store/postgres_connection.h"
#include "store/schema_text.h"
#include "store/table_facts.h"

namespace autark::storage {
namespace {

constexpr int kConnectionsMax = 8;  // more calls wait
constexpr int kTries = 100;         // of a transaction that conflicts with others
constexpr const char* kWrite = "BEGIN ISOLATION LEVEL SERIALIZABLE READ WRITE";
constexpr const char* kRead = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
constexpr const char* kMigrate = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";

// Takes one step in the direction of `version`; only one process does at a time.
std::optional<Error> take_step(PostgresConnection& c, std::span<const SchemaStep> steps, size_t version,
                               bool& there) {
  if (auto fault = c.run("SELECT pg_advisory_xact_lock(7135094)")) return fault;
  const auto taken = schema_version(c, true);
  if (!taken) return taken.error();
  const auto next = next_step(steps, *taken, version);
  if (!next) return next.error();
  there = !next->text;
  if (there) return {};
  if (auto fault = c.run(with_serial(next->text->postgres, "BIGSERIAL PRIMARY KEY").c_str())) return fault;
  return c.run(("CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL);"
                "DELETE FROM schema_version; INSERT INTO schema_version VALUES (" +
                std::to_string(next->version) + ")")
                   .c_str());
}

// Longer after each try, and not the same for two that conflict.
std::chrono::microseconds pause(int tried) {
  thread_local std::minstd_rand random{std::random_device()()};
  return std::chrono::microseconds(random() % (200u << std::min(tried, 8)));
}

// Without user, password and options.
std::string name_of(const std::string& url) {
  const std::string place = url.substr(0, url.find('?'));
  const auto at = place.rfind('@');
  return at == std::string::npos ? place : "postgres://" + place.substr(at + 1);
}

class PostgresDatabase final : public Database {
 public:
  explicit PostgresDatabase(std::string url) : url_(std::move(url)) {}

  std::optional<Error> write(const Work& work) override { return repeat(Kind::changes, kWrite, work); }
  std::optional<Error> read(const Work& work) override { return repeat(Kind::reads, kRead, work); }
  std::optional<Error> migrate(std::span<const SchemaStep> steps, size_t version) override {
    for (bool there = false; !there;)
      if (auto fault = repeat(Kind::changes, kMigrate, [&](Transaction& t) {
            return take_step(static_cast<PostgresConnection&>(t), steps, version, there);
          }))
        return fault;
    return {};
  }
  Result<int64_t> version() override {
    int64_t found = 0;
    auto fault = read([&](Transaction& t) -> std::optional<Error> {
      const auto version = schema_version(t, true);
      if (!version) return version.error();
      found = *version;
      return {};
    });
    if (fault) return *fault;
    return found;
  }
  bool is_shared() const override { return true; }
  std::string name() const override { return name_of(url_); }

 private:
  using Kind = PostgresConnection::Kind;

  // Runs the transaction until it neither conflicts nor loses its connection before the commit.
  std::optional<Error> repeat(Kind kind, const char* begin, const Work& work) {
    for (int tried = 1;; ++tried) {
      bool again = false;
      auto fault = with_connection([&](PostgresConnection& c) {
        auto failed = c.transact(kind, begin, work);
        again = c.may_repeat();
        return failed;
      });
      if (!fault || !again || tried == kTries) return fault;
      std::this_thread::sleep_for(pause(tried));
    }
  }

  std::optional<Error> with_connection(const std::function<std::optional<Error>(PostgresConnection&)>& use) {
    auto lent = lend();
    std::optional<Error> fault;
    if (!lent) {
      auto opened = PostgresConnection::open(url_);
      if (opened)
        lent = std::move(*opened);
      else
        fault = opened.error();
    }
    if (lent) fault = use(*lent);
    take_back(std::move(lent));
    return fault;
  }
  // A connection that is open, or none: then the caller may open one. Waits if all are lent.
  std::unique_ptr<PostgresConnection> lend() {
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [&] { return lent_ < kConnectionsMax; });
    ++lent_;
    if (idle_.empty()) return nullptr;
    auto c = std::move(idle_.back());
    idle_.pop_back();
    return c;
  }
  // Keeps a connection for others. If it is lost, the others are, too, after a restart of the server.
  void take_back(std::unique_ptr<PostgresConnection> c) {
    const std::lock_guard lock(mutex_);
    --lent_;
    if (c && c->is_lost()) idle_.clear();
    if (c && !c->is_lost() && c->is_idle()) idle_.push_back(std::move(c));
    wake_.notify_one();
  }

  const std::string url_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<std::unique_ptr<PostgresConnection>> idle_;
  int lent_ = 0;
};

// An Error if the URL cannot be read. What libpq says of it could have the password.
std::optional<Error> fault_of_url(const std::string& url) {
  const std::unique_ptr<PQconninfoOption, void (*)(PQconninfoOption*)> options(
      PQconninfoParse(url.c_str(), nullptr), PQconninfoFree);
  bool is_sound = options != nullptr;
  for (const PQconninfoOption* o = options.get(); is_sound && o->keyword; ++o)
    if (std::string_view(o->keyword) == "port" && o->val)
      is_sound = std::string_view(o->val).find_first_not_of("0123456789,") == std::string_view::npos;
  if (is_sound) return {};
  return Error{
      Code::invalid,
      "store: the URL of the PostgreSQL database cannot be read; write postgres://USER@HOST/DATABASE,"
      " with %40 for @, %2F for / and %3A for : in a password"};
}

}  // namespace

Result<std::unique_ptr<Database>> open_postgres_database(const std::string& url) {
  if (auto fault = fault_of_url(url)) return *fault;
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
