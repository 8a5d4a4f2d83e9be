// Goal: the program always contains a page that a browser accepts under the strictest content policy. Method:
// properties of the embedded files: an index, types, no inline code, no files of other origins, every file
// that the index names, and limits on what is loaded first and on all files.
#include "serve/console.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <regex>
#include <string>

namespace autark::serve {
namespace {

const Asset* find(std::string_view path) {
  auto assets = console_assets();
  auto it = std::find_if(assets.begin(), assets.end(), [&](const Asset& a) { return a.path == path; });
  return it == assets.end() ? nullptr : &*it;
}

TEST(Console, HasAnIndex) {
  const Asset* index = find("/index.html");
  ASSERT_NE(index, nullptr);
  EXPECT_EQ(index->content_type, "text/html; charset=utf-8");
  EXPECT_TRUE(index->bytes.starts_with("<!doctype html>"));
  EXPECT_TRUE(index->bytes.find("</html>") != std::string_view::npos);
}

TEST(Console, EveryFileTheIndexNamesIsThere) {
  const std::string index(find("/index.html")->bytes);
  const std::regex link("(?:src|href)=\"([^\"]*)\"");
  for (std::sregex_iterator it(index.begin(), index.end(), link), end; it != end; ++it) {
    const std::string name = (*it)[1];
    ASSERT_TRUE(name.starts_with("./")) << name << " is not relative";
    EXPECT_NE(find(name.substr(1)), nullptr) << name;
  }
}

TEST(Console, NeedsNoInlineCode) {
  const std::string index(find("/index.html")->bytes);
  EXPECT_FALSE(std::regex_search(index, std::regex("<script(?![^>]*\\ssrc=)")));
  EXPECT_FALSE(std::regex_search(index, std::regex("<style|\\sstyle=|\\son[a-z]+=|javascript:")));
}

// What a browser loads for the chat: the index and the files that it names. The rest is loaded on demand: the pages of the
// platform, its charts, another language.
size_t first_load() {
  const std::string index(find("/index.html")->bytes);
  size_t bytes = index.size();
  const std::regex link("(?:src|href)=\"\\.(/[^\"]*)\"");
  for (std::sregex_iterator it(index.begin(), index.end(), link), end; it != end; ++it)
    if (const Asset* asset = find((*it)[1].str())) bytes += asset->bytes.size();
  return bytes;
}

TEST(Console, IsSmall) {
  size_t bytes = 0;
  for (const Asset& asset : console_assets()) {
    EXPECT_TRUE(asset.path.starts_with("/")) << asset.path;
    EXPECT_FALSE(asset.content_type.empty()) << asset.path;
    EXPECT_FALSE(asset.bytes.empty()) << asset.path;
    bytes += asset.bytes.size();
  }
  EXPECT_LT(first_load(), size_t{300} * 1000);
  EXPECT_LT(bytes, size_t{500} * 1000);  // gzip makes about a third of it
}

}  // namespace
}  // namespace autark::serve
