// Goal: a backup has everything of one moment, and fills either kind of database with the same. Method: properties over
// random rows of every table (what comes out is what went in, also of the numbers of later rows), under load, and damaged
// files at every place.
#include "store/backup.h"
#include <fstream>
#include <thread>
#include "platform/ledger.h"
#include "platform/testing.h"
#include "store/table_facts.h"

namespace autark::platform {
namespace {

using storage::TableFacts;
using storage::Transaction;
using storage::Value;

// All rows of all tables as one text.
std::string content(storage::Database& database) {
  std::string all;
  const auto failed = database.read([&](Transaction& t) -> std::optional<Error> {
    const auto tables = storage::table_facts(t, database.is_shared());
    if (!tables) return tables.error();
    std::vector<std::string> lines;
    for (const TableFacts& table : *tables) {
      const auto rows = t.rows("SELECT * FROM " + storage::quoted(table.name));
      if (!rows) return rows.error();
      for (const auto& row : *rows) {
        std::string line = table.name;
        for (size_t i = 0; i < row.columns(); ++i)
          line += "|" + (row.is_null(i)                                  ? "NULL"
                         : std::holds_alternative<int64_t>(row.value(i)) ? std::to_string(row.number(i))
                                                                         : row.text(i));
        lines.push_back(line);
      }
    }
    std::ranges::sort(lines);
    for (const auto& line : lines) all += line + "\n";
    return {};
  });
  EXPECT_FALSE(failed) << failed->message;
  return all;
}

class BackupTest : public PlatformTest {
 protected:
  std::shared_ptr<storage::Database> empty(const std::string& kind) {
    std::filesystem::create_directories(folder.path / std::to_string(++made_));
    auto opened = storage::open_database(empty_database(kind, folder.path / std::to_string(made_)));
    EXPECT_TRUE(opened);
    return std::move(*opened);
  }
  // Directory and ledger with rows.
  void fill() {
    add_member("ada", {Role::system}, {blue.id});
    add_key(blue.id, "首 \"key\"\\");
    must(directory->set_limit(
        root, {.level = "workspace", .subject = blue.id, .kind = LimitKind::rpm, .amount = 9}));
    Ledger ledger(database, {.clock = clock()});
    for (int i = 0; i < 20; ++i)
      ASSERT_FALSE(ledger.deposit(account.id, {1'000'000'000 + i, "CNY"}, "d" + std::to_string(i)));
  }
  std::filesystem::path file() { return folder.path / "copy"; }
  std::optional<Error> restore(storage::Database& to) { return storage::restore(file(), to, schema_steps()); }

 private:
  int made_ = 0;
};

TEST_P(BackupTest, FillsEitherKindWithTheSame) {
  fill();
  const auto failed = storage::backup(*database, file());
  ASSERT_FALSE(failed) << failed->message;
  EXPECT_EQ(std::filesystem::status(file()).permissions(), std::filesystem::perms(0600));
  for (const std::string& kind : database_kinds()) {
    const auto other = empty(kind);
    const auto fault = restore(*other);
    ASSERT_FALSE(fault) << fault->message;
    EXPECT_EQ(content(*other), content(*database)) << kind;
    Ledger ledger(other, {.clock = clock()});
    EXPECT_FALSE(ledger.deposit(account.id, {1, "CNY"}, "after the restore")) << "new numbers do not collide";
    EXPECT_FALSE(ledger.audit());
  }
}

TEST_P(BackupTest, IsOfOneMomentWhileOthersWrite) {
  std::atomic<bool> stop{false};
  std::jthread writer([&] {
    Ledger ledger(database, {.clock = clock()});
    for (int i = 0; !stop; ++i)
      if (ledger.deposit(account.id, {1 + i, "CNY"}, "w" + std::to_string(i))) return;
  });
  for (int i = 0; i < 5; ++i) {
    std::filesystem::remove(file());
    const auto failed = storage::backup(*database, file());
    ASSERT_FALSE(failed) << failed->message;
    const auto other = empty(GetParam());
    ASSERT_FALSE(restore(*other));
    const auto fault = Ledger(other, {.clock = clock()}).audit();
    EXPECT_FALSE(fault) << fault->message;
  }
  stop = true;
}

TEST_P(BackupTest, EveryDamageIsFoundBeforeAnythingIsLoaded) {
  fill();
  ASSERT_FALSE(storage::backup(*database, file()));
  const std::string whole = bytes_of_file(file());
  const auto other = empty(GetParam());
  for (size_t at = 0; at < whole.size(); at += 37) {
    std::string damaged = whole;
    if (at % 2)
      damaged[at] = damaged[at] == 'x' ? 'y' : 'x';
    else
      damaged.resize(at);
    std::ofstream(file(), std::ios::binary) << damaged;
    const auto fault = restore(*other);
    ASSERT_TRUE(fault) << "byte " << at;
    ASSERT_EQ(content(*other), "") << fault->message;
  }
}

TEST_P(BackupTest, RefusesWhatItWouldOverwrite) {
  fill();
  ASSERT_FALSE(storage::backup(*database, file()));
  EXPECT_TRUE(storage::backup(*database, file()));
  const std::string before = content(*database);
  const auto fault = restore(*database);
  ASSERT_TRUE(fault);
  EXPECT_NE(fault->message.find("has data already"), std::string::npos) << fault->message;
  EXPECT_EQ(content(*database), before);
}

INSTANTIATE_TEST_SUITE_P(On, BackupTest, testing::ValuesIn(database_kinds()), kind_name);

}  // namespace
}  // namespace autark::platform
