// Goal: what is logged has no API key, wherever a client put it.
// Method: lines with keys at their ends and in the middle, and texts that only look a little like keys.
#include "base/key_text.h"
#include <gtest/gtest.h>

namespace autark {
namespace {

TEST(WithoutKeys, HidesAllButTheFirstLetters) {
  const std::string key = "ak-9II8e64O-AfM6AWcYtge1QvnLMDz9WP6npg710XrgXuQnPqZXV6B",
                    shown = "ak-9II8e64O-...";
  EXPECT_EQ(without_keys(key), shown);
  EXPECT_EQ(without_keys("there is no file '" + key + "'"), "there is no file '" + shown + "'");
  EXPECT_EQ(without_keys(key + "/" + key + "?" + key.substr(0, 24)), shown + "/" + shown + "?" + shown);
}

TEST(WithoutKeys, LeavesOtherTextAsItIs) {
  for (const char* line :
       {"", "ak-", "ak-ak-ak-", "break-fast is ready", "ak-9II8e64O", "ak-9II8e64O-", "ak-9II8e64O-short",
        "ak-9II8e6-AfM6AWcYtge1QvnLMDz9WP6npg710X", "file-e6f7717c87ba725fa3d4fffa"})
    EXPECT_EQ(without_keys(line), line);
}

}  // namespace
}  // namespace autark
