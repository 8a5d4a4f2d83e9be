// Goal: no settled charge is lost, none is booked twice and no reservation stays, whenever a server or the database is killed.
// Method: a process books random charges and says through a pipe what is durable; it, or PostgreSQL, is killed (SIGKILL) after
// a random number of them. AUTARK_KILLS: how often; AUTARK_KILL_POSTGRES: how often the database, which nobody else may use.
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cstdlib>
#include <map>
#include <random>
#include <sstream>
#include <thread>
#include "platform/ledger_testing.h"

namespace autark::platform {
namespace {

int count_of(const char* variable, int otherwise) {
  const char* text = std::getenv(variable);
  return text ? std::atoi(text) : otherwise;
}

// The child: books charges until it is killed. Writes "ID INPUT OUTPUT" for each that is durable.
[[noreturn]] void book_forever(const std::string& place, const std::string& server, uint64_t seed, int pipe) {
  std::shared_ptr<storage::Database> database = std::move(*storage::open_database(place));
  Ledger ledger(database, {.server = server,
                           .clock = [] { return 1'800'000'000 * kSecond; },
                           .note_every = std::chrono::milliseconds(2),
                           .patience = std::chrono::minutes(5)});
  std::mt19937_64 random(seed);
  std::atomic<int> open = 0;
  for (int i = 0;; ++i) {
    while (open > 100) std::this_thread::yield();
    Charge c = charge(server + "-" + std::to_string(i), int64_t(random() % 5000), int64_t(random() % 900));
    c.account = random() % 3 ? "a1" : "a2";
    ledger.begin(c);
    ledger.note(c.id, {.input = c.tokens.input, .output = 1});
    if (random() % 20 == 0) continue;  // stays under way
    ++open;
    const std::string line =
        c.id + " " + std::to_string(c.tokens.input) + " " + std::to_string(c.tokens.output) + "\n";
    ledger.settle(c, [&open, line, pipe](std::optional<Error> fault) {
      --open;
      if (!fault && ::write(pipe, line.data(), line.size()) < 0) _exit(1);
    });
  }
}

// A process that books, and what it said.
class Booker {
 public:
  Booker(const std::string& place, const std::string& server, uint64_t seed) {
    int ends[2];
    EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
    pid_ = fork();
    if (pid_ == 0) book_forever(place, server, seed, ends[1]);
    close(ends[1]);
    pipe_ = ends[0];
  }
  ~Booker() {
    end();
    close(pipe_);
  }
  // Reads until so many more bytes came.
  void read_more(size_t bytes) {
    const size_t wanted = text_.size() + bytes;
    while (text_.size() < wanted && read_some()) {
    }
  }
  void end() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    waitpid(std::exchange(pid_, 0), nullptr, 0);
    while (read_some()) {
    }
  }
  const std::string& text() const { return text_; }

 private:
  bool read_some() {
    std::array<char, 4096> buffer;
    const ssize_t count = ::read(pipe_, buffer.data(), buffer.size());
    if (count > 0) text_.append(buffer.data(), size_t(count));
    return count > 0;
  }
  pid_t pid_ = 0;
  int pipe_ = -1;
  std::string text_;
};

class LedgerKills : public LedgerTest {
 protected:
  void SetUp() override {
    LedgerTest::SetUp();
    Ledger ledger(inner, options(""));
    for (const char* unit : {"CNY", "tokens"})
      ASSERT_TRUE(ledger.grant({.account = "a1", .kind = "free", .unit = unit, .amount = 40'000'000}));
    close_database();
  }
  // No connection may be open while a process is forked: SQLite does not bear it.
  void close_database() { inner.reset(), database.reset(); }
  void open_again() {
    auto opened = storage::open_database(place);
    ASSERT_TRUE(opened) << opened.error().message;
    inner = std::move(*opened);
  }
  // Everything that was said to be durable is there, once, and nothing is left under way.
  void check(const std::string& said) {
    open_again();
    now += 3600 * kSecond;  // all leases end
    Ledger ledger(inner, options(""));
    ASSERT_TRUE(ledger.recover());
    expect_sound(ledger);
    EXPECT_EQ(number("SELECT COUNT(*) FROM reservation"), 0);
    EXPECT_EQ(number("SELECT COUNT(*) FROM server"), 0);
    std::map<std::string, std::pair<int64_t, int64_t>> booked;
    const auto fault = inner->read([&](storage::Transaction& t) -> std::optional<Error> {
      const auto rows = t.rows("SELECT id, input, output FROM usage WHERE outcome = 'complete'");
      if (!rows) return rows.error();
      for (const auto& row : *rows) booked[row.text(0)] = {row.number(1), row.number(2)};
      return std::nullopt;
    });
    EXPECT_FALSE(fault);
    std::istringstream lines(said);
    std::pair<int64_t, int64_t> tokens;
    for (std::string id; lines >> id >> tokens.first >> tokens.second; ++settled) {
      ASSERT_TRUE(booked.contains(id)) << id;
      EXPECT_EQ(booked[id], tokens);
    }
    close_database();
  }
  int64_t settled = 0;
};

TEST_P(LedgerKills, AKilledServerLosesNothing) {
  std::mt19937_64 random(1);
  std::string said;
  for (int i = 0; i < count_of("AUTARK_KILLS", 10); ++i) {
    Booker one(place, "one" + std::to_string(i), random()), two(place, "two" + std::to_string(i), random());
    one.read_more(random() % 8000);
    two.end();
    one.end();
    said += one.text() + two.text();
    if (i % 5 == 4) check(std::exchange(said, ""));
  }
  check(said);
  EXPECT_GT(settled, 0);
  open_again();
  EXPECT_GT(number("SELECT COUNT(*) FROM usage WHERE outcome = 'lost'"), 0)
      << "the kills hit requests under way";
}

TEST_P(LedgerKills, AKilledDatabaseLosesNothing) {
  const int kills = count_of("AUTARK_KILL_POSTGRES", 0);
  if (GetParam() != "Postgres" || kills == 0)
    GTEST_SKIP() << "kills PostgreSQL only if AUTARK_KILL_POSTGRES says how often";
  const std::string folder = std::getenv("AUTARK_TEST_POSTGRES_DATA");
  std::mt19937_64 random(2);
  Booker one(place, "one", random());
  for (int i = 0; i < kills; ++i) {
    one.read_more(random() % 20'000);
    const int pid = std::atoi(bytes_of_file(folder + "/postmaster.pid").c_str());
    ASSERT_GT(pid, 1);
    ASSERT_EQ(kill(pid, SIGKILL), 0);
    ASSERT_EQ(std::system(AUTARK_SOURCE_DIR "/tests/with_postgres --start"), 0);
    one.read_more(2'000);  // it goes on
  }
  one.end();
  check(one.text());
  EXPECT_GT(settled, kills);
}

INSTANTIATE_TEST_SUITE_P(On, LedgerKills, testing::ValuesIn(database_kinds()), kind_name);

}  // namespace
}  // namespace autark::platform
