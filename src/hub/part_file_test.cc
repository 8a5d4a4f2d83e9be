// Goal: a part file keeps its bytes when it is reopened, and a full disk is an Error that says how to
// proceed. Method: write, reopen, compare; /dev/full; the published SHA-256 vectors.
#include "hub/part_file.h"
#include <gtest/gtest.h>
#include <fstream>
#include "hub/scratch_folder.h"

namespace autark::hub {
namespace {

TEST(PartFileTest, GoesOnWhereItStopped) {
  const ScratchFolder folder;
  const auto path = folder / "a/b/file.part";
  ASSERT_TRUE(PartFile::open(path)->append("hello "));
  auto again = PartFile::open(path);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->bytes(), 6);
  EXPECT_TRUE(again->append("world!"));
  EXPECT_TRUE(again->matches(4, "o world!"));
  EXPECT_FALSE(again->matches(4, "o World!"));
  EXPECT_FALSE(again->matches(4, "o world! and more"));
  EXPECT_TRUE(again->cut(5));
  EXPECT_TRUE(again->append("."));
  EXPECT_TRUE(again->sync());
  EXPECT_EQ(again->bytes(), 6);
  std::string text;
  std::getline(std::ifstream(path), text);
  EXPECT_EQ(text, "hello.");
}
TEST(PartFileTest, AFullDiskSaysTheWayOut) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "there is no /dev/full here";
  auto full = PartFile::open("/dev/full");
  ASSERT_TRUE(full);
  const auto written = full->append("x");
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, Code::exhausted);
  EXPECT_NE(written.error().message.find("AUTARK_MODELS"), std::string::npos);
}
TEST(PartFileTest, WhatCannotBeOpenedIsAnError) {
  const ScratchFolder folder;
  std::ofstream(folder / "file") << "x";
  EXPECT_FALSE(PartFile::open(folder / "file/below"));
  EXPECT_FALSE(PartFile::open(folder.path()));
  EXPECT_FALSE(sha256_of(folder / "absent", nullptr));
}
TEST(PartFileTest, Sha256) {
  const ScratchFolder folder;
  std::ofstream(folder / "empty");
  std::ofstream(folder / "abc") << "abc";
  std::ofstream(folder / "million") << std::string(1'000'000, 'a');
  EXPECT_EQ(*sha256_of(folder / "empty", nullptr),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(*sha256_of(folder / "abc", nullptr),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  int64_t heard = 0;
  EXPECT_EQ(*sha256_of(folder / "million", [&](int64_t done) { heard = done; }),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  EXPECT_EQ(heard, 1'000'000);
}

}  // namespace
}  // namespace autark::hub
