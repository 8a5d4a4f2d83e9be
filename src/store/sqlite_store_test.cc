// Goal: the store keeps, finds, bounds and forgets responses, and a damaged or unknown file is an error.
// Method: one contract, run on a file and in memory; then files that are reopened, damaged or newer.
#include "store/sqlite_store.h"
#include <gtest/gtest.h>
#include <unistd.h>
#include <fstream>
#include <map>
#include "store/migrations.h"
#include "store/state_folder.h"

namespace autark::storage {
namespace {

namespace fs = std::filesystem;

// A new folder that is removed at the end.
struct Folder {
  fs::path path = [] {
    std::string name = (fs::temp_directory_path() / "autark-store-XXXXXX").string();
    return fs::path(mkdtemp(name.data()));
  }();
  ~Folder() { fs::remove_all(path); }
};

Response response(std::string id, int64_t created = 100, std::string body = "{}") {
  return {.id = std::move(id),
          .owner = "me",
          .previous = "p",
          .created = created,
          .body = std::move(body),
          .input = "[]"};
}

class StoreContract : public testing::TestWithParam<bool> {
 protected:
  std::unique_ptr<Store> open(const Limits& limits = {}) {
    auto store = GetParam() ? open_store(folder_.path / "store.db", limits) : memory_store(limits);
    EXPECT_TRUE(store) << (store ? "" : store.error().message);
    return std::move(store).value();
  }
  Folder folder_;
};

TEST_P(StoreContract, FindsWhatItKept) {
  const auto s = open();
  const std::string text("{\"a\":\"\xc3\xa9\"}\0x", 11);
  EXPECT_FALSE(s->keep(response("r1", 100, text)));
  const auto found = s->find("r1", "me", 100);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->body, text);
  EXPECT_EQ(found->previous, "p");
  EXPECT_EQ(found->created, 100);
  EXPECT_EQ(found->input, "[]");
  EXPECT_EQ(s->find("r2", "me", 100).error().code, Code::not_found);
}

TEST_P(StoreContract, ListsByAgeFromAPlaceOn) {
  const auto s = open();
  for (const char* id : {"b_2", "a_1", "b_1", "b_3"}) EXPECT_FALSE(s->keep(response(id, id[2] - '0')));
  Response other = response("b_9", 2);
  other.owner = "you";
  EXPECT_FALSE(s->keep(other));
  const auto ids = [&](const std::string& after, bool newest, int most, int64_t now = 9) {
    std::string all;
    const auto found = s->list("b_", "me", after, newest, most, now);
    EXPECT_TRUE(found);
    for (const Response& r : *found) all += r.id + (r.input.empty() ? " " : "?");
    return all;
  };
  EXPECT_EQ(ids("", false, 9), "b_1 b_2 b_3 ");
  EXPECT_EQ(ids("", true, 2), "b_3 b_2 ");
  EXPECT_EQ(ids("b_1", false, 1), "b_2 ");
  EXPECT_EQ(ids("b_2", true, 9), "b_1 ");
  EXPECT_EQ(ids("none", false, 9), "");
  EXPECT_EQ(ids("", false, 9, Limits().seconds + 2), "b_2 b_3 ") << "what is too old is not listed";
}

TEST_P(StoreContract, AnotherOwnerFindsNothing) {
  const auto s = open();
  EXPECT_FALSE(s->keep(response("r1")));
  EXPECT_EQ(s->find("r1", "you", 100).error().code, Code::not_found);
  EXPECT_EQ(s->erase("r1", "you", 100)->code, Code::not_found);
  Response stolen = response("r1");
  stolen.owner = "you";
  EXPECT_TRUE(s->keep(stolen));
  EXPECT_TRUE(s->find("r1", "me", 100));
}

TEST_P(StoreContract, TheSameIdIsReplaced) {
  const auto s = open();
  EXPECT_FALSE(s->keep(response("r1", 100, "old")));
  EXPECT_FALSE(s->keep(response("r1", 101, "newer")));
  EXPECT_EQ(s->find("r1", "me", 101)->body, "newer");
  EXPECT_EQ(s->bytes(), int64_t(2 + 2 + 1 + 5 + 2));
}

TEST_P(StoreContract, ErasedIsGone) {
  const auto s = open();
  EXPECT_FALSE(s->keep(response("r1")));
  EXPECT_FALSE(s->erase("r1", "me", 100));
  EXPECT_EQ(s->erase("r1", "me", 100)->code, Code::not_found);
  EXPECT_EQ(s->find("r1", "me", 100).error().code, Code::not_found);
  EXPECT_EQ(s->bytes(), 0);
}

TEST_P(StoreContract, OldOnesAreNotFoundAndTidied) {
  const auto s = open({.seconds = 10});
  EXPECT_FALSE(s->keep(response("r1", 100)));
  EXPECT_FALSE(s->keep(response("r2", 105)));
  EXPECT_TRUE(s->find("r1", "me", 110));
  EXPECT_FALSE(s->find("r1", "me", 111));
  EXPECT_FALSE(s->tidy(111));
  EXPECT_FALSE(s->find("r1", "me", 100)) << "it is removed, not only hidden";
  EXPECT_TRUE(s->find("r2", "me", 111));
}

TEST_P(StoreContract, TheOldestMakeRoom) {
  const auto s = open({.bytes = 1000});
  for (int i = 0; i < 50; ++i)
    EXPECT_FALSE(s->keep(response("r" + std::to_string(i), 100 + i, std::string(200, 'x'))));
  EXPECT_LE(s->bytes(), 1000);
  EXPECT_TRUE(s->find("r49", "me", 150));
  EXPECT_TRUE(s->find("r46", "me", 150));
  EXPECT_FALSE(s->find("r40", "me", 150));
  EXPECT_EQ(s->keep(response("big", 200, std::string(1001, 'x')))->code, Code::exhausted);
  EXPECT_TRUE(s->find("r49", "me", 150)) << "a refused response removes nothing";
}

// Clients ask more often than once a second, and ids are random.
TEST_P(StoreContract, WithinASecondTheOrderIsThatOfKeeping) {
  const auto s = open({.bytes = 1000});
  const std::vector<std::string> order{"r3", "r1", "r4", "r2", "r0"};
  for (const std::string& id : order) EXPECT_FALSE(s->keep(response(id, 100, std::string(200, 'x'))));
  EXPECT_FALSE(s->find("r3", "me", 100)) << "the oldest";
  const auto ids = [&](const std::string& after, bool newest_first) {
    std::string all;
    const auto found = s->list("r", "me", after, newest_first, 9, 100);
    EXPECT_TRUE(found);
    for (const Response& r : *found) all += r.id + " ";
    return all;
  };
  EXPECT_EQ(ids("", false), "r1 r4 r2 r0 ");
  EXPECT_EQ(ids("r4", false), "r2 r0 ");
  EXPECT_EQ(ids("r4", true), "r1 ");
}

TEST_P(StoreContract, OwnersThatHaveLessKeepTheirs) {
  const auto s = open({.bytes = 10'000});
  const auto keep = [&](const std::string& id, const char* owner, int64_t created, size_t size) {
    Response r = response(id, created, std::string(size, 'x'));
    r.owner = owner;
    EXPECT_FALSE(s->keep(r)) << id;
    EXPECT_TRUE(s->find(id, owner, created)) << "what was just kept is there";
  };
  for (int i = 0; i < 4; ++i) keep("small" + std::to_string(i), "small", i, 500);
  for (int i = 0; i < 100; ++i) keep("flood" + std::to_string(i), "flood", 100 + i, 900);
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(s->find("small" + std::to_string(i), "small", 200)) << i;
  EXPECT_FALSE(s->find("flood0", "flood", 200));
  EXPECT_LE(s->bytes(), 10'000);
  keep("large", "third", 200, 9900);  // almost all: the others go, whoever has the most first
  EXPECT_LE(s->bytes(), 10'000);
  EXPECT_FALSE(s->find("flood99", "flood", 200));
}

TEST_P(StoreContract, OwnersHaveEqualSharesOfAFullStore) {
  const auto s = open({.bytes = 20'000});
  std::map<std::string, int> kept;
  for (int i = 0; i < 300; ++i) {
    Response r = response("r" + std::to_string(1000 + i), i, std::string(480, 'x'));
    r.owner = "owner" + std::to_string(i % 10 < 7 ? 0 : i % 10);
    EXPECT_FALSE(s->keep(r));
  }
  for (int i = 0; i < 300; ++i) {
    const std::string owner = "owner" + std::to_string(i % 10 < 7 ? 0 : i % 10);
    if (s->find("r" + std::to_string(1000 + i), owner, 300)) ++kept[owner];
  }
  for (const auto& [owner, count] : kept) EXPECT_NEAR(count, 10, 1) << owner;
  EXPECT_EQ(kept.size(), 4u);
}

INSTANTIATE_TEST_SUITE_P(OnDiskAndInMemory, StoreContract, testing::Values(true, false));

TEST(SqliteStore, IsThereAfterAReopening) {
  const Folder f;
  EXPECT_FALSE((*open_store(f.path / "s.db", {}))->keep(response("r1")));
  const auto again = open_store(f.path / "s.db", {});
  ASSERT_TRUE(again);
  EXPECT_TRUE((*again)->find("r1", "me", 100));
  EXPECT_GT((*again)->bytes(), 0);
}

TEST(SqliteStore, ADamagedFileIsAnError) {
  const Folder f;
  std::ofstream(f.path / "s.db") << std::string(5000, 'x');
  const auto s = open_store(f.path / "s.db", {});
  ASSERT_FALSE(s);
  EXPECT_NE(s.error().message.find("s.db"), std::string::npos) << s.error().message;
  EXPECT_NE(s.error().message.find("--state"), std::string::npos) << s.error().message;
}

// Whether any file of the folder has the text.
bool any_file_has(const fs::path& folder, const std::string& text) {
  for (const auto& entry : fs::directory_iterator(folder)) {
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string all(std::istreambuf_iterator<char>(file), {});
    if (all.find(text) != all.npos) return true;
  }
  return false;
}

TEST(SqliteStore, RemovedTextIsInNoFile) {
  const Folder f;
  const auto s = open_store(f.path / "s.db", {.seconds = 10});
  ASSERT_TRUE(s);
  EXPECT_FALSE((*s)->keep(response("r1", 100, "a secret of one")));
  EXPECT_FALSE((*s)->keep(response("r2", 100, "a secret of two")));
  EXPECT_TRUE(any_file_has(f.path, "a secret of one")) << "the test sees texts";
  EXPECT_FALSE((*s)->erase("r1", "me", 100));
  EXPECT_FALSE(any_file_has(f.path, "a secret of one"));
  EXPECT_TRUE(any_file_has(f.path, "a secret of two"));
  EXPECT_FALSE((*s)->tidy(200));
  EXPECT_FALSE(any_file_has(f.path, "a secret"));
}

TEST(SqliteStore, AFileOfANewerProgramIsAnError) {
  const Folder f;
  {
    auto db = Sqlite::open((f.path / "s.db").string());
    ASSERT_TRUE(db);
    EXPECT_FALSE(db->run("PRAGMA user_version=99"));
  }
  const auto s = open_store(f.path / "s.db", {});
  ASSERT_FALSE(s);
  EXPECT_NE(s.error().message.find("--state"), std::string::npos) << s.error().message;
}

TEST(StateFolder, BelongsToOneAndIsPrivate) {
  const Folder f;
  const fs::path path = f.path / "a" / "b";
  {
    const auto first = StateFolder::open(path);
    ASSERT_TRUE(first) << first.error().message;
    EXPECT_EQ(fs::status(path).permissions(), fs::perms::owner_all);
    const auto second = StateFolder::open(path);
    ASSERT_FALSE(second);
    EXPECT_NE(second.error().message.find("--state"), std::string::npos) << second.error().message;
  }
  EXPECT_TRUE(StateFolder::open(path)) << "it is free again";
  std::ofstream(f.path / "file") << "x";
  EXPECT_FALSE(StateFolder::open(f.path / "file"));
}

}  // namespace
}  // namespace autark::storage
