// Goal: a name or path leads to the file or folder to open, and every miss says which command helps.
// Method: a model folder with one of each kind.
#include <gtest/gtest.h>
#include <fstream>
#include "hub/hub.h"
#include "hub/scratch_folder.h"

namespace autark::hub {
namespace {

namespace fs = std::filesystem;

class FindTest : public ::testing::Test {
 protected:
  FindTest() { ::setenv("AUTARK_MODELS", folder.path().c_str(), 1); }
  ~FindTest() override { ::unsetenv("AUTARK_MODELS"); }
  void put(const std::string& path, const std::string& text = "x") {
    fs::create_directories((folder / path).parent_path());
    std::ofstream(folder / path) << text;
  }
  ScratchFolder folder;
};

TEST_F(FindTest, Names) {
  put("one/a.gguf");
  put("org/checkpoint/config.json");
  put("org/checkpoint/model.safetensors");
  put("org/checkpoint/also.gguf");
  put("split/a-00001-of-00002.gguf");
  put("split/a-00002-of-00002.gguf");
  put("flat.gguf");
  put("two/a.gguf");
  put("two/b.gguf");
  EXPECT_EQ(*find_model("one"), folder / "one/a.gguf");
  EXPECT_EQ(*find_model("org/checkpoint"), folder / "org/checkpoint");
  EXPECT_EQ(*find_model("hf:org/checkpoint"), folder / "org/checkpoint");
  EXPECT_EQ(*find_model("hf:org/checkpoint:also.gguf"), folder / "org/checkpoint/also.gguf");
  EXPECT_EQ(*find_model("split"), folder / "split/a-00001-of-00002.gguf");
  EXPECT_EQ(*find_model("flat"), folder / "flat.gguf");
  EXPECT_EQ(*find_model("two/b.gguf"), folder / "two/b.gguf");
  EXPECT_EQ(*find_model("https://h/one.gguf"), folder / "one/a.gguf");
  const auto several = find_model("two");
  ASSERT_FALSE(several);
  EXPECT_NE(several.error().message.find("a.gguf, b.gguf"), std::string::npos);
}
class D9_Find : public FindTest {};
TEST_F(D9_Find, PulledRepositoriesUnderTheirOtherNames) {
  put("org/one/m-Q4_K_M.gguf");
  put("org/two/a-Q4.gguf");
  put("org/two/b-Q8.gguf");
  for (const char* name : {"org/one", "hf.co/org/one", "https://huggingface.co/org/one", "hf:org/one:Q4_K_M",
                           "org/one:m-Q4_K_M.gguf"})
    EXPECT_EQ(*find_model(name), folder / "org/one/m-Q4_K_M.gguf") << name;
  EXPECT_EQ(*find_model("org/two:q8"), folder / "org/two/b-Q8.gguf");
  EXPECT_NE(find_model("org/three").error().message.find("`autark pull org/three`"), std::string::npos);
}
class F22_Find : public FindTest {};
TEST_F(F22_Find, ARevisionIsNotAnother) {
  put("org/one/a.gguf");
  EXPECT_FALSE(find_model("hf:org/one@v1"));
  put("org/one@v1/a.gguf");
  EXPECT_EQ(*find_model("hf:org/one@v1"), folder / "org/one@v1/a.gguf");
  EXPECT_EQ(*find_model("org/one@v1"), folder / "org/one@v1/a.gguf");
  EXPECT_EQ(*find_model("org/one@main"), folder / "org/one/a.gguf");
}
TEST_F(FindTest, TheDefault) {
  const auto missing = find_model("");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Code::not_found);
  EXPECT_NE(missing.error().message.find("`autark pull " + std::string(kDefaultModel) + "`"),
            std::string::npos);
  put(std::string(kDefaultModel) + "/m.gguf");
  EXPECT_EQ(*find_model(""), folder / (std::string(kDefaultModel) + "/m.gguf"));
}
TEST_F(FindTest, Paths) {
  put("one/a.gguf");
  put("tokenizer-only/tokenizer.json");
  EXPECT_EQ(*find_model((folder / "one/a.gguf").string()), folder / "one/a.gguf");
  EXPECT_EQ(*find_model((folder / "one").string()), folder / "one/a.gguf");
  EXPECT_EQ(*find_model((folder / "tokenizer-only").string()), folder / "tokenizer-only");
  EXPECT_EQ(find_model("/no/such/file").error().code, Code::not_found);
}
using F05_Find = FindTest;
TEST_F(F05_Find, AFoldersModelIsKnownByItsContent) {
  put("notes/readme.md");
  put("notes/sha256-ab", "GGUF");
  EXPECT_EQ(*find_model((folder / "notes/").string()), folder / "notes/sha256-ab");
  EXPECT_EQ(*find_model("notes"), folder / "notes/sha256-ab");
  put("notes/second.GGUF", "GGUF");
  EXPECT_NE(find_model("notes").error().message.find("second.GGUF, sha256-ab"), std::string::npos);
  put("m.gguf?download=true", "GGUF");
  EXPECT_EQ(*find_model("m.gguf?download=true"), folder / "m.gguf?download=true");
}
TEST_F(F05_Find, AConfigBesideAGgufFileIsNoCheckpoint) {
  put("org/quantised/config.json", "{}");
  put("org/quantised/tokenizer.json", "{}");
  EXPECT_EQ(*find_model("org/quantised"), folder / "org/quantised") << "no weights at all";
  put("org/quantised/m-Q4_K_M.gguf", "GGUF");
  put("org/quantised/mmproj-m.gguf", "GGUF");
  for (const char* name : {"org/quantised", "hf:org/quantised"})
    EXPECT_EQ(*find_model(name), folder / "org/quantised/m-Q4_K_M.gguf") << name;
  EXPECT_EQ(*find_model((folder / "org/quantised/").string()), folder / "org/quantised/m-Q4_K_M.gguf");
  put("org/quantised/m-Q8_0.gguf", "GGUF");
  EXPECT_NE(find_model("org/quantised").error().message.find("m-Q4_K_M.gguf, m-Q8_0.gguf"),
            std::string::npos);
  put("org/quantised/model.safetensors.index.json", "{}");
  EXPECT_EQ(*find_model("org/quantised"), folder / "org/quantised") << "the checkpoint it was made from";
}

class D5_Find : public FindTest {
 protected:
  std::string found(const std::string& path) const {
    const auto place = find_model(path);
    return place ? place->string() : place.error().message;
  }
  const std::string entry = (folder / "models--org--tiny").string();
};
TEST_F(D5_Find, TheSnapshotThatMainNames) {
  put("models--org--tiny/snapshots/aaaa/config.json");
  put("models--org--tiny/snapshots/bbbb/config.json");
  put("models--org--tiny/refs/main", "bbbb\n");
  for (const char* end : {"", "/", "/.", "/refs/.."})
    EXPECT_TRUE(fs::equivalent(found(entry + end), entry + "/snapshots/bbbb")) << end;
  EXPECT_EQ(*place_of_model(entry), fs::path(entry + "/snapshots/bbbb"));
  EXPECT_EQ(*snapshot_in(entry + "/snapshots/aaaa"), fs::path(entry + "/snapshots/aaaa"));
}
TEST_F(D5_Find, TheOneFileOfASnapshot) {
  put("models--org--tiny/blobs/cccc", "GGUF");
  fs::create_directories(folder / "models--org--tiny/snapshots/aaaa");
  fs::create_symlink("../../blobs/cccc", folder / "models--org--tiny/snapshots/aaaa/q4.gguf");
  put("models--org--tiny/refs/main", "aaaa");
  EXPECT_EQ(found(entry), entry + "/snapshots/aaaa/q4.gguf");
  put("models--org--tiny/snapshots/aaaa/config.json", "{}");
  for (const char* end : {"", "/snapshots/aaaa"})
    EXPECT_EQ(found(entry + end), entry + "/snapshots/aaaa/q4.gguf") << "with a config.json: " << end;
}
TEST_F(D5_Find, WithoutMainTheOnlySnapshotOrAFault) {
  fs::create_directories(folder / "models--org--tiny/snapshots");
  EXPECT_NE(found(entry).find("refs/main is missing, and there is no snapshot at all"), std::string::npos);
  put("models--org--tiny/snapshots/aaaa/config.json");
  EXPECT_EQ(found(entry), entry + "/snapshots/aaaa");
  for (const char* main : {"cccc", "../..", "", "/", "..", "a/b"}) {
    put("models--org--tiny/refs/main", main);
    EXPECT_EQ(found(entry), entry + "/snapshots/aaaa") << main;
  }
  put("models--org--tiny/snapshots/bbbb/config.json");
  put("models--org--tiny/refs/main", "cccc");
  EXPECT_NE(found(entry).find("refs/main names a snapshot that is not there, and there are several"),
            std::string::npos)
      << found(entry);
  EXPECT_NE(found(entry).find("snapshots/bbbb"), std::string::npos) << found(entry);
}
TEST_F(FindTest, MissesSayWhatHelps) {
  put("begun/.pull/a.gguf.part");
  EXPECT_NE(find_model("begun").error().message.find("`autark pull begun` goes on"), std::string::npos);
  EXPECT_NE(find_model("no-such").error().message.find("--list"), std::string::npos);
  EXPECT_NE(find_model("hf:a/b").error().message.find("`autark pull hf:a/b`"), std::string::npos);
}

}  // namespace
}  // namespace autark::hub
