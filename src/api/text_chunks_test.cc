// Goal:   a chunk that is put together from printed parts is byte for byte the chunk that is printed whole.
// Method: compare both for texts that JSON escapes or repairs, and with names that look like the field.
#include "api/text_chunks.h"
#include <gtest/gtest.h>

namespace autark::api {
namespace {

Json chunk_json(int choice, const std::string& text) {
  return Json{{"model", R"("content":"")"},
              {"choices", Json::array({{{"index", choice}, {"delta", {{"content", text}}}}})},
              {"content_type", R"(\"content\":\"\")"}};
}

TEST(TextChunks, EqualWholeChunks) {
  TextChunks chunks("content");
  const std::string texts[] = {"word",
                               "",
                               "\"}],\n\\",
                               R"("content":"")",
                               "日本 \U0001F600",
                               "cut \xe6\x97",
                               std::string("\0\x1f", 2)};
  for (const int choice : {0, 3, 0})
    for (const std::string& text : texts)
      EXPECT_EQ(chunks.with(choice, text, [&] { return chunk_json(choice, ""); }),
                dump_json(chunk_json(choice, text)));
}

}  // namespace
}  // namespace autark::api
