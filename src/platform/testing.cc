#include "platform/testing.h"
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <utility>

namespace autark::platform {

std::string bytes_of_file(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::stringstream bytes;
  bytes << in.rdbuf();
  return bytes.str();
}

std::string empty_database(const std::string& kind, const std::filesystem::path& folder) {
  return storage::empty_place(kind, folder);
}

std::vector<std::string> database_kinds() {
  if (std::getenv("AUTARK_TEST_POSTGRES")) return {"Sqlite", "Postgres"};
  return {"Sqlite"};
}

std::string all_texts(storage::Database& database, const char* sql) {
  std::string all;
  const auto failed = database.read([&](storage::Transaction& t) -> std::optional<Error> {
    const auto rows = t.rows(sql);
    if (!rows) return rows.error();
    for (const auto& row : *rows) all += row.text(0) + "\n" + row.text(1) + "\n";
    return {};
  });
  EXPECT_FALSE(failed) << failed->message;
  return all;
}

PlatformTest::PlatformTest() = default;
PlatformTest::~PlatformTest() = default;

void PlatformTest::SetUp() {
  auto opened = storage::open_database(empty_database(GetParam(), folder.path));
  ASSERT_TRUE(opened) << opened.error().message;
  database = std::move(*opened);
  const auto failed = make_tables(*database);
  ASSERT_FALSE(failed) << failed->message;
  directory = std::make_shared<Directory>(database, clock());
  account = must(directory->create_account("default", "CNY"));
  root = operator_of(account.id);
  blue = must(directory->create_workspace(root, "blue"));
  red = must(directory->create_workspace(root, "red"));
}

Clock PlatformTest::clock() {
  return [this] { return now.load(); };
}

Member PlatformTest::add_member(const std::string& name, std::vector<Role> roles,
                                std::vector<std::string> workspaces) {
  return must(directory->create_member(root, {.name = name,
                                              .roles = std::move(roles),
                                              .workspaces = std::move(workspaces),
                                              .password = "correct horse"}))
      .member;
}

Actor PlatformTest::actor(const Member& member) {
  Actor who;
  who.account = member.account, who.roles = member.roles, who.member = member.id;
  who.workspaces = member.workspaces;
  return who;
}

MadeKey PlatformTest::add_key(const std::string& workspace, const std::string& name) {
  KeyDraft draft;
  draft.workspace = workspace, draft.name = name;
  return must(directory->create_key(root, draft));
}

std::string kind_name(const testing::TestParamInfo<std::string>& info) {
  return info.param;
}

}  // namespace autark::platform
