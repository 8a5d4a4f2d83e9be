// Goal: a reference means what hub.h says, and no name leaves its folder.  Method: examples at each rule.
#include "hub/names.h"
#include <gtest/gtest.h>

namespace autark::hub {
namespace {

using Kind = Reference::Kind;

TEST(NamesTest, References) {
  const auto hf = parse_reference("hf:org/name@v1.0:sub/f.gguf");
  ASSERT_TRUE(hf);
  EXPECT_EQ(hf->kind, Kind::huggingface);
  EXPECT_EQ(hf->repository, "org/name");
  EXPECT_EQ(hf->revision, "v1.0");
  EXPECT_EQ(hf->file, "sub/f.gguf");
  EXPECT_EQ(parse_reference("hf:org/name")->revision, "main");
  EXPECT_EQ(parse_reference("modelscope:org/name")->revision, "master");
  EXPECT_EQ(parse_reference("https://h/x.gguf")->kind, Kind::url);
  EXPECT_EQ(parse_reference("https://h/x.gguf#sha256=" + std::string(64, 'a'))->text, "https://h/x.gguf");
  EXPECT_EQ(parse_reference("smollm2-135m")->kind, Kind::name);
  EXPECT_EQ(parse_reference("org/name")->kind, Kind::name);
  for (const char* path : {"/a", "./a", "../a", "a/../b", ".", "a//b", ""})
    EXPECT_EQ(parse_reference(path)->kind, Kind::path) << path;
}
TEST(NamesTest, WrongReferences) {
  for (const char* wrong : {"hf:", "hf:name", "hf:a/b/c", "hf:../x", "hf:a/b@", "hf:a/b:", "hf:a/b:../c",
                            "hf:a/b@..", "https://", "https://h/x#sha256=abc"})
    EXPECT_FALSE(parse_reference(wrong)) << wrong;
}
TEST(NamesTest, SafePaths) {
  for (const char* safe : {"a", "a/b.c", "a..b", "ü"}) EXPECT_TRUE(is_safe_path(safe)) << safe;
  for (const char* unsafe :
       {"", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a/.hidden", "a\\b", "a\nb", "a\x7f"})
    EXPECT_FALSE(is_safe_path(unsafe)) << unsafe;
  EXPECT_FALSE(is_safe_path(std::string("a\0b", 3)));
  EXPECT_FALSE(is_safe_path(std::string(300, 'x')));
}

}  // namespace
}  // namespace autark::hub
