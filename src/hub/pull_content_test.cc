// Goal: only model files are put in place, whatever a server sends with a 200; a wrong file in place is
// replaced. Method: a hub that answers with pages, pointers and cut bodies; then the right file at the
// same address.
#include <fstream>
#include "base/mapped_file.h"
#include "hub/content.h"
#include "hub/pull_testing.h"

namespace autark::hub {
namespace {

const std::map<std::string, std::string> kPages = {
    {"<!DOCTYPE html>\n<html><body>a page</body></html>", "an HTML page"},
    {"\xEF\xBB\xBF  \n<HTML lang=en>", "an HTML page"},
    {"<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>", "XML"},
    {"{\"error\":\"Repository not found\"}", "JSON"},
    {"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", "a Git LFS pointer"},
    {"\x1f\x8b\x08 gzip", "compressed with gzip"},
    {"PK\x03\x04 zip", "a zip archive"},
    {"tjgg\x01", "a GGML file from before GGUF"},
    {"Not Found", "something else"},
    {"GGU", "something else"},
    {"", "an empty file"},
};

class F19_Content : public PullTest {
 protected:
  std::string url() const { return hub.host() + "/some/where/blob/x.gguf"; }
  void serve_right() { hub.pages.clear(); }
  F19_Content() { hub.write("some/where/blob/x.gguf", weights); }
};
TEST_F(F19_Content, NoPageIsPutInPlaceAndTheRightFileIsFetchedLater) {
  for (const auto& [page, what] : kPages) {
    hub.pages["some/where/blob/x.gguf"] = page;
    const auto refused = get(url());
    ASSERT_FALSE(refused) << what;
    EXPECT_NE(refused.error().message.find("x.gguf is not a GGUF file but " + what), std::string::npos)
        << refused.error().message;
    EXPECT_EQ(bytes_of("x/x.gguf"), "(absent)");
    EXPECT_EQ(bytes_of("x/.pull/x.gguf.part"), "(absent)");
    serve_right();
    const auto path = get(url());
    ASSERT_TRUE(path) << path.error().message;
    EXPECT_EQ(bytes_of("x/x.gguf"), weights);
    fs::remove_all(scratch / "models");
  }
}
TEST_F(F19_Content, AWrongFileThatLiesThereIsReplaced) {
  for (const auto& [page, what] : kPages) {
    fs::create_directories(scratch / "models/x");
    std::ofstream(scratch / "models/x/x.gguf", std::ios::binary | std::ios::trunc) << page;
    const auto path = get(url());
    ASSERT_TRUE(path) << path.error().message;
    EXPECT_EQ(bytes_of("x/x.gguf"), weights) << what;
  }
}
TEST_F(F19_Content, APageThatWasBegunDoesNotSpoilTheFile) {
  fs::create_directories(scratch / "models/x/.pull");
  std::ofstream(scratch / "models/x/.pull/x.gguf.part") << "<!doctype html><title>x</title>";
  hub.tags = false;
  const auto path = get(url());
  ASSERT_TRUE(path) << path.error().message;
  EXPECT_EQ(bytes_of("x/x.gguf"), weights);
}
TEST_F(F19_Content, AGoodFileStaysWhenAPageComesLater) {
  ASSERT_TRUE(get(url()));
  hub.pages["some/where/blob/x.gguf"] = "<html>please log in</html>";
  EXPECT_TRUE(get(url()));
  EXPECT_EQ(bytes_of("x/x.gguf"), weights);
  hub.down = true;
  EXPECT_TRUE(get(url()));
}
TEST_F(F19_Content, AHubsFilesAreLookedAtToo) {
  for (const bool sums : {true, false}) {
    hub.sums = sums;
    for (const std::string file : {"org/one-GGUF/one.Q4.gguf", "org/model/model-00001-of-00002.safetensors",
                                   "org/model/config.json", "org/model/chat_template.jinja"}) {
      hub.pages[file] = "<!doctype html><title>sign in</title>";
      const auto refused = get("hf:" + file.substr(0, file.rfind('/')));
      ASSERT_FALSE(refused) << file;
      EXPECT_EQ(bytes_of(file), "(absent)");
      hub.pages.clear();
      fs::remove_all(scratch / "models");
    }
  }
  hub.pages["org/one-GGUF/one.Q4.gguf"] = "<!doctype html><title>sign in</title>";
  EXPECT_NE(get("hf:org/one-GGUF").error().message.find("is not a GGUF file but an HTML page"),
            std::string::npos);
}
TEST_F(F19_Content, AnAddressOfAPageMeansTheFileAndStaysOneIfThereIsNone) {
  hub.pages["org/one-GGUF/blob/main/one.Q4.gguf"] = "<!doctype html>";
  const auto path = get(hub.host() + "/org/one-GGUF/blob/main/one.Q4.gguf");
  ASSERT_TRUE(path) << path.error().message;
  EXPECT_EQ(*read_file(*path), weights);
  hub.write("o/n/blob/main/y.gguf", weights);
  EXPECT_TRUE(get(hub.host() + "/o/n/blob/main/y.gguf"));
}
TEST_F(F19_Content, APointerInARepositoryIsNoModel) {
  hub.write("org/pointer/x.gguf", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n");
  const auto refused = get("hf:org/pointer");  // the hub's sum for the pointer is right
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("a Git LFS pointer"), std::string::npos) << refused.error().message;
}
TEST_F(F19_Content, EveryPieceOfASplitGgufIsLookedAt) {
  hub.sums = false;
  hub.write("org/split/a-00001-of-00002.gguf", "GGUF one");
  hub.write("org/split/a-00002-of-00002.gguf", "<html></html>");
  EXPECT_FALSE(get("hf:org/split"));
  EXPECT_EQ(bytes_of("org/split/a-00001-of-00002.gguf"), "(absent)");
  hub.write("org/split/a-00002-of-00002.gguf", "GGUF two");
  EXPECT_TRUE(get("hf:org/split"));
}

class F19_Checks : public ::testing::Test {
 protected:
  bool good(const std::string& name, const std::string& bytes, Length length = Length::told) {
    std::ofstream(folder / name, std::ios::binary | std::ios::trunc) << bytes;
    return check_content(folder / name, name, length).has_value();
  }
  static std::string safetensors(const std::string& header, size_t data) {
    std::string text(8, '\0');
    for (size_t i = 0, n = header.size(); i < 8; ++i, n >>= 8) text[i] = static_cast<char>(n & 255);
    return text + header + std::string(data, 'x');
  }
  ScratchFolder folder;
};
TEST_F(F19_Checks, Safetensors) {
  const std::string header =
      R"({"w":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"__metadata__":{"a":"b"}})";
  EXPECT_TRUE(good("m.safetensors", safetensors(header, 4)));
  EXPECT_TRUE(good("m.safetensors", safetensors("{}", 0)));
  EXPECT_FALSE(good("m.safetensors", safetensors(header, 3)));
  EXPECT_FALSE(good("m.safetensors", safetensors("{\"w\":", 9)));
  EXPECT_FALSE(good("m.safetensors", safetensors("[1,2]", 9)));
  EXPECT_FALSE(good("m.safetensors", "\xff\xff\xff\xff\xff\xff\xff\xff{}"));
  EXPECT_FALSE(good("m.safetensors", "GGUF"));
  EXPECT_FALSE(good("m.safetensors", "<html>"));
  EXPECT_FALSE(good("m.safetensors", ""));
}
TEST_F(F19_Checks, Texts) {
  EXPECT_TRUE(good("config.json", " {\"a\": NaN"));  // not checked any further here
  EXPECT_TRUE(good("generation_config.json", ""));
  EXPECT_FALSE(good("config.json", ""));
  EXPECT_FALSE(good("config.json", "Not Found"));
  EXPECT_FALSE(good("tokenizer.json", "<Error/>"));
  EXPECT_TRUE(good("chat_template.jinja", "<|im_start|>{{ x }}"));
  EXPECT_TRUE(good("chat_template.jinja", "{%- if x %}"));
  EXPECT_FALSE(good("chat_template.jinja", "<!DOCTYPE html>"));
  EXPECT_TRUE(good("merges.txt", "#version: 0.2\na b\n"));
  EXPECT_FALSE(good("merges.txt", "version https://git-lfs.github.com/spec/v1\n"));
}
TEST_F(F19_Checks, AGgufWhoseLengthNobodyToldMustHoldItsTensors) {
  const std::string whole = "GGUF and then noise";
  EXPECT_TRUE(good("x.gguf", whole, Length::told));
  EXPECT_FALSE(good("x.gguf", whole, Length::unknown));
}

}  // namespace
}  // namespace autark::hub
