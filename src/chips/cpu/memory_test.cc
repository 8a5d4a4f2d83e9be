// Goal: pages are zero, hold what was asked for, and begin with a large page where one fits.
// Method: pages of sizes around a large page's, written from end to end.
#include "chips/cpu/memory.h"
#include <gtest/gtest.h>
#include <algorithm>

namespace autark {
namespace {

constexpr int64_t kLarge = 2 << 20;

TEST(MemoryTest, PagesAreZeroAndWritableToTheirEnd) {
  for (const int64_t bytes : {int64_t{1}, int64_t{5000}, kLarge - 1, kLarge, kLarge + 1, 3 * kLarge + 4097}) {
    const Pages p(bytes);
    EXPECT_EQ(p.bytes(), bytes);
    EXPECT_EQ(std::count(p.data(), p.data() + bytes, std::byte{0}), bytes);
    std::fill_n(p.data(), bytes, std::byte{1});
  }
}

TEST(MemoryTest, ManyBytesBeginWithALargePage) {
  for (const int64_t bytes : {kLarge, kLarge + 1, 5 * kLarge - 1}) {
    const Pages p(bytes);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(p.data()) % kLarge, 0u) << bytes;
  }
}

}  // namespace
}  // namespace autark
