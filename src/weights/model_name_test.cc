// Goal: a model gets the name that people use for it, however its path is written, and never an empty one.
// Method: folders, files, links and a hub's cache, each with several spellings of the same path.
#include "weights/model_name.h"
#include <gtest/gtest.h>
#include "base/gguf_testing.h"
#include "weights/testing.h"

namespace autark {
namespace {

namespace fs = std::filesystem;

class F06_ModelName : public ::testing::Test {
 protected:
  F06_ModelName() : before_(fs::current_path()) {
    fs::create_directories(dir_ / "TINY-1.5b/sub");
    fs::create_directories(dir_ / "a/deep");
    fs::current_path(dir_.path());
  }
  ~F06_ModelName() override { fs::current_path(before_); }
  std::string name_in(const std::string& folder, const std::string& path) const {
    fs::current_path(dir_ / folder);
    const std::string name = model_name(path);
    fs::current_path(dir_.path());
    return name;
  }
  void gguf(const std::string& file, const char* name) const {
    GgufBytes b;
    b.key("general.architecture", "llama");
    if (name) b.key("general.name", name);
    fs::create_directories((dir_ / file).parent_path());
    b.write(dir_ / file);
  }
  const TestDirectory dir_;
  const fs::path before_;
};

TEST_F(F06_ModelName, OneFolderHasOneName) {
  for (const char* path :
       {"TINY-1.5b", "TINY-1.5b/", "TINY-1.5b//", "TINY-1.5b/.", "./TINY-1.5b", "a/../TINY-1.5b",
        "a/../TINY-1.5b/./", "TINY-1.5b/sub/..", "TINY-1.5b/sub/../", ".//TINY-1.5b"})
    EXPECT_EQ(model_name(path), "TINY-1.5b") << path;
  EXPECT_EQ(model_name(dir_ / "TINY-1.5b"), "TINY-1.5b");
  EXPECT_EQ(model_name((dir_ / "TINY-1.5b/").string()), "TINY-1.5b");
  for (const char* path : {".", "./", "././"}) EXPECT_EQ(name_in("TINY-1.5b", path), "TINY-1.5b") << path;
  for (const char* path : {"..", "../", "../.", "../sub/.."})
    EXPECT_EQ(name_in("TINY-1.5b/sub", path), "TINY-1.5b") << path;
  EXPECT_FALSE(model_name("/").empty());
  EXPECT_FALSE(model_name("").empty());
}

TEST_F(F06_ModelName, LinksAreCalledWhatTheyAreCalled) {
  fs::create_directory_symlink(dir_ / "TINY-1.5b/sub", dir_ / "mine");
  EXPECT_EQ(model_name("mine/"), "mine");
  EXPECT_EQ(model_name("mine/.."), "TINY-1.5b") << "the folder above the one that is meant";
  gguf("blobs/sha256-" + std::string(64, 'b'), "Written Name");
  fs::create_symlink("blobs/sha256-" + std::string(64, 'b'), dir_ / "chat.gguf");
  EXPECT_EQ(model_name("chat.gguf"), "chat");
}

TEST_F(F06_ModelName, FilesWithoutWhatIsNoName) {
  for (const char* file : {"m-q4.gguf", "m-q4.GGUF", "m-q4.gguf?download=true", "m-q4-00001-of-00003.gguf",
                           "m-q4-00002-of-00003.gguf?download=true"}) {
    gguf(file, nullptr);
    EXPECT_EQ(model_name(file), "m-q4") << file;
    EXPECT_EQ(model_name("a/../" + std::string(file)), "m-q4") << file;
  }
  gguf("qwen2.5-0.5b", nullptr);
  EXPECT_EQ(model_name("qwen2.5-0.5b"), "qwen2.5-0.5b");
}

TEST_F(F06_ModelName, AHashIsNoName) {
  const std::string blob = "sha256-" + std::string(64, 'a'), bare(64, 'c');
  gguf(blob, "Tiny\n Chat");
  gguf(bare, nullptr);
  EXPECT_EQ(model_name(blob), "Tiny Chat");
  EXPECT_EQ(model_name(bare), bare) << "it has no other";
  gguf("models--org--tiny-chat/blobs/" + bare, nullptr);
  EXPECT_EQ(model_name("models--org--tiny-chat/blobs/" + bare), "tiny-chat");
  gguf(".gguf", "Dotted");
  EXPECT_EQ(model_name(".gguf"), "Dotted");
}

TEST_F(F06_ModelName, ASnapshotHasItsRepositorysName) {
  const std::string hash(40, 'f'), entry = "models--org--tiny-chat", snapshot = entry + "/snapshots/" + hash;
  gguf(snapshot + "/q4.gguf", nullptr);
  for (const std::string& path : {snapshot, snapshot + "/", snapshot + "/.", entry, entry + "/",
                                  entry + "/snapshots/../snapshots/" + hash})
    EXPECT_EQ(model_name(path), "tiny-chat") << path;
  EXPECT_EQ(name_in(snapshot, "."), "tiny-chat");
  EXPECT_EQ(name_in(snapshot, ".."), "tiny-chat");
  EXPECT_EQ(model_name(snapshot + "/q4.gguf"), "q4");
  fs::create_directories(dir_ / ("models--gpt2/snapshots/" + hash));
  EXPECT_EQ(model_name("models--gpt2/snapshots/" + hash), "gpt2");
  fs::create_directories(dir_ / ("plain/snapshots/" + hash));
  EXPECT_EQ(model_name("plain/snapshots/" + hash), "plain");
}

}  // namespace
}  // namespace autark
