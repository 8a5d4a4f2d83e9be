// Goal: a process with guarded memory leaves no core dump, and what it frees does not have the secrets any more.
// Method: child processes that abort, or that free texts and look for these in all memory that they may write.
#include "platform/guarded_memory.h"
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <fstream>
#include "base/sanitized.h"
#include "platform/secrets.h"

namespace autark::platform {
namespace {

// What the child returns from `work`; 255 if a signal ended it.
int in_a_child(int (*work)()) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(work());
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_FALSE(WIFSIGNALED(status) && WCOREDUMP(status));
  return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

// How often a text is in memory whose letters are those of `shifted`, each one lower: the text itself must not be another find.
int times_in_memory(const std::string& shifted) {
  std::ifstream maps("/proc/self/maps");
  int found = 0;
  for (std::string line; std::getline(maps, line);) {
    uintptr_t from = 0, to = 0;
    char may[5] = "";
    if (std::sscanf(line.c_str(), "%lx-%lx %4s", &from, &to, may) != 3 || may[0] != 'r' || may[1] != 'w')
      continue;
    for (uintptr_t at = from; at + shifted.size() <= to; ++at) {
      const char* text = reinterpret_cast<const char*>(at);
      size_t same = 0;
      while (same < shifted.size() && text[same] + 1 == shifted[same]) ++same;
      found += same == shifted.size();
    }
  }
  return found;
}

// Makes texts of many sizes with a secret in them, frees them, and returns how many are still found.
int left_of_texts() {
  std::string shifted = random_letters(40);
  for (size_t size = 64; size < size_t{1} << 18; size *= 2) {
    std::string text(32, ' ');  // the allocator writes into the beginning of what is free
    for (const char c : shifted) text += char(c - 1);  // grows: the smaller ones are freed on the way
    text.resize(size + 64, ' ');
  }
  return std::min(times_in_memory(shifted), 100);
}

TEST(GuardedMemory, IsInNoCoreDump) {
  EXPECT_EQ(in_a_child([] {
              guard_memory();
              if (::prctl(PR_GET_DUMPABLE) != 0) return 0;
              ::signal(SIGABRT, SIG_DFL);
              ::abort();
            }),
            255);
}

TEST(GuardedMemory, HasNothingOfWhatWasFreed) {
  if (kSanitized) GTEST_SKIP() << "sanitizers have an allocator of their own";
  EXPECT_GT(in_a_child(left_of_texts), 0) << "the test does not see what memory has";
  EXPECT_EQ(in_a_child([] {
              guard_memory();
              return left_of_texts();
            }),
            0);
}

}  // namespace
}  // namespace autark::platform
