// Goal: sealed texts come back only through a key that is still valid, and a damaged text or file is never
// fatal. Method: round trips, every single changed byte, and key files at chosen times.
#include "serve/seal.h"
#include <gtest/gtest.h>
#include <unistd.h>
#include <fstream>

namespace autark::serve {
namespace {

namespace fs = std::filesystem;
constexpr int64_t kDay = 24 * 3600;

struct KeyFile {
  fs::path folder = [] {
    std::string name = (fs::temp_directory_path() / "autark-seal-XXXXXX").string();
    return fs::path(mkdtemp(name.data()));
  }();
  fs::path path = folder / "server.key";
  ~KeyFile() { fs::remove_all(folder); }
  Seal at(int64_t now) const {
    auto seal = Seal::from_file(path, now);
    EXPECT_TRUE(seal) << (seal ? "" : seal.error().message);
    return std::move(seal).value();
  }
};

TEST(Seal, OpensWhatItSealed) {
  const Seal s = Seal::random(0);
  for (const size_t size : {0, 1, 2, 3, 1000})
    EXPECT_EQ(s.open(s.seal(std::string(size, 'x'))), std::string(size, 'x'));
  EXPECT_NE(s.seal("same"), s.seal("same"));
  EXPECT_EQ(s.seal("secret").find("secret"), std::string::npos);
}

TEST(Seal, DoesNotOpenWhatWasChanged) {
  const Seal s = Seal::random(0);
  const std::string sealed = s.seal("hello");
  for (size_t i = 0; i + 1 < sealed.size(); ++i) {
    std::string changed = sealed;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(s.open(changed)) << i;
  }
  for (const char* text : {"", "A", "not sealed!", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"})
    EXPECT_FALSE(s.open(text)) << text;
  EXPECT_FALSE(Seal::random(0).open(sealed)) << "another key";
}

TEST(Seal, ARestartKeepsTheKeyAndAnOldOneOpensForAWhile) {
  const KeyFile f;
  const std::string sealed = f.at(0).seal("x");
  EXPECT_EQ(fs::status(f.path).permissions(), fs::perms::owner_read | fs::perms::owner_write);
  EXPECT_EQ(f.at(90 * kDay).open(sealed), "x");
  const Seal rotated = f.at(91 * kDay);
  EXPECT_EQ(rotated.open(sealed), "x") << "the old key opens";
  const std::string newer = rotated.seal("y");
  EXPECT_FALSE(f.at(121 * kDay).open(sealed)) << "and no longer";
  EXPECT_EQ(f.at(121 * kDay).open(newer), "y");
}

TEST(Seal, RotatesWhileItRuns) {
  const KeyFile f;
  Seal s = f.at(0);
  const std::string sealed = s.seal("x");
  for (const int day : {30, 60, 90, 91, 120}) EXPECT_FALSE(s.rotate(day * kDay));
  EXPECT_EQ(s.open(sealed), "x") << "the old key opens for 30 days more";
  const std::string newer = s.seal("y");
  EXPECT_FALSE(s.rotate(121 * kDay));
  EXPECT_FALSE(s.open(sealed));
  EXPECT_EQ(f.at(122 * kDay).open(newer), "y") << "a restart has the new key";
}

TEST(Seal, KeepsItsKeyIfTheFileCannotBeWritten) {
  Seal s = [] { return KeyFile().at(0); }();  // the folder is gone
  const std::string sealed = s.seal("x");
  EXPECT_TRUE(s.rotate(130 * kDay));
  EXPECT_EQ(s.open(sealed), "x");
}

TEST(Seal, ADamagedFileIsAnError) {
  const KeyFile f;
  for (const char* text : {"x", "1\n", "1 abcd\n", "x 00\n"}) {
    std::ofstream(f.path) << text;
    EXPECT_FALSE(Seal::from_file(f.path, 0)) << text;
  }
}

}  // namespace
}  // namespace autark::serve
