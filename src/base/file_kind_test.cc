// Goal: the kind of a file is decided by its first bytes, not its name, and a message for a file that is not
// a model names its kind. Method: small files under the names that other tools give them.
#include "base/file_kind.h"
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>
#include <fstream>
#include "base/gguf_testing.h"

namespace autark {
namespace {

namespace fs = std::filesystem;

class F05_FileKind : public ::testing::Test {
 protected:
  F05_FileKind() : dir_(fs::path(::testing::TempDir()) / ("autark_file_kind_" + std::to_string(getpid()))) {
    fs::create_directories(dir_);
  }
  ~F05_FileKind() override { fs::remove_all(dir_); }
  fs::path write(const std::string& name, const std::string& bytes) const {
    fs::create_directories((dir_ / name).parent_path());
    std::ofstream(dir_ / name, std::ios::binary) << bytes;
    return dir_ / name;
  }
  std::string said(const std::string& bytes) const { return said_of_file(write("x.gguf", bytes)); }
  static std::string gguf() { return GgufBytes().key("general.architecture", "llama").bytes(); }
  static std::string safetensors() { return std::string("\2\0\0\0\0\0\0\0{}", 10); }
  fs::path dir_;
};

TEST_F(F05_FileKind, GgufUnderAnyName) {
  for (const std::string& name : {"sha256-" + std::string(64, 'a'), std::string("model.gguf?download=true"),
                                  std::string("MODEL.GGUF"), std::string("model.bin"), std::string("model"),
                                  std::string("a b.jinja"), std::string("model.gguf.1")})
    EXPECT_EQ(kind_of_file(write(name, gguf())), FileKind::gguf) << name;
  fs::create_symlink("sha256-" + std::string(64, 'a'), dir_ / "link");
  fs::create_symlink("link", dir_ / "link.json");
  EXPECT_EQ(kind_of_file(dir_ / "link"), FileKind::gguf);
  EXPECT_EQ(kind_of_file(dir_ / "link.json"), FileKind::gguf);
}

TEST_F(F05_FileKind, NoGgufUnderItsName) {
  EXPECT_EQ(kind_of_file(write("x.gguf", "<!DOCTYPE html>")), FileKind::other);
  EXPECT_EQ(kind_of_file(write("x.gguf", "GGU")), FileKind::other);
  EXPECT_EQ(kind_of_file(write("x.gguf", "")), FileKind::other);
  EXPECT_EQ(kind_of_file(dir_), FileKind::directory);
  EXPECT_EQ(kind_of_file(dir_ / "absent"), FileKind::missing);
}

TEST_F(F05_FileKind, SafetensorsByBytesOrName) {
  EXPECT_EQ(kind_of_file(write("blob", safetensors())), FileKind::safetensors);
  EXPECT_EQ(kind_of_file(write("cut.safetensors", "")), FileKind::safetensors);
  EXPECT_EQ(kind_of_file(write("far", std::string("\xff\xff\0\0\0\0\0\0{}", 10))), FileKind::other);
  const std::string told = folder_wanted(dir_ / "m.safetensors");
  EXPECT_NE(told.find("give the folder"), std::string::npos);
  EXPECT_TRUE(told.ends_with(dir_.string())) << told;
  EXPECT_TRUE(folder_wanted("m.safetensors").ends_with(", ."));
}

TEST_F(F05_FileKind, SaysWhatAFileIs) {
  EXPECT_EQ(said("\n <!DOCTYPE HTML><html>"), "is an HTML page, not a model");
  EXPECT_EQ(said("<html lang=en>"), "is an HTML page, not a model");
  EXPECT_NE(
      said("version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 9\n").find("Git LFS pointer"),
      std::string::npos);
  EXPECT_EQ(said(""), "is empty");
  EXPECT_EQ(said("{\"error\": \"not found\"}"), "is JSON, not a model");
  EXPECT_EQ(said("PK\3\4..."), "is a zip archive or a PyTorch file, not a model");
  EXPECT_EQ(said("tjgg\1"), "is a GGML file, the form before GGUF, not a model");
  EXPECT_EQ(said("Entry not found"), "is neither GGUF nor safetensors, not a model");
  EXPECT_EQ(said_of_file(dir_ / "absent"), "does not exist");
  fs::create_symlink("nowhere", dir_ / "dangling");
  EXPECT_EQ(said_of_file(dir_ / "dangling"), "is a link to nothing");
}

TEST_F(F05_FileKind, APipeIsNotWaitedFor) {
  ASSERT_EQ(::mkfifo((dir_ / "pipe.gguf").c_str(), 0600), 0);
  EXPECT_EQ(kind_of_file(dir_ / "pipe.gguf"), FileKind::other);
  EXPECT_EQ(said_of_file(dir_ / "pipe.gguf"), "is not a regular file");
}

TEST_F(F05_FileKind, ModelsOfAFolder) {
  EXPECT_TRUE(ggufs_in(dir_).empty());
  const auto page = write("a.gguf", "<html>");
  EXPECT_EQ(ggufs_in(dir_), std::vector{page}) << "named so, if nothing is one";
  const auto blob = write("sha256-ab", gguf()), first = write("m-00001-of-00002.GGUF", gguf());
  write("m-00002-of-00002.GGUF", gguf());
  write("mmproj-x.gguf", gguf());
  write("notes.txt", "x");
  EXPECT_EQ(ggufs_in(dir_), (std::vector{first, blob}));
}

TEST_F(F05_FileKind, ShardsAreFoundByTheirNames) {
  EXPECT_EQ(shard_number_at("m-00002-of-00003.gguf"), 2u);
  EXPECT_EQ(shard_number_at("m-00002-of-00003.gguf?download=true"), 2u);
  EXPECT_EQ(shard_number_at("m-002-of-003.gguf"), std::string::npos);
  EXPECT_EQ(shard_number_at("-of-00001"), std::string::npos);
  EXPECT_EQ(shard_number_at("one-of-them"), std::string::npos);
  for (const char* ending : {".gguf", ".GGUF", ".gguf?download=true"}) {
    for (const int i : {0, 1}) {
      GgufBytes part;
      part.key("split.count", 2u).key("split.no", uint32_t(i)).key("split.tensors.count", 2u);
      part.tensor("t" + std::to_string(i), 0, {1}, "abcd");
      write("s-0000" + std::to_string(i + 1) + "-of-00002" + ending, part.bytes());
    }
    const auto whole = Gguf::open(dir_ / (std::string("s-00002-of-00002") + ending));
    ASSERT_TRUE(whole) << whole.error().message;
    EXPECT_EQ(whole.value().tensors().size(), 2u);
  }
}

}  // namespace
}  // namespace autark
