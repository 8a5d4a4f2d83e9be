// For tests: a platform's database of its own for each test, on SQLite and, with AUTARK_TEST_POSTGRES, on PostgreSQL.
#pragma once
#include <gtest/gtest.h>
#include <unistd.h>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include "platform/directory.h"
#include "platform/schema.h"
#include "platform/secrets.h"
#include "store/database_testing.h"

namespace autark::platform {

using storage::TestFolder;

inline std::string bytes_of_file(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::stringstream bytes;
  bytes << in.rdbuf();
  return bytes.str();
}

// The place of an empty database: a file in `folder`, or a schema of its own.
inline std::string empty_database(const std::string& kind, const std::filesystem::path& folder) {
  return storage::empty_place(kind, folder);
}

inline std::vector<std::string> database_kinds() {
  if (std::getenv("AUTARK_TEST_POSTGRES")) return {"Sqlite", "Postgres"};
  return {"Sqlite"};
}

template <class T>
T must(api::ApiResult<T> result) {
  const auto* fault = std::get_if<api::ApiError>(&result);
  EXPECT_FALSE(fault) << fault->message;
  return fault ? T{} : std::move(std::get<T>(result));
}

// "": it was no fault.
template <class T>
std::string message_of(const api::ApiResult<T>& result) {
  const auto* fault = std::get_if<api::ApiError>(&result);
  return fault ? fault->message : "";
}
template <class T>
std::string code_of(const api::ApiResult<T>& result) {
  const auto* fault = std::get_if<api::ApiError>(&result);
  return fault ? fault->code : "";
}

// The two texts of each row of a query.
inline std::string all_texts(storage::Database& database, const char* sql) {
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

// A directory with the account "default" and the workspaces "blue" and "red".
class PlatformTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
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
  Clock clock() {
    return [this] { return now.load(); };
  }
  Member add_member(const std::string& name, std::vector<Role> roles,
                    std::vector<std::string> workspaces = {}) {
    return must(directory->create_member(root, {.name = name,
                                                .roles = std::move(roles),
                                                .workspaces = std::move(workspaces),
                                                .password = "correct horse"}))
        .member;
  }
  // A member's session.
  static Actor actor(const Member& member) {
    Actor who;
    who.account = member.account, who.roles = member.roles, who.member = member.id;
    who.workspaces = member.workspaces;
    return who;
  }
  MadeKey add_key(const std::string& workspace, const std::string& name) {
    KeyDraft draft;
    draft.workspace = workspace, draft.name = name;
    return must(directory->create_key(root, draft));
  }

  TestFolder folder;
  std::atomic<Micros> now{1'800'000'000 * kSecond};
  std::shared_ptr<storage::Database> database;
  std::shared_ptr<Directory> directory;
  Account account;
  Actor root;
  Workspace blue, red;
};

inline std::string kind_name(const testing::TestParamInfo<std::string>& info) {
  return info.param;
}

}  // namespace autark::platform
