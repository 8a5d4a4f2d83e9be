// Goal: platform.toml is read as its header says, wrong files are refused with their line, and a new platform is made whole
// or not at all; no secret of it is in its database.
// Method: texts of files and their faults; make_platform in new, used and unwritable folders, and in a process that is killed
// at one system call after the other; the bytes of all files.
#include "platform/platform_file.h"
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <fstream>
#include "platform/gatekeeper.h"
#include "platform/platform.h"
#include "platform/testing.h"

namespace autark::platform {
namespace {

namespace fs = std::filesystem;

std::string fault_of_file(const std::string& text) {
  const auto file = parse_platform_file(text, "/p/platform.toml");
  return file ? "" : file.error().message;
}

TEST(PlatformFile, PathsBelongToTheFile) {
  const auto file =
      parse_platform_file("store = 'sqlite:a.db'\nprices = 'p.toml'\npost_paid = false", "/p/platform.toml");
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(file->store, "sqlite:/p/a.db");
  EXPECT_EQ(file->prices, "/p/p.toml");
  EXPECT_EQ(file->time_zone, "UTC");
  EXPECT_FALSE(file->post_paid);
  EXPECT_FALSE(file->separation);
  EXPECT_EQ(file->key_file(), "/p/platform.key");
  EXPECT_EQ(parse_platform_file("store = 'sqlite:/q/a.db'", "/p/x.toml")->store, "sqlite:/q/a.db");
  EXPECT_EQ(parse_platform_file("store = 'postgres://me@h/d'", "/p/x.toml")->store, "postgres://me@h/d");
}

TEST(PlatformFile, APasswordInTheUrlIsSaid) {
  const auto remarks = [](const std::string& url) {
    return parse_platform_file("store = '" + url + "'", "/p/x.toml")->remarks.size();
  };
  EXPECT_EQ(remarks("postgres://me@h/d"), 0u);
  EXPECT_EQ(remarks("postgres://me:pass@h:5432/d"), 1u);
  EXPECT_EQ(remarks("postgres://h:5432/d"), 0u);
  EXPECT_EQ(remarks("postgres://h/d?user=me&password=pass"), 1u);
}

TEST(PlatformFile, SeparationIsAFlagOrAWord) {
  for (const auto& [value, is_on] :
       {std::pair{"true", true}, {"'on'", true}, {"false", false}, {"\"off\"", false}})
    EXPECT_EQ(parse_platform_file("store = 'sqlite:a'\nseparation = " + std::string(value), "/p/x.toml")
                  ->separation,
              is_on)
        << value;
  EXPECT_NE(fault_of_file("store = 'sqlite:a'\nseparation = 'yes'").find("line 2: separation"),
            std::string::npos);
}

TEST(PlatformFile, FaultsNameLineAndKey) {
  EXPECT_NE(fault_of_file("store = 'sqlite:a'\n\nspeed = 1").find("line 3: there is no key 'speed'"),
            std::string::npos);
  EXPECT_NE(fault_of_file("store = 7").find("line 1: store must be a text"), std::string::npos);
  EXPECT_NE(fault_of_file("store = 'sqlite:a'\npost_paid = 'yes'").find("line 2: post_paid"),
            std::string::npos);
  EXPECT_NE(fault_of_file("").find("store is missing"), std::string::npos);
  EXPECT_NE(fault_of_file("a\nb").find("line 1"), std::string::npos);
  for (const char* store : {"", "sqlite:", "sqlite::memory:", "mysql://h/d", "platform.db"})
    EXPECT_NE(fault_of_file("store = '" + std::string(store) + "'"), "") << store;
}

class NewPlatformTest : public testing::TestWithParam<std::string> {
 protected:
  std::string store() {
    return GetParam() == "Sqlite" ? "sqlite:platform.db" : empty_database(GetParam(), "");
  }
  TestFolder folder;
};

TEST_P(NewPlatformTest, OpensAndLetsItsAdministratorIn) {
  const fs::path place = folder.path / "a" / "b";
  const auto made = make_platform(place, {.store = store()});
  ASSERT_TRUE(made) << made.error().message;
  const auto opened = open_platform(place);
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_TRUE(open_platform(made->file));
  EXPECT_EQ(must(opened->directory->account("")).id, made->account);
  EXPECT_EQ(opened->directory->all_prices()->files().size(), 1u);
  const auto gate = Gatekeeper::open(opened->database, {});
  ASSERT_TRUE(gate);
  const auto caller =
      (*gate)->enter({.path = "/admin/v1/keys", .secret = made->secret, .address = "127.0.0.1"});
  EXPECT_EQ(must(caller)->role, Role::system);
  EXPECT_EQ(std::get<0>(caller)->key, made->key);
}

TEST_P(NewPlatformTest, TheFileTurnsSeparationOn) {
  const auto made = make_platform(folder.path / "p", {.store = store()});
  ASSERT_TRUE(made) << made.error().message;
  const Actor root = operator_of(made->account);
  const auto is_on = [&](Platform& p) { return std::get<bool>(p.directory->separation()); };
  auto before = open_platform(made->file);
  ASSERT_TRUE(before) << before.error().message;
  EXPECT_FALSE(is_on(*before));
  const auto both =
      before->directory->create_member(root, {.name = "both", .roles = {Role::system, Role::audit}});
  ASSERT_TRUE(std::holds_alternative<MadeMember>(both));
  std::ofstream(made->file, std::ios::app) << "separation = true\n";
  auto refused = open_platform(made->file);
  ASSERT_TRUE(refused) << refused.error().message;
  EXPECT_FALSE(is_on(*refused)) << "a member has two roles";
  ASSERT_EQ(refused->file.remarks.size(), 1u);
  EXPECT_NE(refused->file.remarks[0].find("both"), std::string::npos) << refused->file.remarks[0];
  refused->directory->enable_member(root, "both", false);
  auto after = open_platform(made->file);
  ASSERT_TRUE(after) << after.error().message;
  EXPECT_TRUE(is_on(*after));
  EXPECT_TRUE(after->file.remarks.empty());
}

TEST_P(NewPlatformTest, IsPrivateAndItsFilesHaveNoSecret) {
  const auto made = make_platform(folder.path / "p", {.store = store()});
  ASSERT_TRUE(made);
  struct stat is {};
  ASSERT_EQ(::stat((folder.path / "p").c_str(), &is), 0);
  EXPECT_EQ(is.st_mode & 0777, 0700u);
  for (const auto& entry : fs::directory_iterator(folder.path / "p")) {
    ASSERT_EQ(::stat(entry.path().c_str(), &is), 0);
    EXPECT_EQ(is.st_mode & 0777, 0600u) << entry.path();
    EXPECT_EQ(bytes_of_file(entry.path()).find(made->secret.substr(12)), std::string::npos) << entry.path();
  }
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path), {}), 1);
}

TEST_P(NewPlatformTest, IsMadeOnce) {
  const std::string place = store();
  ASSERT_TRUE(make_platform(folder.path / "p", {.store = place}));
  const std::string before = bytes_of_file(folder.path / "p" / "platform.key");
  EXPECT_FALSE(make_platform(folder.path / "p", {.store = place}));
  EXPECT_EQ(bytes_of_file(folder.path / "p" / "platform.key"), before);
  if (GetParam() == "Sqlite") return;
  const auto second = make_platform(folder.path / "q", {.store = place});
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().message.find("has a platform already"), std::string::npos);
  EXPECT_FALSE(fs::exists(folder.path / "q"));
}

TEST_P(NewPlatformTest, IsMadeWholeOrNotAtAll) {
  const std::string place = store();
  EXPECT_FALSE(make_platform(folder.path / "p", {.store = place, .currency = "yuan"}));
  EXPECT_FALSE(make_platform(folder.path / "p", {.store = place, .time_zone = "Nowhere/Town"}));
  EXPECT_FALSE(make_platform(folder.path / "p", {.store = "mysql:x"}));
  EXPECT_FALSE(make_platform(folder.path / "p", {.store = "sqlite:missing/folder/x.db"}));
  EXPECT_TRUE(fs::is_empty(folder.path));
  std::ofstream(folder.path / "file") << "x";
  EXPECT_FALSE(make_platform(folder.path / "file", {.store = place}));
  EXPECT_FALSE(make_platform(folder.path / "file" / "below", {.store = place}));
  EXPECT_FALSE(make_platform(folder.path, {.store = place}));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path), {}), 1);
  EXPECT_TRUE(make_platform(folder.path / "p", {.store = place}));
}

// A folder that is whole, and a database with tables of this version and no rows: what a process had done that was killed
// before it wrote rows.
void take_rows(const fs::path& place, size_t version) {
  const auto database = storage::open_database(read_platform_file(place)->store);
  ASSERT_TRUE(database);
  ASSERT_FALSE((*database)->migrate(schema_steps(), 0));
  ASSERT_FALSE((*database)->migrate(schema_steps(), version));
}

// The folder has one platform with one key, and all its files.
void expect_whole(const fs::path& place) {
  const auto opened = open_platform(place);
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_EQ(opened->directory->all_prices()->files().size(), 1u);
  const Account account = must(opened->directory->account(""));
  EXPECT_EQ(must(opened->directory->keys(operator_of(account.id))).size(), 1u);
}

TEST_P(NewPlatformTest, WhatWasBegunIsFinished) {
  const NewPlatform wanted{.store = store()};
  const fs::path place = folder.path / "p";
  ASSERT_TRUE(make_platform(place, wanted));
  for (size_t version = 0; version <= schema_steps().size(); ++version) {
    take_rows(place, version);
    EXPECT_FALSE(make_platform(place, {.store = wanted.store, .currency = "EUR"})) << "begun for CNY";
    const std::string box = bytes_of_file(place / "platform.key");
    const auto made = make_platform(place, wanted);
    ASSERT_TRUE(made) << version << ": " << made.error().message;
    EXPECT_EQ(bytes_of_file(place / "platform.key"), box);
    expect_whole(place);
    const auto gate =
        Gatekeeper::open(std::move(*storage::open_database(read_platform_file(place)->store)), {});
    EXPECT_EQ(must((*gate)->enter({.path = "/admin/v1/keys", .secret = made->secret})).get()->key, made->key);
    const auto again = make_platform(place, wanted);
    ASSERT_FALSE(again);
    EXPECT_NE(again.error().message.find("has a platform already"), std::string::npos);
  }
}

// Makes a platform in another process, which is killed at its `stop`-th entry of a system call or return from one. False:
// it ended before that.
bool make_and_kill(const fs::path& place, const NewPlatform& wanted, int stop) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) ::_exit(2);
    ::raise(SIGSTOP);
    ::_exit(make_platform(place, wanted) ? 0 : 1);
  }
  int status = 0;
  for (int i = 0; ::waitpid(child, &status, __WALL) == child && WIFSTOPPED(status); ++i) {
    if (i == stop) ::kill(child, SIGKILL);
    ::ptrace(PTRACE_SYSCALL, child, nullptr, nullptr);
  }
  EXPECT_TRUE(WIFSIGNALED(status) || WEXITSTATUS(status) == 0) << "2: processes cannot be traced here";
  return WIFSIGNALED(status);
}

TEST_P(NewPlatformTest, AKillLeavesNothingOrWhatIsFinishedOrAllOfIt) {
  int fresh = 0, finished = 0, whole = 0;
  bool killed = true;
  for (int stop = 1; killed; stop += 23) {
    const NewPlatform wanted{.store = store()};
    const fs::path place = folder.path / std::to_string(stop);
    killed = make_and_kill(place, wanted, stop);
    const bool begun = fs::exists(place);
    const auto made = make_platform(place, wanted);
    if (!made) {
      EXPECT_NE(made.error().message.find("has a platform already"), std::string::npos)
          << made.error().message;
    }
    ++(made ? begun ? finished : fresh : whole);
    expect_whole(place);
  }
  EXPECT_GT(fresh, 0);
  EXPECT_GT(finished, 0);
  EXPECT_GT(whole, 0);
}

TEST(OpenPlatform, RefusesFilesThatOthersMayChangeOrRead) {
  const TestFolder folder;
  const fs::path place = folder.path / "p";
  EXPECT_EQ(open_platform(place).error().code, Code::not_found);
  ASSERT_TRUE(make_platform(place, {}));
  fs::permissions(place / "platform.toml", fs::perms(0664));
  EXPECT_FALSE(open_platform(place));
  fs::permissions(place / "platform.toml", fs::perms(0644));
  EXPECT_EQ(open_platform(place)->file.remarks.size(), 1u);
  fs::permissions(place, fs::perms(0777));
  EXPECT_FALSE(open_platform(place));
  fs::permissions(place, fs::perms(0700));
  fs::permissions(place / "platform.key", fs::perms(0640));
  EXPECT_FALSE(open_platform(place));
}

TEST(OpenPlatform, APasswordIsInNoError) {
  const TestFolder folder;
  const std::string store = "postgres://me:hidden-word@127.0.0.1:1/db?connect_timeout=2&password=hidden-word";
  const auto made = make_platform(folder.path / "p", {.store = store});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().message.find("hidden-word"), std::string::npos) << made.error().message;
  std::ofstream(folder.path / "platform.toml") << "store = '" << store << "'\n";
  ASSERT_FALSE(SecretBox::make(folder.path / "platform.key"));
  const auto opened = open_platform(folder.path);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().message.find("hidden-word"), std::string::npos) << opened.error().message;
}

TEST(OpenPlatform, SaysHowToMigrate) {
  const TestFolder folder;
  ASSERT_TRUE(make_platform(folder.path / "p", {}));
  {
    const auto platform = open_platform(folder.path / "p");
    ASSERT_TRUE(platform);
    ASSERT_FALSE(platform->database->migrate(schema_steps(), 1));
  }
  const auto older = open_platform(folder.path / "p");
  ASSERT_FALSE(older);
  EXPECT_NE(older.error().message.find("autark platform migrate"), std::string::npos);
  const auto anyway = open_platform(folder.path / "p", true);
  ASSERT_TRUE(anyway);
  EXPECT_FALSE(make_tables(*anyway->database));
  EXPECT_TRUE(open_platform(folder.path / "p"));
}

INSTANTIATE_TEST_SUITE_P(Databases, NewPlatformTest, testing::ValuesIn(database_kinds()), kind_name);

}  // namespace
}  // namespace autark::platform
