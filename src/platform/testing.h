// For tests: a platform's database of its own for each test, on SQLite and, with AUTARK_TEST_POSTGRES, on PostgreSQL.
#pragma once
#include <gtest/gtest.h>
#include <atomic>
#include <filesystem>
#include <memory>
#include <string>
#include <variant>
#include <vector>
#include "platform/directory.h"
#include "platform/schema.h"
#include "platform/secrets.h"
#include "store/database_testing.h"

namespace autark::platform {

using storage::TestFolder;

std::string bytes_of_file(const std::filesystem::path& file);

// The place of an empty database: a file in `folder`, or a schema of its own.
std::string empty_database(const std::string& kind, const std::filesystem::path& folder);

std::vector<std::string> database_kinds();

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
std::string all_texts(storage::Database& database, const char* sql);

// A directory with the account "default" and the workspaces "blue" and "red".
class PlatformTest : public testing::TestWithParam<std::string> {
 protected:
  PlatformTest();
  ~PlatformTest() override;
  void SetUp() override;
  Clock clock();
  Member add_member(const std::string& name, std::vector<Role> roles,
                    std::vector<std::string> workspaces = {});
  // A member's session.
  static Actor actor(const Member& member);
  MadeKey add_key(const std::string& workspace, const std::string& name);

  TestFolder folder;
  std::atomic<Micros> now{1'800'000'000 * kSecond};
  std::shared_ptr<storage::Database> database;
  std::shared_ptr<Directory> directory;
  Account account;
  Actor root;
  Workspace blue, red;
};

std::string kind_name(const testing::TestParamInfo<std::string>& info);

}  // namespace autark::platform
