// Goal: references are read as hub.h says, and no name leads out of its folder. Method: examples of
// each rule.
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
const HubHosts kHosts = {"http://127.0.0.1:1", "http://127.0.0.1:2"};

TEST(D9_Names, RepositoriesWithoutAScheme) {
  for (const char* text :
       {"org/name", "hf.co/org/name", "huggingface.co/org/name", "hf.co/org/name/",
        "hf.co/org/name?library=x", "www.huggingface.co/org/name/tree/main", "HF.co/org/name"}) {
    const auto r = repository_named(text, kHosts);
    ASSERT_TRUE(r) << text;
    EXPECT_EQ(r->kind, Kind::huggingface) << text;
    EXPECT_EQ(r->repository, "org/name") << text;
    EXPECT_EQ(r->revision, "main") << text;
    EXPECT_EQ(r->file, "") << text;
  }
  for (const char* text : {"org/name@v1:sub/f.gguf", "hf.co/org/name@v1:sub/f.gguf"}) {
    const auto r = repository_named(text, kHosts);
    ASSERT_TRUE(r) << text;
    EXPECT_EQ(r->repository + " " + r->revision + " " + r->file, "org/name v1 sub/f.gguf") << text;
  }
  EXPECT_EQ(repository_named("hf.co/org/name:Q4_K_M", kHosts)->file, "Q4_K_M");
  EXPECT_EQ(repository_named("modelscope.cn/models/org/name", kHosts)->kind, Kind::modelscope);
  for (const char* none : {"name", "a/b/c", "org/name@", "org/name:", "org/na me", "../x", "./org/name",
                           "/org/name", "dir/x.gguf", "org/name:../x", "org/name/", ""})
    EXPECT_FALSE(repository_named(none, kHosts)) << none;
}
TEST(D9_Names, PagesOfRepositories) {
  for (const std::string host : {"https://huggingface.co/", "http://hf.co/", "http://127.0.0.1:1/"}) {
    const auto r = parse_reference(host + "org/name", kHosts);
    ASSERT_TRUE(r);
    EXPECT_EQ(r->kind, Kind::huggingface) << host;
    EXPECT_EQ(r->text, "hf:org/name");
    EXPECT_EQ(parse_reference(host + "org/name/tree/v1", kHosts)->revision, "v1");
    EXPECT_EQ(parse_reference(host + "org/name/tree/refs%2Fpr%2F1/", kHosts)->revision, "refs/pr/1");
    EXPECT_EQ(parse_reference(host + "org/name/tree/main/Q4", kHosts)->file, "Q4");
    EXPECT_EQ(parse_reference(host + "org/name/discussions", kHosts)->kind, Kind::url);
    EXPECT_EQ(parse_reference(host + "datasets/org/name", kHosts)->kind, Kind::url);
  }
  const auto m = parse_reference("https://www.modelscope.cn/models/org/name/summary", kHosts);
  EXPECT_EQ(m->kind, Kind::modelscope);
  EXPECT_EQ(m->repository, "org/name");
  EXPECT_EQ(parse_reference("https://elsewhere.org/org/name", kHosts)->kind, Kind::url);
  EXPECT_EQ(parse_reference("https://nothf.co/org/name", kHosts)->kind, Kind::url);
}
TEST(F19_Names, ThePageOfAFileMeansTheFile) {
  EXPECT_EQ(parse_reference("https://huggingface.co/org/name/blob/main/d/x.gguf?a=b", kHosts)->text,
            "https://huggingface.co/org/name/resolve/main/d/x.gguf?a=b");
  EXPECT_EQ(parse_reference("http://127.0.0.1:1/org/name/raw/main/x.gguf", kHosts)->text,
            "http://127.0.0.1:1/org/name/resolve/main/x.gguf");
  EXPECT_EQ(
      parse_reference("https://hf.co/o/n/blob/main/x.gguf#sha256=" + std::string(64, 'a'), kHosts)->sha256,
      std::string(64, 'a'));
  EXPECT_EQ(
      parse_reference("https://modelscope.cn/models/org/name/file/view/master/x.gguf?status=2", kHosts)->text,
      "https://modelscope.cn/models/org/name/resolve/master/x.gguf");
  EXPECT_EQ(parse_reference("https://github.com/o/n/blob/main/x.gguf", kHosts)->text,
            "https://github.com/o/n/blob/main/x.gguf");
}
TEST(D9_Names, WhatAFileMeans) {
  const std::vector<std::string> paths = {"m-Q4_K_M.gguf",
                                          "m-Q8_0.gguf",
                                          "m-IQ4_K_M.gguf",
                                          "BF16/m-00001-of-00002.gguf",
                                          "BF16/m-00002-of-00002.gguf",
                                          "mmproj-Q8_0.gguf"};
  using Paths = std::vector<std::string>;
  EXPECT_EQ(paths_meant(paths, "m-Q8_0.gguf"), Paths{"m-Q8_0.gguf"});
  EXPECT_EQ(paths_meant(paths, "Q4_K_M"), Paths{"m-Q4_K_M.gguf"});
  EXPECT_EQ(paths_meant(paths, "q8_0"), Paths{"m-Q8_0.gguf"});
  EXPECT_EQ(paths_meant(paths, "BF16").size(), 2u);
  EXPECT_EQ(paths_meant(paths, "Q2"), Paths{});
}
TEST(F22_Names, EachRevisionHasItsFolder) {
  const auto folder = [](const std::string& text) { return folder_of(*parse_reference(text, kHosts)); };
  EXPECT_EQ(folder("hf:org/name"), "org/name");
  EXPECT_EQ(folder("hf:org/name@main"), "org/name");
  EXPECT_EQ(folder("modelscope:org/name@master"), "org/name");
  EXPECT_EQ(folder("hf:org/name@v1:f.gguf"), "org/name@v1");
  EXPECT_EQ(folder("hf:org/name@refs/pr/1"), "org/name@refs%2Fpr%2F1");
  EXPECT_EQ(folder("https://h/x.gguf?download=true"), "x");
  EXPECT_EQ(folder("smollm2-135m"), "smollm2-135m");
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
