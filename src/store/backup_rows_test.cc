// Goal: a backup of one kind of database fills another kind with the same rows, of any schema and version, and new rows go on
// behind all that were ever there; a hostile file is an Error. Method: all pairs of kinds and versions; files written by hand
// with a checksum that is right. src/platform/backup_test.cc does the same with a platform under load, and damages files.
#include <fmt/format.h>
#include <cstdlib>
#include <fstream>
#include "base/fnv.h"
#include "store/backup.h"
#include "store/database_testing.h"

namespace autark::storage {
namespace {

constexpr SchemaStep kSteps[] = {
    {"CREATE TABLE person (id TEXT PRIMARY KEY, age BIGINT, note TEXT);", "DROP TABLE person;"},
    {"CREATE TABLE visit (number {serial}, person TEXT NOT NULL REFERENCES person (id));",
     "DROP TABLE visit;"},
    {"CREATE TABLE \"or\"\"der\" (\"select\" TEXT);", "DROP TABLE \"or\"\"der\";"},
};

class BackupRows : public DatabaseTest {
 protected:
  std::vector<std::string> kinds() const {
    if (std::getenv("AUTARK_TEST_POSTGRES")) return {"Sqlite", "Memory", "Postgres"};
    return {"Sqlite", "Memory"};
  }
  std::filesystem::path file() const { return folder.path / "copy"; }
  // Writes a file with these lines and the end that belongs to them.
  void write_lines(const std::vector<std::string>& lines) {
    std::string text;
    int64_t rows = 0;
    for (const std::string& line : lines) text += line + "\n", rows += line.starts_with("[");
    std::ofstream(file(), std::ios::binary)
        << text << fmt::format("{{\"rows\":{},\"sum\":\"{:016x}\"}}\n", rows, fnv1a(text));
  }
};

TEST_P(BackupRows, FillAnyKindFromAnyVersion) {
  for (size_t version = 0; version <= std::size(kSteps); ++version) {
    const auto from = open_empty();
    ASSERT_FALSE(from->migrate(kSteps, version));
    fill_tables(*from, 500);
    std::filesystem::remove(file());
    const auto failed = backup(*from, file());
    ASSERT_FALSE(failed) << failed->message;
    for (const std::string& kind : kinds()) {
      const auto to = open_empty(kind);
      ASSERT_FALSE(to->migrate(kSteps, 2)) << "tables that are empty";
      const auto fault = restore(file(), *to, kSteps);
      ASSERT_FALSE(fault) << fault->message;
      EXPECT_EQ(*to->version(), 3);
      for (const TableFacts& table : tables_of(*from))
        EXPECT_EQ(content_of(*to, table), content_of(*from, table)) << kind << " of version " << version;
    }
  }
}

TEST_P(BackupRows, NewRowsGetNumbersThatNoneEverHad) {
  ASSERT_FALSE(database->migrate(kSteps, 3));
  fill_tables(*database, 5);
  ASSERT_FALSE(run(*database, "DELETE FROM visit WHERE number > 2"));
  ASSERT_FALSE(backup(*database, file()));
  for (const std::string& kind : kinds()) {
    const auto to = open_empty(kind);
    ASSERT_FALSE(restore(file(), *to, kSteps));
    ASSERT_FALSE(run(*to, "INSERT INTO visit (person) SELECT id FROM person WHERE age = 2"));
    EXPECT_EQ(rows_of(*to, "SELECT max(number) FROM visit")[0].number(0), 6) << kind;
  }
}

TEST_P(BackupRows, KeepHugeAndStrangeTexts) {
  ASSERT_FALSE(database->migrate(kSteps, 3));
  const std::string huge(size_t{1} << 18, '\x01');
  for (const std::string text : {huge.c_str(), "", "\n\r\"\\", "\u00fc\U0001f600\u2028"})
    ASSERT_FALSE(run(*database, "INSERT INTO person VALUES ($1, $2, $3)",
                     {std::to_string(text.size()), Value(), text}));
  ASSERT_FALSE(backup(*database, file()));
  for (const std::string& kind : kinds()) {
    const auto to = open_empty(kind);
    const auto fault = restore(file(), *to, kSteps);
    ASSERT_FALSE(fault) << fault->message;
    EXPECT_TRUE(content_of(*to) == content_of(*database)) << kind;
  }
}

TEST_P(BackupRows, OfHostileFilesAreErrorsAndLeaveNothing) {
  const std::string head = R"({"autark_backup":1,"version":3})";
  const std::string person = R"({"table":"person","columns":["id","age"]})";
  const std::string visit = R"({"table":"visit","columns":["number","person"],"last":1})";
  const std::vector<std::vector<std::string>> files = {
      {},
      {"[]"},
      {R"({"autark_backup":2,"version":3})"},
      {R"({"autark_backup":1,"version":4})"},
      {R"({"autark_backup":1,"version":-1})"},
      {R"({"autark_backup":1,"version":18446744073709551615})"},
      {R"({"autark_backup":1,"version":"3"})"},
      {head, R"(["a",1])"},
      {head, "7"},
      {head, R"({"table":"nothing","columns":["id"]})"},
      {head, R"({"table":7,"columns":["id"]})"},
      {head, R"({"table":"person","columns":["id","x\"); DROP TABLE person; --"]})"},
      {head, R"({"table":"person","columns":["id","id"]})", R"(["a","a"])"},
      {head, R"({"table":"person","columns":{"id":1}})", R"(["a"])"},
      {head, R"({"table":"person"})"},
      {head, person, R"(["a"])"},
      {head, person, R"(["a",1,2])"},
      {head, person, R"(["a","1"])"},
      {head, person, R"([1,1])"},
      {head, person, R"(["a",1.5])"},
      {head, person, R"(["a",9223372036854775808])"},
      {head, person, R"(["a",[1]])"},
      {head, person, R"(["a",true])"},
      {head, person, R"(["a\u0000",1])"},
      {head, person, R"(["a",1])", R"(["a",2])"},
      {head, visit, R"([1,"a"])"},
      {head, R"({"table":"visit","columns":["number","person"],"last":-1})"},
      {head, R"({"table":"visit","columns":["number","person"],"last":"1"})"},
  };
  for (const auto& lines : files) {
    write_lines(lines);
    const auto fault = restore(file(), *database, kSteps);
    ASSERT_TRUE(fault) << (lines.empty() ? "" : lines.back());
    EXPECT_TRUE(fault->message.starts_with("restore: ")) << fault->message;
    EXPECT_EQ(content_of(*database), "") << lines.back();
  }
  write_lines({head, person, R"(["a",1])", visit, R"([1,"a"])"});
  const auto fault = restore(file(), *database, kSteps);
  EXPECT_FALSE(fault) << "the same with nothing wrong: " << fault->message;
}

TEST_P(BackupRows, ThatCannotBeWrittenLeaveNoFile) {
  ASSERT_FALSE(database->migrate(kSteps, 3));
  EXPECT_TRUE(backup(*database, folder.path / "nothing" / "copy"));
  EXPECT_TRUE(restore(folder.path / "nothing", *database, kSteps));
  EXPECT_FALSE(std::filesystem::exists(folder.path / "nothing"));
}

INSTANTIATE_TEST_SUITE_P(On, BackupRows, testing::Values("Sqlite", "Memory", "Postgres"), database_kind);

}  // namespace
}  // namespace autark::storage
