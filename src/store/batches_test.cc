// Goal: batches and their answers are found, listed and changed as said, both or none, and outlive a reopening.
// Method: one contract, run on a file and in memory; then a file that is opened again, beside a store.
#include "store/batches.h"
#include <gtest/gtest.h>
#include "store/sqlite_store.h"

namespace autark::storage {
namespace {

namespace fs = std::filesystem;

// A new folder that is removed at the end.
struct Folder {
  fs::path path = [] {
    std::string name = (fs::temp_directory_path() / "autark-batches-XXXXXX").string();
    return fs::path(mkdtemp(name.data()));
  }();
  ~Folder() { fs::remove_all(path); }
};

Batch batch(std::string id, int64_t created = 100, std::string owner = "me") {
  return {.id = std::move(id), .owner = std::move(owner), .created = created, .over = false, .body = "{}"};
}

class BatchesContract : public testing::TestWithParam<bool> {
 protected:
  std::unique_ptr<Batches> open() {
    auto made = GetParam() ? open_batches(folder_.path / "store.db") : memory_batches();
    EXPECT_TRUE(made) << (made ? "" : made.error().message);
    return std::move(made).value();
  }
  Folder folder_;
};

std::string ids(const Result<std::vector<Batch>>& found) {
  std::string all;
  EXPECT_TRUE(found);
  for (const Batch& b : *found) all += b.id + " ";
  return all;
}

TEST_P(BatchesContract, FindsWhatWasCreated) {
  const auto s = open();
  Batch b = batch("b1");
  b.body = R"({"a":1})";
  EXPECT_FALSE(s->create(b));
  const auto found = s->find("b1", "me");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->body, b.body);
  EXPECT_EQ(found->created, 100);
  EXPECT_FALSE(found->over);
  EXPECT_EQ(s->create(batch("b1", 5))->code, Code::invalid);
  EXPECT_EQ(s->find("b2", "me").error().code, Code::not_found);
}

TEST_P(BatchesContract, AnotherOwnerFindsAndChangesNothing) {
  const auto s = open();
  EXPECT_FALSE(s->create(batch("b1")));
  EXPECT_EQ(s->find("b1", "you").error().code, Code::not_found);
  EXPECT_EQ(ids(s->list("you", "", 9)), "");
  EXPECT_EQ(s->update(batch("b1", 100, "you"))->code, Code::not_found);
  EXPECT_EQ(s->keep(batch("b1", 100, "you"), {.custom_id = "a", .line = "x"})->code, Code::not_found);
  EXPECT_TRUE(s->answered("b1")->empty()) << "nothing of a refused change stays";
}

TEST_P(BatchesContract, ListsTheNewestFirst) {
  const auto s = open();
  for (const char* id : {"b2", "b1", "b3"}) EXPECT_FALSE(s->create(batch(id, id[1] - '0')));
  EXPECT_FALSE(s->create(batch("b9", 2, "you")));
  EXPECT_EQ(ids(s->list("me", "", 9)), "b3 b2 b1 ");
  EXPECT_EQ(ids(s->list("me", "", 2)), "b3 b2 ");
  EXPECT_EQ(ids(s->list("me", "b3", 9)), "b2 b1 ");
  EXPECT_EQ(ids(s->list("me", "b9", 9)), "") << "the place is another owner's";
}

TEST_P(BatchesContract, WithinASecondTheOrderIsThatOfCreation) {
  const auto s = open();
  for (const char* id : {"b2", "b1", "b3"}) EXPECT_FALSE(s->create(batch(id, 5)));
  EXPECT_EQ(ids(s->list("me", "", 9)), "b3 b1 b2 ");
  EXPECT_EQ(ids(s->list("me", "b3", 9)), "b1 b2 ");
  EXPECT_EQ(ids(s->open()), "b2 b1 b3 ");
}

TEST_P(BatchesContract, OpenOnesAreThoseThatAreNotOver) {
  const auto s = open();
  for (const char* id : {"b2", "b1"}) EXPECT_FALSE(s->create(batch(id, id[1] - '0')));
  EXPECT_FALSE(s->create(batch("b3", 3, "you")));
  EXPECT_EQ(ids(s->open()), "b1 b2 b3 ");
  Batch done = batch("b2", 2);
  done.over = true, done.body = "done";
  EXPECT_FALSE(s->update(done));
  EXPECT_EQ(ids(s->open()), "b1 b3 ");
  EXPECT_EQ(s->find("b2", "me")->body, "done");
}

TEST_P(BatchesContract, AnswersAreKeptOnceAndInOrder) {
  const auto s = open();
  Batch b = batch("b1");
  EXPECT_FALSE(s->create(b));
  EXPECT_FALSE(s->create(batch("b2")));
  for (const char* id : {"z", "a", "m"}) EXPECT_FALSE(s->keep(b, {.custom_id = id, .line = id}));
  EXPECT_FALSE(s->keep(b, {.custom_id = "wrong", .is_error = true, .line = "e"}));
  EXPECT_FALSE(s->keep(batch("b2"), {.custom_id = "a", .line = "another batch"}));
  b.body = "changed";
  EXPECT_EQ(s->keep(b, {.custom_id = "a", .line = "again"})->code, Code::invalid);
  EXPECT_EQ(s->find("b1", "me")->body, "{}") << "both or none";
  EXPECT_EQ(s->answered("b1")->size(), 4u);
  std::string all;
  int64_t after = 0;
  for (const int most : {2, 9}) {
    const auto page = s->answers("b1", false, after, most);
    ASSERT_TRUE(page);
    for (const BatchAnswer& a : *page) all += a.line, after = a.number;
  }
  EXPECT_EQ(all, "zam");
  EXPECT_EQ(s->answers("b1", true, 0, 9)->at(0).custom_id, "wrong");
}

TEST_P(BatchesContract, ABatchThatIsOverHasNoAnswers) {
  const auto s = open();
  Batch b = batch("b1");
  EXPECT_FALSE(s->create(b));
  EXPECT_FALSE(s->keep(b, {.custom_id = "a", .line = "x"}));
  b.over = true;
  EXPECT_FALSE(s->update(b));
  EXPECT_TRUE(s->answered("b1")->empty());
}

TEST_P(BatchesContract, OldOnesThatAreOverAreTidied) {
  const auto s = open();
  Batch over = batch("b1", 10);
  over.over = true;
  EXPECT_FALSE(s->create(over));
  EXPECT_FALSE(s->create(batch("b2", 10)));
  EXPECT_FALSE(s->tidy(10));
  EXPECT_EQ(ids(s->list("me", "", 9)), "b2 b1 ");
  EXPECT_FALSE(s->tidy(11));
  EXPECT_EQ(ids(s->list("me", "", 9)), "b2 ");
}

INSTANTIATE_TEST_SUITE_P(OnDiskAndInMemory, BatchesContract, testing::Values(true, false));

TEST(SqliteBatches, AreThereAfterAReopeningAndBesideAStore) {
  const Folder f;
  const auto store = open_store(f.path / "s.db", {});
  ASSERT_TRUE(store);
  EXPECT_FALSE((*store)->keep({.id = "r1", .owner = "me", .created = 100, .body = "{}", .input = "[]"}));
  {
    const auto s = open_batches(f.path / "s.db");
    ASSERT_TRUE(s);
    EXPECT_FALSE((*s)->create(batch("b1")));
    EXPECT_FALSE((*s)->keep(batch("b1"), {.custom_id = "a", .line = "x"}));
    EXPECT_FALSE((*store)->erase("r1", "me", 100)) << "the store works beside it";
  }
  const auto again = open_batches(f.path / "s.db");
  ASSERT_TRUE(again);
  EXPECT_EQ((*again)->answered("b1")->size(), 1u);
  EXPECT_EQ(ids((*again)->open()), "b1 ");
}

}  // namespace
}  // namespace autark::storage
