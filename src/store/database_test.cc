// Goal: both databases keep transactions, values and readers apart in the same way. Method: random transactions against a
// map in memory, threads that count, readers in the middle of changes, connections that are cut; then examples.
#include <map>
#include <random>
#include <thread>
#include "base/json.h"
#include "store/database_testing.h"
#include "store/text_rule.h"

namespace autark::storage {
namespace {

constexpr const char* kTable = "CREATE TABLE item (name TEXT PRIMARY KEY, amount BIGINT)";
constexpr const char* kPut =
    "INSERT INTO item (name, amount) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET amount = "
    "excluded.amount";

class DatabaseContract : public DatabaseTest {
 protected:
  void SetUp() override {
    DatabaseTest::SetUp();
    if (IsSkipped()) return;
    const auto fault = run(*database, kTable);
    ASSERT_FALSE(fault) << fault->message;
  }
  std::map<std::string, int64_t> items(Database& of) {
    std::map<std::string, int64_t> found;
    for (const Row& row : rows_of(of, "SELECT name, amount FROM item")) found[row.text(0)] = row.number(1);
    return found;
  }
};
// Those that several objects, threads or processes can open.
class DatabaseSharing : public DatabaseContract {};
// Those with connections that can be cut.
class DatabaseConnections : public DatabaseContract {};

TEST_P(DatabaseContract, RandomTransactionsAreWholeOrNothing) {
  std::mt19937 random(1);
  std::map<std::string, int64_t> oracle;
  for (int round = 0; round < 60; ++round) {
    std::map<std::string, int64_t> wanted;
    const auto ends = random() % 3;  // commits, returns an Error, goes on after a statement that failed
    const uint32_t seed = random();
    const auto fault = database->write([&](Transaction& t) -> std::optional<Error> {
      std::mt19937 steps(seed);
      wanted = oracle;
      for (int i = int(steps() % 8); i >= 0; --i) {
        const std::string name = "n" + std::to_string(steps() % 5);
        const auto amount = int64_t(steps());
        const bool puts = steps() % 3 != 0;
        const auto changed =
            puts ? t.change(kPut, {name, amount}) : t.change("DELETE FROM item WHERE name = $1", {name});
        if (!changed) return changed.error();
        EXPECT_EQ(*changed, puts ? 1 : int64_t(wanted.count(name)));
        if (puts)
          wanted[name] = amount;
        else
          wanted.erase(name);
      }
      if (ends == 1) return Error{Code::cancelled, "stop"};
      if (ends == 2) {
        EXPECT_FALSE(t.change("INSERT INTO nothing VALUES (1)"));
      }
      return {};
    });
    ASSERT_EQ(fault.has_value(), ends != 0);
    if (ends == 1) {
      EXPECT_EQ(fault->message, "stop");
    }
    if (ends == 0) oracle = wanted;
    ASSERT_EQ(items(*database), oracle) << "round " << round;
  }
}

TEST_P(DatabaseContract, ReadsCannotChangeAnything) {
  ASSERT_FALSE(run(*database, kPut, {"a", int64_t{1}}));
  EXPECT_TRUE(database->read([](Transaction& t) { return done(t.change("DELETE FROM item")); }));
  EXPECT_TRUE(database->read([](Transaction& t) { return done(t.change("CREATE TABLE b (c BIGINT)")); }));
  EXPECT_EQ(items(*database).size(), 1u);
  EXPECT_FALSE(run(*database, kPut, {"b", int64_t{1}})) << "a write after it works";
}

TEST_P(DatabaseContract, KeepsValuesAsTheyAre) {
  std::vector<Value> values = {Value(), int64_t{0}, INT64_MIN, INT64_MAX, int64_t{-1}};
  for (const int64_t number : {INT64_MIN, INT64_MAX, int64_t{0}}) values.emplace_back(number);
  for (const Value& value : values) {
    ASSERT_FALSE(run(*database, kPut, {"x", value}));
    EXPECT_EQ(rows_of(*database, "SELECT amount FROM item")[0].value(0), value);
  }
  ASSERT_FALSE(run(*database, "DELETE FROM item"));
  std::vector<std::string> texts = {"",
                                    " ",
                                    "'; DROP TABLE item; --",
                                    "\"'`\\",
                                    "$1",
                                    "?1 :a @b",
                                    "NULL",
                                    "007",
                                    "1e3",
                                    "\x01\x1f\x7f",
                                    "\u00fc\u9996\U0001f600",
                                    "a\r\nb\t",
                                    "\\x00",
                                    "\ufeff"};
  texts.push_back(std::string(size_t{3} << 20, 'x') + "\u00fc");
  ASSERT_FALSE(run(*database, "CREATE TABLE note (body TEXT)"));
  for (const std::string& text : texts) {
    ASSERT_FALSE(run(*database, "INSERT INTO note VALUES ($1)", {text}));
    const auto rows = rows_of(*database, "SELECT body FROM note WHERE body = $1", {text});
    ASSERT_EQ(rows.size(), 1u) << text.substr(0, 40);
    EXPECT_EQ(rows[0].text(0), text);
    ASSERT_FALSE(run(*database, "DELETE FROM note"));
  }
}

TEST_P(DatabaseContract, RefusesTextsThatNotAllCanKeep) {
  std::vector<std::string> texts = {
      std::string("a\0b", 3), std::string(1, '\0'), "\xff",    "\xc3", "a\xc3(", "\xc0\x80",
      "\xed\xa0\x80",         "\xf4\x90\x80\x80",   "\xe9\xa6"};
  texts.emplace_back((size_t{16} << 20) + 1, 'x');
  for (const std::string& text : texts) {
    const auto fault = run(*database, kPut, {text, int64_t{1}});
    ASSERT_TRUE(fault);
    EXPECT_EQ(fault->code, Code::invalid) << fault->message;
    EXPECT_TRUE(items(*database).empty());
  }
  texts.back().pop_back();
  EXPECT_FALSE(run(*database, "INSERT INTO item (name) SELECT substr($1, 1, 5)", {texts.back()}));
}

TEST_P(DatabaseContract, VisitsRowsOneByOneUntilAnError) {
  const auto filled = database->write([](Transaction& t) -> std::optional<Error> {
    for (int64_t i = 0; i < 1000; ++i)
      if (auto fault = done(t.change(kPut, {"n" + std::to_string(i), i}))) return fault;
    return {};
  });
  ASSERT_FALSE(filled);
  int64_t visited = 0;
  const auto look = [&](int64_t stop) {
    visited = 0;
    return database->read([&](Transaction& t) {
      const Value values[] = {int64_t{1000}, "n%"};
      const char* const sql = "SELECT amount FROM item WHERE amount < $1 AND name LIKE $2 ORDER BY amount";
      return t.each(sql, values, [&](const Row& row) -> std::optional<Error> {
        EXPECT_EQ(row.number(0), visited);
        if (++visited == stop) return Error{Code::cancelled, "enough"};
        return {};
      });
    });
  };
  EXPECT_FALSE(look(-1));
  EXPECT_EQ(visited, 1000);
  const auto fault = look(10);
  ASSERT_TRUE(fault);
  EXPECT_EQ(fault->message, "enough");
  EXPECT_EQ(visited, 10);
  EXPECT_EQ(items(*database).size(), 1000u) << "the connection can be used after it";
}

TEST_P(DatabaseContract, ForgetsStatementsInTime) {
  const auto fault = database->write([](Transaction& t) -> std::optional<Error> {
    for (int i = 0; i < 600; ++i) {
      const auto rows = t.rows("SELECT " + std::to_string(i) + ", CAST($1 AS BIGINT)", {int64_t{i}});
      if (!rows) return rows.error();
      EXPECT_EQ((*rows)[0].number(0), (*rows)[0].number(1));
    }
    return {};
  });
  EXPECT_FALSE(fault) << fault->message;
}

TEST_P(DatabaseSharing, ConcurrentChangesLoseNothing) {
  constexpr int kThreads = 6, kEach = 25;
  ASSERT_FALSE(run(*database, kPut, {"a", int64_t{0}}));
  const auto other = open(place);
  std::vector<std::jthread> threads;
  for (int i = 0; i < kThreads; ++i)
    threads.emplace_back([&, i] {
      Database& mine = i % 2 ? *database : *other;
      for (int n = 0; n < kEach; ++n) {
        const auto fault = mine.write([](Transaction& t) -> std::optional<Error> {
          const auto rows = t.rows("SELECT amount FROM item WHERE name = 'a'");
          if (!rows) return rows.error();
          return done(
              t.change("UPDATE item SET amount = $1 WHERE name = 'a'", {rows->front().number(0) + 1}));
        });
        EXPECT_FALSE(fault) << fault->message;
      }
    });
  threads.clear();
  EXPECT_EQ(items(*database)["a"], kThreads * kEach);
}

TEST_P(DatabaseSharing, AReadSeesOneStateWhileOthersChangeIt) {
  ASSERT_FALSE(run(*database, kPut, {"a", int64_t{1}}));
  const auto other = open(place);
  const auto fault = database->read([&](Transaction& t) -> std::optional<Error> {
    const auto first = t.rows("SELECT amount FROM item");
    if (!first) return first.error();
    EXPECT_FALSE(run(*other, kPut, {"a", int64_t{2}}));
    EXPECT_FALSE(run(*other, kPut, {"b", int64_t{2}}));
    const auto second = t.rows("SELECT amount FROM item");
    if (!second) return second.error();
    EXPECT_EQ(second->size(), 1u);
    EXPECT_EQ((*second)[0].number(0), (*first)[0].number(0));
    return {};
  });
  EXPECT_FALSE(fault) << fault->message;
  EXPECT_EQ(items(*database).size(), 2u);
}

TEST_P(DatabaseSharing, AReadDoesNotWaitForAChange) {
  ASSERT_FALSE(run(*database, kPut, {"a", int64_t{1}}));
  const auto fault = database->write([&](Transaction& t) -> std::optional<Error> {
    if (auto failed = done(t.change(kPut, {"a", int64_t{2}}))) return failed;
    int64_t seen = 0;
    std::jthread([&] { seen = items(*database)["a"]; }).join();
    EXPECT_EQ(seen, 1) << "the state before";
    return {};
  });
  EXPECT_FALSE(fault) << fault->message;
  EXPECT_EQ(items(*database)["a"], 2);
}

TEST_P(DatabaseConnections, AChangeWhoseConnectionIsCutRunsAgain) {
  const auto other = open(place);
  const auto cut = [&] {  // all connections to this test's schema, except the one that asks
    return run(*other,
               "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
               " AND application_name = current_schema()");
  };
  int runs = 0;
  const auto fault = database->write([&](Transaction& t) -> std::optional<Error> {
    if (auto failed = done(t.change("INSERT INTO item (name) VALUES ('a')"))) return failed;
    if (++runs == 1) {
      EXPECT_FALSE(cut());
    }
    return done(t.change("INSERT INTO item (name) VALUES ('b')"));
  });
  EXPECT_FALSE(fault) << fault->message;
  EXPECT_EQ(runs, 2);
  ASSERT_FALSE(cut());
  EXPECT_EQ(items(*database).size(), 2u) << "an idle connection was cut";
}

TEST_P(DatabaseContract, IsForItsOwnerOnly) {
  for (const auto& file : std::filesystem::directory_iterator(folder.path))
    EXPECT_EQ(file.status().permissions(), std::filesystem::perms(0600)) << file.path();
}

const auto kKinds = testing::Values("Sqlite", "Memory", "Postgres");
const auto kSharedKinds = testing::Values("Sqlite", "Postgres");
INSTANTIATE_TEST_SUITE_P(On, DatabaseContract, kKinds, database_kind);
INSTANTIATE_TEST_SUITE_P(On, DatabaseSharing, kSharedKinds, database_kind);
INSTANTIATE_TEST_SUITE_P(On, DatabaseConnections, testing::Values("Postgres"), database_kind);

TEST(DatabasePlace, SaysNoPassword) {
  for (const std::string place :
       {"postgres://me:hidden@nowhere.invalid/x", "postgres://me:hid/den@host/x",
        "postgres://me:h%zidden@host/x", "postgres:///x?host=/nowhere&password=hidden",
        "postgres://me@/x?host=/nowhere&password=hidden&user=a@hidden", "mysql://me:hidden@host/x"}) {
    const auto opened = open_database(place);
    ASSERT_FALSE(opened) << place;
    const std::string& said = opened.error().message;
    EXPECT_EQ(said.find("hid"), std::string::npos) << said;
    EXPECT_EQ(said.find("den"), std::string::npos) << said;
  }
}

TEST(TextRule, AgreesWithTheReaderOfJson) {
  std::mt19937 random(5);
  constexpr std::string_view kBytes(
      "\x01"
      "a\x7f\x80\x8f\x90\x9f\xa0\xbf\xc0\xc2\xdf\xe0\xe1\xed\xef\xf0\xf1\xf4\xf5\xff",
      21);
  int plain = 0;
  for (int i = 0; i < 200000; ++i) {
    std::string text;
    for (auto n = random() % 6; n > 0; --n) text += kBytes[random() % kBytes.size()];
    std::string escaped = text;
    for (char& c : escaped) c = c == '\x01' ? 'b' : c;
    ASSERT_EQ(is_plain_text(text), parse_json("\"" + escaped + "\"", "text").has_value());
    plain += is_plain_text(text);
  }
  EXPECT_GT(plain, 20000);
}

}  // namespace
}  // namespace autark::storage
