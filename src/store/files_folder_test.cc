// Goal: files are kept whole or not at all, belong to one owner, expire, and stay within their limits. Method: one
// contract, run on a folder and on a temporary one; then folders as a killed process leaves them.
#include "store/files_folder.h"
#include <gtest/gtest.h>
#include <unistd.h>
#include <algorithm>
#include <cstdlib>
#include <fstream>

namespace autark::storage {
namespace {

namespace fs = std::filesystem;

class FilesContract : public testing::TestWithParam<bool> {
 protected:
  FilesContract() {
    std::string name = (fs::temp_directory_path() / "autark-files-test-XXXXXX").string();
    folder_ = mkdtemp(name.data());
  }
  ~FilesContract() override { fs::remove_all(folder_); }
  std::unique_ptr<Files> open(const FileLimits& limits = {}) {
    if (!GetParam()) return temporary_files(limits);
    auto files = open_files(folder_ / "files", limits);
    EXPECT_TRUE(files) << (files ? "" : files.error().message);
    return std::move(files).value();
  }
  fs::path folder_;
};

File about(std::string owner = "me", int64_t created = 100, int64_t expires = 0) {
  return {.id = {},
          .owner = std::move(owner),
          .name = "a.txt",
          .purpose = "batch",
          .bytes = 0,
          .created = created,
          .expires = expires};
}

std::string add(Files& files, const std::string& bytes, File file = about()) {
  auto writer = files.create(std::move(file));
  EXPECT_TRUE(writer);
  for (size_t at = 0; at < bytes.size(); at += 7) EXPECT_FALSE((*writer)->write(bytes.substr(at, 7)));
  const auto kept = (*writer)->commit();
  EXPECT_TRUE(kept) << (kept ? "" : kept.error().message);
  return kept->id;
}

std::string content(FileReader& reader, size_t most = 3) {
  std::string all;
  while (true) {
    const auto piece = reader.read(most);
    EXPECT_TRUE(piece);
    EXPECT_LE(piece->size(), most);
    if (piece->empty()) return all;
    all += *piece;
  }
}

std::vector<std::string> ids(Files& files, const FilePage& page, const std::string& owner = "me",
                             int64_t now = 200) {
  std::vector<std::string> all;
  const auto found = files.list(owner, page, now);
  EXPECT_TRUE(found);
  for (const File& f : *found) all.push_back(f.id);
  return all;
}

TEST_P(FilesContract, FindsWhatWasCommitted) {
  const auto files = open();
  const std::string bytes("a\0b\r\nand so on", 14);
  const std::string id = add(*files, bytes);
  EXPECT_TRUE(id.starts_with("file-")) << id;
  const auto found = files->find(id, "me", 100);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->name, "a.txt");
  EXPECT_EQ(found->purpose, "batch");
  EXPECT_EQ(found->bytes, 14);
  EXPECT_EQ(found->created, 100);
  const auto reader = files->open(id, "me", 100);
  ASSERT_TRUE(reader);
  EXPECT_EQ(content(**reader), bytes);
  EXPECT_EQ(files->find("file-none", "me", 100).error().code, Code::not_found);
  const std::string empty = add(*files, "");
  EXPECT_EQ(files->find(empty, "me", 100)->bytes, 0);
}
TEST_P(FilesContract, NobodySeesAFileBeforeItsCommit) {
  const auto files = open({.bytes = 10});
  for (int i = 0; i < 3; ++i) {
    const auto writer = files->create(about());
    ASSERT_TRUE(writer);
    EXPECT_FALSE((*writer)->write("12345678"));
    EXPECT_TRUE(ids(*files, {}).empty());
  }
  EXPECT_TRUE(ids(*files, {}).empty());
  add(*files, "1234567890");  // an abandoned file takes no room
}
TEST_P(FilesContract, WhatTheWriterSaysLastIsKept) {
  const auto files = open();
  const auto writer = files->create(about());
  ASSERT_TRUE(writer);
  EXPECT_FALSE((*writer)->write("x"));
  (*writer)->file.purpose = "evals";
  (*writer)->file.expires = 500;
  const auto kept = (*writer)->commit();
  ASSERT_TRUE(kept);
  EXPECT_EQ(files->find(kept->id, "me", 500)->purpose, "evals");
  EXPECT_FALSE(files->find(kept->id, "me", 501));
}
TEST_P(FilesContract, AnotherOwnerFindsNothing) {
  const auto files = open();
  const std::string id = add(*files, "x");
  EXPECT_EQ(files->find(id, "you", 100).error().code, Code::not_found);
  EXPECT_EQ(files->open(id, "you", 100).error().code, Code::not_found);
  EXPECT_EQ(files->erase(id, "you", 100)->code, Code::not_found);
  EXPECT_TRUE(ids(*files, {}, "you").empty());
  EXPECT_TRUE(ids(*files, {.after = id}, "you").empty());
  EXPECT_TRUE(files->find(id, "me", 100));
}
TEST_P(FilesContract, ErasedIsGoneButAReaderReadsOn) {
  const auto files = open({.bytes = 4});
  const std::string id = add(*files, "1234");
  const auto reader = files->open(id, "me", 100);
  ASSERT_TRUE(reader);
  EXPECT_FALSE(files->erase(id, "me", 100));
  EXPECT_EQ(files->erase(id, "me", 100)->code, Code::not_found);
  EXPECT_FALSE(files->open(id, "me", 100));
  EXPECT_EQ(content(**reader), "1234");
  add(*files, "5678");  // its room is free
}
TEST_P(FilesContract, BeyondALimitItIsExhausted) {
  const auto files = open({.bytes = 10, .count = 2});
  add(*files, "123456");
  {
    const auto writer = files->create(about());
    ASSERT_TRUE(writer);
    EXPECT_FALSE((*writer)->write("1234"));
    EXPECT_EQ((*writer)->write("5")->code, Code::exhausted);
    EXPECT_EQ(files->create(about()).error().code, Code::exhausted) << "unfinished files count";
  }
  add(*files, "1234");
  EXPECT_EQ(files->create(about()).error().code, Code::exhausted);
}
TEST_P(FilesContract, NoOwnerCanHaveAllRoom) {
  const auto files = open({.bytes = 10'000, .shared = true});
  const std::string kept = add(*files, std::string(5000, 'x'), about("first"));
  std::vector<std::unique_ptr<FileWriter>> writers;
  const auto fill = [&](const std::string& owner) {
    auto made = files->create(about(owner));
    if (!made) return int64_t{0};
    writers.push_back(std::move(*made));
    while (!writers.back()->write(std::string(50, 'x'))) continue;
    return writers.back()->file.bytes;
  };
  EXPECT_EQ(fill("first"), 2500) << "three quarters, with what was kept";
  EXPECT_GT(fill("second"), 1500);
  EXPECT_GT(fill("third"), 300);
  EXPECT_EQ(fill("first"), 0);
  EXPECT_FALSE(files->erase(kept, "first", 100));
  EXPECT_GT(fill("fourth"), 3000) << "what is erased gives its room to those that have less";
}
TEST_P(FilesContract, NoOwnerCanHaveAllPlaces) {
  const auto files = open({.count = 20, .shared = true});
  std::vector<std::unique_ptr<FileWriter>> open_ones;
  const auto open_some = [&](const std::string& owner) {
    int count = 0;
    for (auto w = files->create(about(owner)); w; w = files->create(about(owner)), ++count)
      open_ones.push_back(std::move(*w));
    return count;
  };
  EXPECT_EQ(open_some("first"), 15);
  EXPECT_GT(open_some("second"), 1);
  open_ones.clear();
  EXPECT_EQ(open_some("second"), 15) << "abandoned files give their places";
}
TEST_P(FilesContract, ExpiredOnesAreGoneAndGiveTheirRoom) {
  const auto files = open({.bytes = 4});
  const std::string id = add(*files, "1234", about("me", 100, 110));
  EXPECT_TRUE(files->find(id, "me", 110));
  EXPECT_FALSE(files->find(id, "me", 111));
  EXPECT_FALSE(files->open(id, "me", 111));
  EXPECT_FALSE(files->list("me", {.after = id}, 111)->size());
  add(*files, "1234", about("me", 111));
}
TEST_P(FilesContract, WithinASecondTheOrderIsThatOfCreation) {
  const auto files = open();
  std::vector<std::string> want;
  for (int i = 0; i < 8; ++i) want.push_back(add(*files, "x", about("me", 100)));
  EXPECT_EQ(ids(*files, {.ascending = true}), want);
  EXPECT_EQ(ids(*files, {.after = want[6], .ascending = true}), std::vector{want[7]});
}

TEST_P(FilesContract, ListsInPages) {
  const auto files = open();
  std::vector<std::string> want;
  for (int i = 0; i < 5; ++i) want.push_back(add(*files, "x", about("me", 100 + i)));
  File other = about("me", 102);
  other.purpose = "vision";
  const std::string vision = add(*files, "x", other);
  EXPECT_EQ(ids(*files, {.purpose = "batch", .ascending = true}), want);
  EXPECT_EQ(ids(*files, {.purpose = "vision"}), std::vector{vision});
  EXPECT_EQ(ids(*files, {.purpose = "batch", .limit = 1}), (std::vector{want[4], want[3]})) << "one more";
  EXPECT_EQ(ids(*files, {.purpose = "batch", .after = want[3], .ascending = true}), std::vector{want[4]});
  EXPECT_EQ(ids(*files, {.purpose = "batch", .after = want[1]}), std::vector{want[0]});
  EXPECT_TRUE(ids(*files, {.after = "file-none"}).empty());
}

INSTANTIATE_TEST_SUITE_P(InAFolderAndATemporaryOne, FilesContract, testing::Values(true, false));

class FilesFolderTest : public FilesContract {};
INSTANTIATE_TEST_SUITE_P(InAFolder, FilesFolderTest, testing::Values(true));

TEST_P(FilesFolderTest, AreThereAfterARestart) {
  const std::string id = add(*open(), "abc", about("me", 100, 900));
  const auto again = open({.bytes = 3});
  const auto found = again->find(id, "me", 100);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->expires, 900);
  EXPECT_EQ(content(**again->open(id, "me", 100)), "abc");
  const auto writer = again->create(about());
  EXPECT_EQ((*writer)->write("x")->code, Code::exhausted) << "what is there counts";
}
TEST_P(FilesFolderTest, OnlyTheOwnerOfTheProcessCanReadThem) {
  const auto files = open();
  const std::string id = add(*files, "abc");
  EXPECT_EQ(fs::status(folder_ / "files").permissions(), fs::perms::owner_all);
  for (const std::string& name : {id, id + ".json"})
    EXPECT_EQ(fs::status(folder_ / "files" / name).permissions(),
              fs::perms::owner_read | fs::perms::owner_write);
}
TEST_P(FilesFolderTest, LeftoversOfAKilledProcessAreRemoved) {
  const std::string whole = add(*open(), "abc"), cut = add(*open(), "abcdef"), bare = add(*open(), "x");
  const fs::path in = folder_ / "files";
  const auto put = [&](const std::string& name, const std::string& text) {
    std::ofstream(in / name) << text;
  };
  put("file-1.part", "begun");
  put("file-2", "no row");
  put("file-3.json", "{\"id\":\"file-3\"");
  put("file-4.json", "[]");
  put("file-5.row.part", "{");
  put(cut, "abc");
  fs::remove(in / bare);
  const auto files = open();
  EXPECT_EQ(ids(*files, {}), std::vector{whole});
  std::vector<std::string> left;
  for (const auto& entry : fs::directory_iterator(in)) left.push_back(entry.path().filename().string());
  std::sort(left.begin(), left.end());
  EXPECT_EQ(left, (std::vector{whole, whole + ".json"}));
}
TEST_P(FilesFolderTest, ARowThatNamesAnotherFileIsRemoved) {
  const std::string id = add(*open(), "abc");
  const fs::path in = folder_ / "files";
  fs::copy_file(in / (id + ".json"), in / "file-other.json");
  const auto files = open();
  EXPECT_EQ(ids(*files, {}), std::vector{id});
  EXPECT_FALSE(fs::exists(in / "file-other.json"));
}
TEST(TemporaryFiles, TheirFolderIsRemovedAtTheEnd) {
  const auto folders = [] {
    int n = 0;
    for (const auto& entry : fs::directory_iterator(fs::temp_directory_path()))
      n += entry.path().filename().string().starts_with("autark-files-");
    return n;
  };
  std::string base = (fs::temp_directory_path() / "autark-own-XXXXXX").string();
  ASSERT_TRUE(mkdtemp(base.data()));
  const char* before = std::getenv("TMPDIR");
  const std::string kept = before ? before : "";
  setenv("TMPDIR", base.c_str(), 1);
  auto files = temporary_files({});
  EXPECT_EQ(folders(), 0) << "none before the first file";
  add(*files, "abc");
  EXPECT_EQ(folders(), 1);
  files.reset();
  EXPECT_EQ(folders(), 0);
  before ? setenv("TMPDIR", kept.c_str(), 1) : unsetenv("TMPDIR");
  fs::remove(base);
}

}  // namespace
}  // namespace autark::storage
