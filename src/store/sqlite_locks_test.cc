// Goal: several connections of one process do not give up each other's locks, on which other processes rely. Method: another
// process asks the system which bytes of the file are locked, with the database in use by two connections.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>
#include <filesystem>
#include "store/database.h"

namespace autark::storage {
namespace {

// Whether a process holds SQLite's lock of a file in use: one of 510 bytes behind 0x40000002.
bool is_locked(const std::string& path) {
  const pid_t child = ::fork();
  if (child == 0) {
    const int file = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
    struct flock lock {};
    lock.l_type = F_WRLCK, lock.l_whence = SEEK_SET, lock.l_start = 0x40000002, lock.l_len = 510;
    ::_exit(file >= 0 && ::fcntl(file, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK ? 0 : 1);
  }
  int status = 1;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST(SqliteLocks, AreKeptWhileOthersOpenTheFile) {
  const std::filesystem::path file = testing::TempDir() + "sqlite_locks_test.db";
  std::filesystem::remove(file);
  const auto first = open_database("sqlite:" + file.string());
  ASSERT_TRUE(first) << first.error().message;
  const auto make = [](Transaction& t) -> std::optional<Error> {
    const auto made = t.change("CREATE TABLE a (b BIGINT)");
    return made ? std::nullopt : std::optional(made.error());
  };
  ASSERT_FALSE((*first)->write(make));
  EXPECT_TRUE(is_locked(file));
  ASSERT_TRUE(open_database("sqlite:" + file.string()));
  EXPECT_TRUE(is_locked(file)) << "a second database gave the locks of the first one up";
  std::filesystem::remove(file);
}

}  // namespace
}  // namespace autark::storage
