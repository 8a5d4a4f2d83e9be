// Goal: the kernel's answer about 2 MiB pages is right for memory whose pages are known, and pages that left
// memory read as before.
// Method: memory with and without MADV_HUGEPAGE; a mapped file.
#include "base/mapped_pages.h"
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>
#include <algorithm>
#include <cstring>
#include <string>
#include "base/mapped_file.h"
#include "base/memory_file.h"

namespace autark {
namespace {

constexpr size_t kLarge = size_t{2} << 20;

// Two large pages of memory, aligned, touched; freed in the end.
class Memory {
 public:
  explicit Memory(int advice)
      : all_(::mmap(nullptr, 3 * kLarge, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) {
    const auto at = (reinterpret_cast<uintptr_t>(all_) + kLarge - 1) / kLarge * kLarge;
    bytes_ = {reinterpret_cast<std::byte*>(at), 2 * kLarge};
    ::madvise(bytes_.data(), bytes_.size(), advice);
    std::memset(bytes_.data(), 1, bytes_.size());
  }
  ~Memory() { ::munmap(all_, 3 * kLarge); }
  std::span<std::byte> bytes() const { return bytes_; }

 private:
  void* const all_;
  std::span<std::byte> bytes_;
};

TEST(MappedPages, SmallPagesAreNotLarge) {
  EXPECT_FALSE(lies_in_large_pages(Memory(MADV_NOHUGEPAGE).bytes()));
}

TEST(MappedPages, LargePagesAreSeenWholeAndInParts) {
  const Memory m(MADV_HUGEPAGE);
  if (!lies_in_large_pages(m.bytes())) GTEST_SKIP() << "this system gives no large pages, or cannot say";
  EXPECT_TRUE(memory_has_large_pages());
  EXPECT_TRUE(lies_in_large_pages(m.bytes().subspan(5000, kLarge)));
  EXPECT_TRUE(lies_in_large_pages(m.bytes().subspan(5000, 100)));
}

TEST(MappedPages, OneSmallHalfIsTooMuch) {
  const Memory m(MADV_HUGEPAGE);
  if (!lies_in_large_pages(m.bytes())) GTEST_SKIP() << "this system gives no large pages, or cannot say";
  const auto second = m.bytes().subspan(kLarge);
  ::madvise(second.data(), second.size(), MADV_DONTNEED);
  ::madvise(second.data(), second.size(), MADV_NOHUGEPAGE);
  std::memset(second.data(), 2, second.size());
  EXPECT_FALSE(lies_in_large_pages(m.bytes()));
  EXPECT_TRUE(lies_in_large_pages(m.bytes().first(kLarge)));
}

TEST(MappedPages, ForgottenPagesReadAsBefore) {
  const std::string text(100'000, 'a');
  const MemoryFile in_memory(text);
  const auto file = MappedFile::open(in_memory.path());
  ASSERT_TRUE(file);
  ask_for_large_pages(file->bytes());
  const auto is_whole = [&] { return std::memcmp(file->bytes().data(), text.data(), text.size()) == 0; };
  EXPECT_TRUE(is_whole());
  forget_pages(file->bytes().subspan(100, 60'000));
  EXPECT_TRUE(is_whole());
  EXPECT_FALSE(file->change());
}

}  // namespace
}  // namespace autark
