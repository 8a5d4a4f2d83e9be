// Goal:   the reuse of a prompt is reported alike in usage and header, and summed over prompts.
// Method: one value in both forms; sums of complete and incomplete prompts.
#include "api/prompt_cache.h"
#include <gtest/gtest.h>

namespace autark::api {
namespace {

const PromptCache kPartly{14976, 15104, "memory", "differs", 14991, "messages[12]"};
const PromptCache kWhole{256, 256, "disk", "complete", {}, ""};

TEST(PromptCache, HeaderAndJsonSayTheSame) {
  EXPECT_EQ(header_text(kPartly),
            "read=14976;possible=15104;tier=memory;why=differs;at=14991;part=messages[12]");
  EXPECT_EQ(to_json(kPartly), (Json{{"read", 14976},
                                    {"possible", 15104},
                                    {"tier", "memory"},
                                    {"why", "differs"},
                                    {"at", 14991},
                                    {"part", "messages[12]"}}));
}

TEST(PromptCache, ACompleteOneHasNoPlace) {
  EXPECT_EQ(header_text(kWhole), "read=256;possible=256;tier=disk;why=complete");
  EXPECT_FALSE(to_json(kWhole).contains("at"));
  EXPECT_FALSE(to_json(kWhole).contains("part"));
}

TEST(PromptCache, ASumKeepsTheFirstIncompleteReason) {
  PromptCache sum = kWhole;
  add(sum, kPartly);
  EXPECT_EQ(header_text(sum), "read=15232;possible=15360;tier=disk;why=differs;at=14991;part=messages[12]");
  add(sum, {0, 128, "none", "never_stored", 0, "prompt"});
  EXPECT_EQ(header_text(sum), "read=15232;possible=15488;tier=disk;why=differs;at=14991;part=messages[12]");
}

}  // namespace
}  // namespace autark::api
