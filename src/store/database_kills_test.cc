// Goal: what write() said to be durable is there after a process was killed, and nothing of what was under way. Method: a
// process adds pairs of rows and says through a pipe which are durable; it is killed (SIGKILL) after a random number of them.
// AUTARK_KILLS: how often. src/platform/ledger_kills_test.cc kills PostgreSQL, too.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cstdlib>
#include <random>
#include "store/database_testing.h"

namespace autark::storage {
namespace {

constexpr const char* kTable =
    "CREATE TABLE IF NOT EXISTS half (pair BIGINT, side BIGINT, PRIMARY KEY (pair, side))";

// Adds pairs from the number `first` on, until it is killed.
[[noreturn]] void add_pairs(const std::string& place, int64_t first, int pipe) {
  const auto database = open_database(place);
  if (!database) _exit(1);
  for (int64_t pair = first;; ++pair) {
    const auto fault = (*database)->write([&](Transaction& t) -> std::optional<Error> {
      if (auto failed = done(t.change("INSERT INTO half VALUES ($1, 0)", {pair}))) return failed;
      return done(t.change("INSERT INTO half VALUES ($1, 1)", {pair}));
    });
    if (fault || ::write(pipe, "+", 1) != 1) _exit(1);
  }
}

class DatabaseKills : public DatabaseTest {
 protected:
  // Kills a process that adds pairs after it said `wanted`; the number that it said.
  int64_t said_until_killed(int64_t first, int64_t wanted) {
    int ends[2];
    EXPECT_EQ(::pipe(ends), 0);
    const pid_t child = ::fork();  // no database is open here: SQLite does not bear it
    if (child == 0) add_pairs(place, first, ends[1]);
    ::close(ends[1]);
    int64_t said = 0;
    char byte = 0;
    while (said < wanted && ::read(ends[0], &byte, 1) == 1) ++said;
    ::kill(child, SIGKILL);
    while (::read(ends[0], &byte, 1) == 1) ++said;
    ::close(ends[0]);
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_TRUE(WIFSIGNALED(status)) << "it ended by itself";
    return said;
  }
};

TEST_P(DatabaseKills, LoseNothingThatWasDurable) {
  ASSERT_FALSE(run(*database, kTable));
  database = nullptr;
  const char* const times = std::getenv("AUTARK_KILLS");
  std::mt19937 random(3);
  int64_t first = 0;
  for (int i = times ? std::atoi(times) : 10; i > 0; --i) {
    const int64_t said = said_until_killed(first, 1 + int64_t(random() % 40));
    const auto reopened = open(place);
    const Row row =
        rows_of(*reopened, "SELECT count(*), count(DISTINCT pair), coalesce(max(pair), -1) FROM half").at(0);
    const int64_t pairs = row.number(1);
    EXPECT_EQ(row.number(0), 2 * pairs) << "a half transaction";
    EXPECT_EQ(row.number(2), pairs - 1) << "a transaction is missing";
    EXPECT_GE(pairs, first + said) << "a durable transaction is missing";
    EXPECT_LE(pairs, first + said + 1) << "one at most was under way";
    first = pairs;
  }
}

INSTANTIATE_TEST_SUITE_P(On, DatabaseKills, testing::Values("Sqlite", "Postgres"), database_kind);

}  // namespace
}  // namespace autark::storage
