// Goal: truncating or rewriting a mapped file is detected and does not end the process; operations that leave
// its bytes alone are no change. Method: real files of a few pages, changed in every usual way; faults in
// other memory in a child process.
#include "base/mapped_file.h"
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cstdlib>
#include <fstream>
#include <numeric>
#include <thread>
#include <vector>
#include "base/gguf.h"
#include "base/gguf_testing.h"
#include "base/sanitized.h"

namespace autark {
namespace {

namespace fs = std::filesystem;

constexpr size_t kPage = 4096, kSize = 5 * kPage + 100;

void write(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

// Overwrites bytes of the existing file at an offset.
void overwrite(const fs::path& path, size_t at, const std::string& bytes) {
  std::fstream(path, std::ios::binary | std::ios::in | std::ios::out).seekp(long(at)) << bytes;
}

// Sets both times, as `touch -d @seconds` does.
void touch(const fs::path& path, time_t seconds) {
  const timespec times[] = {{seconds, 0}, {seconds, 0}};
  ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
}

int64_t sum(std::span<const std::byte> bytes) {
  return std::accumulate(bytes.begin(), bytes.end(), int64_t{0},
                         [](int64_t all, std::byte b) { return all + int64_t(b); });
}

class F11_MappedFile : public ::testing::Test {
 protected:
  F11_MappedFile()
      : dir_(fs::path(::testing::TempDir()) /
             ("mapped_" + std::string(::testing::UnitTest::GetInstance()->current_test_info()->name()))),
        path_(dir_ / "m.bin") {
    fs::create_directories(dir_);
    write(path_, std::string(kSize, 'a'));
    touch(path_, 1'000'000);  // a write in the same tick of the clock would not be seen
  }
  ~F11_MappedFile() override { fs::remove_all(dir_); }

  static MappedFile open(const fs::path& path) {
    auto file = MappedFile::open(path);
    EXPECT_TRUE(file);
    return std::move(*file);
  }

  fs::path dir_, path_;
};

TEST_F(F11_MappedFile, WhatIsGoneReadsAsZeros) {
  const MappedFile file = open(path_);
  EXPECT_FALSE(file.change());
  fs::resize_file(path_, kPage + 10);
  EXPECT_EQ(sum(file.bytes().first(kPage + 10)), int64_t('a') * int64_t(kPage + 10));
  EXPECT_EQ(sum(file.bytes().subspan(kPage + 10)), 0);
  ASSERT_TRUE(file.change());
  EXPECT_EQ(file.change()->code, Code::io);
  EXPECT_NE(file.change()->message.find("'m.bin' was truncated"), std::string::npos);
  EXPECT_EQ(file.change()->message.find(dir_.string()), std::string::npos) << "clients may see it";
}

TEST_F(F11_MappedFile, EveryWayToChangeItIsSeen) {
  const std::pair<const char*, std::function<void()>> ways[] = {
      {"emptied", [&] { fs::resize_file(path_, 0); }},
      {"shorter by a byte", [&] { fs::resize_file(path_, kSize - 1); }},
      {"longer", [&] { overwrite(path_, kSize, "b"); }},
      {"one byte of it", [&] { overwrite(path_, 3 * kPage, "b"); }},
      {"truncated and written again", [&] { write(path_, std::string(kSize, 'b')); }},
      {"written again with the time it had", [&] {
         write(path_, std::string(kSize, 'b'));
         const timespec times[] = {{7, 0}, {1'000'001, 0}};
         ::utimensat(AT_FDCWD, path_.c_str(), times, 0);
       }}};
  for (const auto& [name, change] : ways) {
    write(path_, std::string(kSize, 'a'));
    touch(path_, 1'000'000);
    const MappedFile file = open(path_);
    EXPECT_FALSE(file.change()) << name;
    change();
    EXPECT_TRUE(file.change()) << name;
  }
}

TEST_F(F11_MappedFile, OnceChangedItStaysSo) {
  const MappedFile file = open(path_);
  fs::resize_file(path_, 0);
  EXPECT_EQ(sum(file.bytes()), 0);
  write(path_, std::string(kSize, 'a'));
  touch(path_, 1'000'000);
  EXPECT_TRUE(file.change()) << "its bytes read zeros now, whatever lies in the file";
  EXPECT_FALSE(open(path_).change());
}

TEST_F(F11_MappedFile, WhatLeavesItsBytesAloneIsNone) {
  const MappedFile file = open(path_);
  EXPECT_FALSE(file.change());
  ::chmod(path_.c_str(), 0600);
  fs::create_hard_link(path_, dir_ / "linked");
  EXPECT_FALSE(file.change());
  for (time_t when : {2'000'000, 500'000}) {
    touch(path_, when);
    EXPECT_FALSE(file.change()) << "only its times were set";
  }
  ::utimensat(AT_FDCWD, path_.c_str(), nullptr, 0);
  EXPECT_FALSE(file.change());
  fs::rename(path_, dir_ / "old");
  EXPECT_FALSE(file.change());
  write(dir_ / "new", "new");
  fs::rename(dir_ / "new", dir_ / "linked");
  fs::rename(dir_ / "linked", path_);
  EXPECT_FALSE(file.change()) << "another file has its name";
  fs::remove(dir_ / "old");
  EXPECT_FALSE(file.change());
  EXPECT_EQ(sum(file.bytes()), int64_t('a') * int64_t(kSize));
}

TEST_F(F11_MappedFile, AnotherContentIsNotHiddenByATouch) {
  const MappedFile file = open(path_);
  EXPECT_FALSE(file.change());
  overwrite(path_, 0, std::string(kSize, 'b'));
  touch(path_, 2'000'000);
  EXPECT_TRUE(file.change());
}

TEST_F(F11_MappedFile, ThreadsReadOnWhileItShrinks) {
  const MappedFile file = open(path_), other = open(path_);
  std::vector<std::thread> readers;
  for (int i = 0; i < 4; ++i)
    readers.emplace_back([&] {
      for (int k = 0; k < 200; ++k) (void)sum(file.bytes());
    });
  for (size_t size = kSize; size > 0; size -= std::min(size, kPage)) fs::resize_file(path_, size);
  fs::resize_file(path_, 0);
  for (auto& t : readers) t.join();
  EXPECT_EQ(sum(file.bytes()), 0);
  EXPECT_TRUE(file.change());
  EXPECT_EQ(sum(other.bytes()), 0) << "each mapping is filled by itself";
}

TEST_F(F11_MappedFile, APlaceThatIsMappedAnewIsGuardedAnew) {
  for (int i = 0; i < 20; ++i) {
    write(path_, std::string(kSize, 'a'));
    touch(path_, 1'000'000);
    MappedFile file = open(path_);
    MappedFile moved = std::move(file);
    EXPECT_FALSE(moved.change());
    fs::resize_file(path_, kPage);
    EXPECT_EQ(sum(moved.bytes().subspan(kPage)), 0);
    EXPECT_TRUE(moved.change());
  }
}

// An unguarded mapping of a file that is gone.
const char* unguarded(const fs::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY);
  const void* at = ::mmap(nullptr, kPage, PROT_READ, MAP_SHARED, fd, 0);
  fs::resize_file(path, 0);
  return static_cast<const char*>(at);
}

TEST_F(F11_MappedFile, OtherFaultsEndTheProcessAsTheyDid) {
  if (kSanitized) GTEST_SKIP() << "the sanitizers have a handler of their own";
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto die = [&] {
    const MappedFile file = open(path_);
    write(dir_ / "other", std::string(kPage, 'a'));
    std::exit(*unguarded(dir_ / "other"));
  };
  EXPECT_EXIT(die(), ::testing::KilledBySignal(SIGBUS), "");
  const auto sent = [&] {
    const MappedFile file = open(path_);
    ::raise(SIGBUS);
    std::exit(0);
  };
  EXPECT_EXIT(sent(), ::testing::KilledBySignal(SIGBUS), "");
}

TEST_F(F11_MappedFile, TheHandlerBeforeGetsOtherFaults) {
  if (kSanitized) GTEST_SKIP() << "the sanitizers have a handler of their own";
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto die = [&] {
    ::signal(SIGBUS, [](int) { ::_exit(42); });
    const MappedFile file = open(path_);
    fs::resize_file(path_, 0);
    if (sum(file.bytes()) != 0) ::_exit(1);  // must read zeros and not reach the handler
    write(dir_ / "other", std::string(kPage, 'a'));
    std::exit(*unguarded(dir_ / "other"));
  };
  EXPECT_EXIT(die(), ::testing::ExitedWithCode(42), "");
}

TEST_F(F11_MappedFile, KeysOfAGgufFileAreSafeFromARewrite) {
  const std::vector<std::string> words{"a", "", std::string(2 * kPage, 'w')};
  GgufBytes().key("words", words).key("name", "tiny").tensor("t", 0, {8}, std::string(32, 'x')).write(path_);
  touch(path_, 1'000'000);
  const auto g = Gguf::open(path_);
  ASSERT_TRUE(g);
  const std::vector<std::string_view> expected(words.begin(), words.end());
  overwrite(path_, 0, std::string(fs::file_size(path_), '\xff'));  // every length is now false
  EXPECT_EQ(g->texts("words"), expected);
  fs::resize_file(path_, 0);
  EXPECT_EQ(g->texts("words"), expected);
  EXPECT_EQ(g->text("name"), "tiny");
  EXPECT_EQ(sum(g->bytes_from(g->tensors().at("t"))), 0);
}

}  // namespace
}  // namespace autark
