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
  void put(const std::string& path) {
    fs::create_directories((folder / path).parent_path());
    std::ofstream(folder / path) << "x";
  }
  ScratchFolder folder;
};

TEST_F(FindTest, Names) {
  put("one/a.gguf");
  put("org/checkpoint/config.json");
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
TEST_F(FindTest, MissesSayWhatHelps) {
  put("begun/.pull/a.gguf.part");
  EXPECT_NE(find_model("begun").error().message.find("`autark pull begun` goes on"), std::string::npos);
  EXPECT_NE(find_model("no-such").error().message.find("--list"), std::string::npos);
  EXPECT_NE(find_model("hf:a/b").error().message.find("`autark pull hf:a/b`"), std::string::npos);
}

}  // namespace
}  // namespace autark::hub
