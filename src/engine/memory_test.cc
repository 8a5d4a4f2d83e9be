// Goal: state never takes memory that mapped weights need.
// Method: sizes of a machine on which the weights fit well, just and not at all.
#include "engine/memory.h"
#include <gtest/gtest.h>

namespace autark::engine {
namespace {

TEST(MemoryForState, IsHalfOfWhatMappedWeightsLeave) {
  EXPECT_EQ(memory_for_state(24'000, 0), 12'000);
  EXPECT_EQ(memory_for_state(24'000, 8'000), 8'000);
}

TEST(MemoryForState, IsAThirtySecondWhereWeightsLeaveLittle) {
  EXPECT_EQ(memory_for_state(24'000, 23'000), 750);
  EXPECT_EQ(memory_for_state(24'000, 100'000), 750);
}

}  // namespace
}  // namespace autark::engine
