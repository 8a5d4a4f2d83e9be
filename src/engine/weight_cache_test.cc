// Goal: a model that is mapped from its weight cache gives the bits of one that was prepared in memory, and
// whatever is damaged, half written, of another model or of an older state of this one is never believed.
// Method: copies of golden checkpoints in both formats; traces with the cache against traces without, after
// flipped bytes, cuts, changed files and processes that are killed while they write (AUTARK_KILLS of them,
// else 4).
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <mutex>
#include <random>
#include <thread>
#include "base/mapped_pages.h"
#include "base/sanitized.h"
#include "engine/golden_testing.h"
#include "engine/loaded_model.h"
#include "engine/testing.h"
#include "engine/trace.h"
#include "weights/model_name.h"

namespace autark::engine {
namespace {

namespace fs = std::filesystem;

// The logits of a prompt; weights are prepared, or mapped, before.
std::vector<float> logits_of(LoadedModel& m) {
  const auto fault = warm_up(m);
  EXPECT_FALSE(fault) << (fault ? fault->message : "");
  const auto t = trace(m, test_prompt(20, 1));
  EXPECT_TRUE(t) << (t ? "" : t.error().message);
  return t ? t->logits.values : std::vector<float>{};
}

// Without large writes a file system has no reason for large pages.
void write_again_in_small_pieces(const fs::path& file) {
  std::ifstream from(file, std::ios::binary);
  const fs::path other = file.string() + ".copy";
  std::ofstream to(other, std::ios::binary);
  for (char piece[4096]; from.read(piece, sizeof piece) || from.gcount() > 0;)
    to.write(piece, from.gcount()).flush();
  to.close();
  fs::rename(other, file);
}

class WeightCacheTest : public ::testing::TestWithParam<const char*> {
 protected:
  WeightCacheTest()
      : dir_(fs::path(::testing::TempDir()) / ("weight_cache_" + std::to_string(::getpid()))),
        model_(dir_ / fs::path(GetParam()).filename()),
        cache_(dir_ / "cache") {
    fs::remove_all(dir_);
    fs::create_directories(dir_);
    fs::copy(golden("models") / GetParam(), model_, fs::copy_options::recursive);
    plain_ = run({});
  }
  ~WeightCacheTest() override { fs::remove_all(dir_); }

  Result<LoadedModel> load(const WeightCachePlace& place) {
    const auto say = [this](const auto& s) {
      const std::lock_guard lock(said_mutex_);
      said_ += s + "\n";
    };
    return load_model(model_, {.threads = 2, .weight_cache = place, .say = say});
  }
  // The logits with a cache in `folder`; line_ is what the cache says of itself then.
  std::vector<float> run(const fs::path& folder, int64_t least_bytes = 0) {
    said_.clear();
    auto m = load({folder, least_bytes});
    EXPECT_TRUE(m) << (m ? "" : m.error().message);
    if (!m) return {};
    auto logits = logits_of(*m);
    line_ = m->weight_cache->line();
    return logits;
  }
  std::vector<fs::path> files() const { return weight_files_in(cache_, ""); }
  bool written() const { return line_.find("written now") != std::string::npos; }

  const fs::path dir_, model_, cache_;
  std::vector<float> plain_;
  std::mutex said_mutex_;  // two models may be prepared at the same time
  std::string said_, line_;
};

TEST_P(WeightCacheTest, TheSecondStartMapsWhatTheFirstWrote) {
  EXPECT_EQ(run(cache_), plain_);
  EXPECT_TRUE(written()) << line_;
  EXPECT_NE(said_.find("writing about"), std::string::npos);
  ASSERT_EQ(files().size(), 1u);
  const auto before = fs::last_write_time(files()[0]);
  EXPECT_EQ(run(cache_), plain_);
  EXPECT_FALSE(written()) << line_;
  EXPECT_EQ(said_, "");
  ASSERT_EQ(files().size(), 1u);
  EXPECT_EQ(fs::last_write_time(files()[0]), before);
}

TEST_P(WeightCacheTest, AModelThatMovedWithItsCacheFindsIt) {
  run(cache_);
  fs::rename(model_, dir_ / "elsewhere");
  fs::create_directories(dir_ / "x");
  fs::rename(dir_ / "elsewhere", dir_ / "x" / model_.filename());
  auto m = load_model(dir_ / "x" / model_.filename(), {.threads = 2, .weight_cache = {.folder = cache_}});
  ASSERT_TRUE(m);
  EXPECT_EQ(logits_of(*m), plain_);
  EXPECT_EQ(m->weight_cache->line().find("written now"), std::string::npos);
}

TEST_P(WeightCacheTest, AChangedModelIsPreparedAgainAndItsOldFileDeleted) {
  run(cache_);
  const auto old = files();
  const fs::path file = fs::is_directory(model_) ? model_ / "model.safetensors" : model_;
  fs::last_write_time(file, fs::last_write_time(file) + std::chrono::seconds(1));
  EXPECT_EQ(run(cache_), plain_);
  EXPECT_TRUE(written());
  ASSERT_EQ(files().size(), 1u);
  EXPECT_NE(files(), old);
}

TEST_P(WeightCacheTest, DamageIsSeenWhereverItIs) {
  run(cache_);
  const fs::path file = files()[0];
  std::mt19937 random(1);
  for (int round = 0; round < 12; ++round) {
    run(cache_);  // whole
    ASSERT_EQ(files().size(), 1u);
    const auto size = fs::file_size(file);
    const auto at = round < 4 ? random() % 72 : random() % size;
    std::fstream f(file, std::ios::binary | std::ios::in | std::ios::out);
    f.seekg(long(at));
    const char was = char(f.get());
    f.seekp(long(at)).put(char(was ^ (1 << random() % 8)));
    f.close();
    EXPECT_EQ(run(cache_), plain_) << "byte " << at;
    fs::remove_all(cache_);
    run(cache_);
  }
}

TEST_P(WeightCacheTest, ACutFileIsNotBelieved) {
  run(cache_);
  const fs::path file = files()[0];
  const auto size = fs::file_size(file);
  for (const double share : {0.0, 0.001, 0.3, 0.7, 0.999}) {
    run(cache_);
    fs::resize_file(file, uintmax_t(share * double(size)));
    EXPECT_EQ(run(cache_), plain_) << share;
    fs::remove_all(cache_);
  }
}

TEST_P(WeightCacheTest, WhatCannotBeWrittenIsPreparedInMemory) {
  std::ofstream(dir_ / "file") << "no folder";
  EXPECT_EQ(run(dir_ / "file" / "x"), plain_);
  EXPECT_TRUE(line_.starts_with("none: ")) << line_;
  EXPECT_NE(said_.find("prepared in memory"), std::string::npos) << said_;
}

TEST_P(WeightCacheTest, TwoAtOnceWriteOnce) {
  std::vector<float> first, second;
  auto a = load({cache_}), b = load({cache_});
  ASSERT_TRUE(a && b);
  std::thread other([&] { first = logits_of(*a); });
  second = logits_of(*b);
  other.join();
  EXPECT_EQ(first, plain_);
  EXPECT_EQ(second, plain_);
  EXPECT_EQ(files().size(), 1u);
}

TEST_P(WeightCacheTest, ASmallModelIsWrittenOnlyOnRequestAndReadAlways) {
  EXPECT_EQ(run(cache_, kWeightCacheLeast), plain_);
  EXPECT_TRUE(line_.starts_with("none: ")) << line_;
  EXPECT_EQ(said_, "");
  EXPECT_FALSE(fs::exists(cache_));
  run(cache_);
  EXPECT_EQ(run(cache_, kWeightCacheLeast), plain_);
  EXPECT_FALSE(line_.starts_with("none: ")) << line_;
}

// A cache without a chip: places are filled by hand, in the name of one matrix of the checkpoint.
class WeightPlaceTest : public WeightCacheTest {
 protected:
  void SetUp() override {
    auto c = open_checkpoint(model_);
    ASSERT_TRUE(c);
    checkpoint_ = std::move(*c);
    const auto is_matrix = [](const auto& t) { return t.shape.size() == 2; };
    const auto matrix = std::ranges::find_if(checkpoint_.tensors, is_matrix);
    ASSERT_NE(matrix, checkpoint_.tensors.end());
    matrix_ = checkpoint_.weights->need(matrix->name, {matrix->shape[0], matrix->shape[1]});
  }
  std::unique_ptr<WeightCache> cache(WeightCacheOptions options = {}) {
    options.place.folder = cache_;
    options.say = [this](const auto& s) { said_ += s + "\n"; };
    return std::make_unique<WeightCache>(*checkpoint_.weights, "m", options);
  }
  WeightStore::Place place(WeightCache& c, std::string_view layout = "x/1") {
    return c.place(matrix_, layout, kForm);
  }
  void write(std::string_view layout = "x/1") {
    const auto c = cache();
    const WeightStore::Place p = place(*c, layout);
    ASSERT_TRUE(p.bytes && !p.filled);
    std::memset(p.bytes, 7, kForm);
    c->filled(p);
    ASSERT_FALSE(c->commit());
  }
  static bool is_whole(const WeightStore::Place& p) {
    return std::all_of(p.bytes, p.bytes + kForm, [](std::byte b) { return b == std::byte{7}; });
  }

  static constexpr int64_t kForm = 5'000'000;
  Checkpoint checkpoint_;
  Weight matrix_;
};

TEST_P(WeightPlaceTest, RanksDoNotWaitForEachOther) {
  const auto first = cache({.rank = 0, .ranks = 2}), second = cache({.rank = 1, .ranks = 2});
  EXPECT_TRUE(place(*first).bytes);
  EXPECT_TRUE(place(*second).bytes);
}

TEST_P(WeightPlaceTest, LayoutsAreApartAndANewerOneOfAFamilyReplacesTheOlder) {
  write("x/1");
  EXPECT_TRUE(place(*cache(), "x/1").filled);
  write("y/1");
  EXPECT_EQ(files().size(), 2u);
  write("x/2");
  EXPECT_EQ(files().size(), 2u);
  EXPECT_FALSE(place(*cache(), "x/1").filled);
  EXPECT_TRUE(place(*cache(), "y/1").filled);
}

TEST_P(WeightPlaceTest, ADiskWithoutRoomIsNamedAndNothingWritten) {
  const auto c = cache({.bytes_expected = INT64_MAX / 2});
  EXPECT_FALSE(place(*c).bytes);
  EXPECT_NE(said_.find(" free, "), std::string::npos) << said_;
  EXPECT_TRUE(c->line().starts_with("none: ")) << c->line();
  EXPECT_FALSE(fs::exists(cache_));
}

// A form is copied exactly where memory has larger pages than the file.
TEST_P(WeightPlaceTest, AFormStaysWhereItIsReadAtFullSpeed) {
  write();
  for (const bool small : {false, true}) {
    if (small) write_again_in_small_pieces(files()[0]);
    const auto c = cache();
    const WeightStore::Place p = place(*c);
    ASSERT_TRUE(p.filled);
    EXPECT_EQ(p.stays, !memory_has_large_pages() || lies_in_large_pages({p.bytes, kForm}));
    c->copied({p.bytes, kForm});
    EXPECT_TRUE(is_whole(p));
  }
}

TEST_P(WeightPlaceTest, AFormStaysWhereMemoryHasNoRoomForIt) {
  write();
  write_again_in_small_pieces(files()[0]);
  const auto c = cache({.bytes_expected = kForm, .memory_free = kForm - 1});
  EXPECT_TRUE(place(*c).stays);
}

TEST(WeightCachePlace, IsTheUsersCacheFolderWhereTheModelsCannotBeWritten) {
  const std::string folder = ::testing::TempDir();
  EXPECT_EQ(default_weight_cache(fs::path(folder) / "m.gguf").folder,
            fs::weakly_canonical(folder) / ".autark");
  ::setenv("XDG_CACHE_HOME", "/c", 1);
  EXPECT_EQ(default_weight_cache("/nowhere/m.gguf").folder, "/c/autark/weights");
  ::unsetenv("XDG_CACHE_HOME");
}

// A process that is killed while it prepares leaves nothing that the next one believes.
TEST_P(WeightCacheTest, AKilledWriterLeavesNothingThatIsBelieved) {
  if (kSanitized) GTEST_SKIP() << "forks";
  const char* kills = std::getenv("AUTARK_KILLS");
  std::mt19937 random(7);
  for (int i = 0; i < (kills ? std::atoi(kills) : 4); ++i) {
    fs::remove_all(cache_);
    const pid_t child = ::fork();
    if (child == 0) {
      auto m = load_model(model_, {.threads = 1, .weight_cache = {.folder = cache_}});
      if (m) (void)warm_up(*m);
      ::_exit(0);
    }
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 40'000));
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(run(cache_), plain_) << "kill " << i;
    EXPECT_EQ(files().size(), 1u);
    EXPECT_FALSE(fs::exists(cache_ / (model_name(model_) + ".part")));
  }
}

INSTANTIATE_TEST_SUITE_P(Checkpoints, WeightPlaceTest, ::testing::Values("llama-mha"));
INSTANTIATE_TEST_SUITE_P(Checkpoints, WeightCacheTest,
                         ::testing::Values("llama-mha", "gguf/qwen3-qknorm.Q8_0.gguf"),
                         [](const auto& info) { return std::string(info.index ? "gguf" : "safetensors"); });

}  // namespace
}  // namespace autark::engine
