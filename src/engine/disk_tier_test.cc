// Goal: the disk tier gives back exactly the bytes that were stored under a name, or nothing: after a restart,
// after damage, on full disks, with other processes and other programs in the folder; it stays within its limits
// and touches no other files. Method: folders in the test's temporary place; every byte of a file is changed in
// turn, files are cut, renamed and replaced, and limits are a few entries wide.
#include "engine/disk_tier.h"
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <atomic>
#include <fstream>
#include <numeric>

namespace autark::engine {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kBytes = 50, kFile = kEntryHeaderBytes + kBytes;
const Sha256 kProgram = sha256_of("program");

Entry entry(int i, EntryKind kind = EntryKind::page) {
  Entry e{{sha256_of(std::to_string(i)), kind}, kind == EntryKind::copy ? 3 : 0, {}};
  e.bytes.resize(kBytes);
  for (int64_t k = 0; k < kBytes; ++k) e.bytes[k] = std::byte(17 * i + k);
  return e;
}

class DiskTierTest : public ::testing::Test {
 protected:
  DiskTierTest() : dir_(fs::path(::testing::TempDir()) / ("disk_tier_" + std::to_string(::getpid()))) {
    fs::remove_all(dir_);
  }
  ~DiskTierTest() override { fs::remove_all(dir_); }

  std::unique_ptr<EntryFolder> open(int64_t entries_max = 100, const Sha256& program = kProgram) {
    auto f = EntryFolder::open({.folder = dir_, .bytes_max = entries_max * kFile, .free_least = 0}, program,
                               "a model\n");
    EXPECT_TRUE(f) << (f ? "" : f.error().message);
    return f ? std::move(*f) : nullptr;
  }
  static void expect_there(EntryFolder& f, const Entry& e) {
    const auto got = f.read(e.id, kBytes);
    ASSERT_TRUE(got);
    EXPECT_TRUE(std::ranges::equal(got->entry.bytes, e.bytes));
    EXPECT_EQ(got->entry.ahead, e.ahead);
  }
  std::vector<fs::path> files(const Sha256& program = kProgram) const {
    std::vector<fs::path> all;
    for (const auto& f : fs::directory_iterator(dir_ / hex_of(program)))
      if (f.path().filename() != "about" && f.path().filename() != "lock") all.push_back(f.path());
    std::ranges::sort(all);
    return all;
  }
  fs::path dir_;
};

mode_t mode_of(const fs::path& path) {
  struct stat is {};
  return ::stat(path.c_str(), &is) == 0 ? is.st_mode & 0777 : 0;
}

std::string read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
void write(const fs::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

TEST_F(DiskTierTest, WhatIsStoredIsThereAfterARestart) {
  {
    auto f = open();
    EXPECT_FALSE(f->holds(entry(1).id));
    EXPECT_TRUE(f->write(entry(1)));
    EXPECT_TRUE(f->write(entry(1, EntryKind::copy)));
    EXPECT_TRUE(f->write(entry(1))) << "a second time";
    EXPECT_EQ(f->stats().written, 2u);
    expect_there(*f, entry(1));
  }
  auto f = open();
  expect_there(*f, entry(1));
  expect_there(*f, entry(1, EntryKind::copy));
  EXPECT_FALSE(f->read(entry(2).id, kBytes));
  EXPECT_EQ(f->stats().entries, 2);
  EXPECT_EQ(f->stats().bytes, 2 * kFile);
  EXPECT_EQ(mode_of(dir_), 0700u);
  EXPECT_EQ(mode_of(dir_ / hex_of(kProgram)), 0700u);
  for (const auto& file : files()) EXPECT_EQ(mode_of(file), 0600u);
}

TEST_F(DiskTierTest, ADamagedEntryIsDropped) {
  auto f = open();
  f->write(entry(1));
  const fs::path file = files().at(0);
  const std::string whole = read(file);
  const auto expect_dropped = [&](const std::string& bytes) {
    write(file, bytes);
    auto again = open();
    EXPECT_FALSE(again->read(entry(1).id, kBytes));
    EXPECT_FALSE(fs::exists(file));
    EXPECT_EQ(again->stats().damaged, 1u);
    EXPECT_EQ(again->stats().entries, 0);
  };
  for (size_t i = 0; i < whole.size(); ++i) {
    std::string bytes = whole;
    bytes[i] ^= 1;
    expect_dropped(bytes);
  }
  expect_dropped("");
  expect_dropped(whole.substr(0, 60));
  expect_dropped(whole.substr(0, whole.size() - 1));
  expect_dropped(whole + "x");
}

TEST_F(DiskTierTest, ARenamedOrReplacedFileIsNoEntry) {
  auto f = open();
  f->write(entry(1)), f->write(entry(2));
  const auto file = [&](const Entry& e) { return dir_ / hex_of(kProgram) / (hex_of(e.id.name) + ".page"); };
  fs::rename(file(entry(1)), file(entry(2)));
  EXPECT_FALSE(f->read(entry(2).id, kBytes));
  EXPECT_FALSE(f->read(entry(1).id, kBytes)) << "it is gone";
  write(dir_ / "secret", "x");
  fs::create_symlink(dir_ / "secret", file(entry(3)));
  fs::create_directory(file(entry(4)));
  f = open();
  EXPECT_EQ(f->stats().entries, 0);
  // Another program's file of the same name is not taken for ours.
  const Sha256 other = sha256_of("other");
  open(100, other)->write(entry(5));
  fs::copy_file(files(other).at(0), file(entry(5)));
  f = open();
  EXPECT_TRUE(f->holds(entry(5).id));
  EXPECT_FALSE(f->read(entry(5).id, kBytes));
}

TEST_F(DiskTierTest, TheLongestUnusedGoesFirstAndAPrefixLosesItsEnd) {
  auto f = open(4);
  for (int i = 0; i < 4; ++i) f->write(entry(i));
  const std::vector<Sha256> path{entry(2).id.name, entry(0).id.name, entry(3).id.name};
  f->touch(path);
  f->write(entry(4));
  EXPECT_FALSE(f->holds(entry(1).id)) << "the only one that was not touched";
  f->touch(std::vector{entry(4).id.name});
  f = open(4);  // the order is in the times of the files
  f->write(entry(5)), f->touch(std::vector{entry(5).id.name});
  EXPECT_FALSE(f->holds(entry(3).id));
  f->write(entry(6)), f->touch(std::vector{entry(6).id.name});
  EXPECT_FALSE(f->holds(entry(0).id));
  EXPECT_TRUE(f->holds(entry(2).id)) << "the first block of the prefix";
  EXPECT_EQ(f->stats().evicted, 2u);
  EXPECT_LE(f->stats().bytes, 4 * kFile);
  EXPECT_EQ(files().size(), 4u);
}

TEST_F(DiskTierTest, OtherProgramsGoFirstIfTheyDoNotRun) {
  const Sha256 old = sha256_of("old"), running = sha256_of("running");
  auto beside = open(100, running);
  beside->write(entry(1));
  {
    auto f = open(100, old);
    f->write(entry(2)), f->write(entry(3));
  }
  auto f = open(4);
  EXPECT_TRUE(f->elsewhere(entry(1).id) && f->elsewhere(entry(2).id));
  EXPECT_FALSE(f->elsewhere(entry(9).id));
  for (int i = 4; i < 10; ++i) EXPECT_TRUE(f->write(entry(i)));
  EXPECT_TRUE(files(old).empty());
  EXPECT_EQ(files(running).size(), 1u);
  EXPECT_EQ(files().size(), 3u);
  EXPECT_TRUE(f->holds(entry(9).id));
  EXPECT_FALSE(f->elsewhere(entry(2).id));
}

TEST_F(DiskTierTest, AFullDiskRefusesAndNothingIsLeft) {
  auto made =
      EntryFolder::open({.folder = dir_, .bytes_max = 1 << 20, .free_least = INT64_MAX / 2}, kProgram, "");
  ASSERT_TRUE(made);
  EXPECT_FALSE((*made)->write(entry(1)));
  EXPECT_EQ((*made)->stats().failed, 1u);
  EXPECT_TRUE(files().empty());
  auto f = open(1);
  Entry large = entry(2);
  large.bytes.resize(2 * kFile);
  f->write(entry(1));
  EXPECT_FALSE(f->write(large)) << "larger than the limit";
  expect_there(*f, entry(1));
  fs::remove_all(dir_ / hex_of(kProgram));  // as if it were taken away
  EXPECT_FALSE(f->write(entry(3)));
  EXPECT_FALSE(f->read(entry(1).id, kBytes));
  EXPECT_EQ(f->stats().damaged, 0u);
}

TEST_F(DiskTierTest, ADiskThatOthersFilledCostsNoEntry) {
  open()->write(entry(1));
  open(100, sha256_of("other"))->write(entry(2));
  auto made =
      EntryFolder::open({.folder = dir_, .bytes_max = 1 << 20, .free_least = INT64_MAX / 2}, kProgram, "");
  ASSERT_TRUE(made);
  EXPECT_FALSE((*made)->write(entry(3)));
  expect_there(**made, entry(1));
  EXPECT_EQ((*made)->stats().evicted, 0u);
  EXPECT_EQ(files(sha256_of("other")).size(), 1u);
}

TEST_F(DiskTierTest, ASmallerLimitHoldsFromTheStart) {
  {
    auto f = open();
    for (int i = 0; i < 6; ++i) f->write(entry(i));
  }
  auto f = open(2);
  EXPECT_EQ(f->stats().bytes, 2 * kFile);
  EXPECT_EQ(files().size(), 2u);
  expect_there(*f, entry(5));
}

TEST_F(DiskTierTest, WhatWasRemovedFromOutsideIsNoticed) {
  auto made = EntryFolder::open({.folder = dir_, .bytes_max = 1 << 20, .free_least = 0, .scan_seconds = 0},
                                kProgram, "");
  ASSERT_TRUE(made);
  EntryFolder& f = **made;
  f.write(entry(1));
  remove_entries(dir_);
  EXPECT_TRUE(f.holds(entry(1).id)) << "not known yet";
  const Sha256 path[] = {entry(1).id.name};
  f.touch(path);
  EXPECT_FALSE(f.holds(entry(1).id));
  EXPECT_TRUE(f.write(entry(1)));
  expect_there(f, entry(1));
}

TEST_F(DiskTierTest, AFolderThatCannotBeUsedIsAnError) {
  fs::create_directories(dir_);
  write(dir_ / "file", "");
  const auto f = EntryFolder::open({.folder = dir_ / "file"}, kProgram, "");
  ASSERT_FALSE(f);
  EXPECT_EQ(f.error().code, Code::io);
  EXPECT_NE(f.error().message.find("--cache-dir"), std::string::npos);
  fs::create_directories(dir_ / "elsewhere");
  fs::create_symlink(dir_ / "elsewhere", dir_ / hex_of(kProgram));
  EXPECT_FALSE(EntryFolder::open({.folder = dir_}, kProgram, "")) << "a link in the place of the own folder";
}

TEST_F(DiskTierTest, ProcessesShareAFolder) {
  auto a = open(4);
  a->write(entry(1)), a->write(entry(2));
  auto b = open(4);
  expect_there(*b, entry(1));
  for (int i = 3; i < 7; ++i) b->write(entry(i));
  EXPECT_FALSE(a->read(entry(1).id, kBytes)) << "the other one evicted it";
  EXPECT_EQ(a->stats().damaged, 0u);
  EXPECT_TRUE(a->write(entry(6))) << "there already";
  expect_there(*b, entry(6));
}

TEST_F(DiskTierTest, UnfinishedFilesAreRemovedByTheOnlyProcess) {
  auto a = open();
  const fs::path unfinished = dir_ / hex_of(kProgram) / (hex_of(entry(1).id.name) + ".page.1.1.tmp");
  write(unfinished, "half");
  write(dir_ / hex_of(kProgram) / "notes.tmp", "not ours");
  auto b = open();
  EXPECT_TRUE(fs::exists(unfinished)) << "the other process may be writing it";
  a.reset(), b.reset();
  a = open();
  EXPECT_FALSE(fs::exists(unfinished));
  EXPECT_TRUE(fs::exists(dir_ / hex_of(kProgram) / "notes.tmp"));
}

TEST_F(DiskTierTest, IsListedAndClearedFromOutside) {
  EXPECT_TRUE(stored_programs(dir_).empty());
  EXPECT_EQ(remove_entries(dir_), 0);
  auto f = open();
  f->write(entry(1)), f->write(entry(2));
  open(100, sha256_of("other"))->write(entry(3));
  write(dir_ / "letter", "not ours");
  write(dir_ / hex_of(kProgram) / "letter", "not ours");
  const auto all = stored_programs(dir_);
  ASSERT_EQ(all.size(), 2u);
  const auto& own = all[all[0].key == hex_of(kProgram) ? 0 : 1];
  EXPECT_EQ(own.entries, 2);
  EXPECT_EQ(own.bytes, 2 * kFile);
  EXPECT_EQ(own.about, "a model\n");
  EXPECT_TRUE(own.in_use);
  EXPECT_FALSE(all[all[0].key == hex_of(kProgram) ? 1 : 0].in_use);
  EXPECT_EQ(remove_entries(dir_), 3 * kFile);
  EXPECT_FALSE(f->read(entry(1).id, kBytes));
  EXPECT_TRUE(fs::exists(dir_ / "letter") && fs::exists(dir_ / hex_of(kProgram) / "letter"));
}

// The thread: what is queued is written also at the end, and the queue has a limit.
TEST_F(DiskTierTest, TheQueueIsBoundedAndWritten) {
  std::atomic<int> woken = 0;
  {
    DiskTier tier(open(), 5 * kBytes, [&] { ++woken; });
    std::vector<Entry> entries;
    for (int i = 0; i < 4; ++i) entries.push_back(entry(i));
    EXPECT_EQ(tier.room(), 5 * kBytes);
    tier.write(std::move(entries), {});
    EXPECT_GE(tier.room(), kBytes);
    EXPECT_LE(tier.room(), 5 * kBytes);
    EXPECT_TRUE(tier.has(entry(3).id));
    tier.skip();
    EXPECT_EQ(tier.stats().skipped, 1u);
  }
  DiskTier tier(open(), 5 * kBytes, [&] { ++woken; });
  EXPECT_EQ(tier.stats().entries, 4);
  EXPECT_FALSE(tier.take_read());
  tier.read({{entry(2).id, kBytes}, {entry(9).id, kBytes}});
  while (woken == 0) std::this_thread::yield();
  const auto found = tier.take_read();
  ASSERT_TRUE(found && found->size() == 2 && (*found)[0]);
  EXPECT_TRUE(std::ranges::equal((*found)[0]->entry.bytes, entry(2).bytes));
  EXPECT_FALSE((*found)[1]);
  tier.clear();
  tier.wait_until_clear();
  EXPECT_TRUE(files().empty());
  EXPECT_EQ(tier.stats().entries, 0);
  EXPECT_EQ(tier.stats().evicted, 0u) << "nothing was evicted for want of room";
}

TEST_F(DiskTierTest, WhatIsClearedStaysSoIfTheTierEnds) {
  for (int i = 0; i < 20; ++i) {
    {
      DiskTier tier(open(), 5 * kBytes, [] {});
      tier.write({entry(1)}, {});
      tier.clear();
    }
    ASSERT_TRUE(files().empty()) << i;
  }
}

TEST_F(DiskTierTest, ADiskThatRefusesGetsNoMoreForAWhile) {
  auto made =
      EntryFolder::open({.folder = dir_, .bytes_max = 1 << 20, .free_least = INT64_MAX / 2}, kProgram, "");
  ASSERT_TRUE(made);
  DiskTier tier(std::move(*made), 5 * kBytes, [] {});
  EXPECT_EQ(tier.room(), 5 * kBytes);
  tier.write({entry(1)}, {});
  while (tier.stats().failed == 0) std::this_thread::yield();
  while (tier.room() > 0) std::this_thread::yield();
  EXPECT_EQ(tier.room(), 0);
}

TEST(EntryName, DependsOnAllThatStateDependsOn) {
  const std::vector<int32_t> a{1, 2, 3}, b{1, 2, 4};
  const Sha256 none{}, some = sha256_of("x");
  const std::set<Sha256> names{
      block_name(none, false, "", a),  block_name(none, true, "", a),
      block_name(none, false, "d", a), block_name(none, false, "", b),
      block_name(some, false, "", a),  block_name(none, false, "", std::span(a).first(2))};
  EXPECT_EQ(names.size(), 6u);
  EXPECT_EQ(block_name(none, true, "d", a), block_name(none, true, "e", a)) << "everybody's";
  EXPECT_EQ(sha256_from_hex(hex_of(some)), some);
  EXPECT_FALSE(sha256_from_hex("0g" + hex_of(some).substr(2)));
  EXPECT_FALSE(sha256_from_hex("00"));
}

}  // namespace
}  // namespace autark::engine
