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
#include <fstream>
#include <random>
#include <thread>
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

  Result<LoadedModel> load(const fs::path& folder) {
    return load_model(model_, {.threads = 2,
                               .weight_cache = {.folder = folder},
                               .say = [this](const auto& s) { said_ += s + "\n"; }});
  }
  // The logits with a cache in `folder`; line_ is what the cache says of itself then.
  std::vector<float> run(const fs::path& folder) {
    said_.clear();
    auto m = load(folder);
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
  auto a = load(cache_), b = load(cache_);
  ASSERT_TRUE(a && b);
  std::thread other([&] { first = logits_of(*a); });
  second = logits_of(*b);
  other.join();
  EXPECT_EQ(first, plain_);
  EXPECT_EQ(second, plain_);
  EXPECT_EQ(files().size(), 1u);
}

TEST_P(WeightCacheTest, RanksDoNotWaitForEachOther) {
  const auto c = open_checkpoint(model_);
  ASSERT_TRUE(c);
  const auto matrix = std::ranges::find(c->tensors, size_t{2}, [](const auto& t) { return t.shape.size(); });
  ASSERT_NE(matrix, c->tensors.end());
  const Weight w = c->weights->need(matrix->name, {matrix->shape[0], matrix->shape[1]});
  WeightCache first(*c->weights, "m", {.folder = cache_, .rank = 0, .ranks = 2});
  WeightCache second(*c->weights, "m", {.folder = cache_, .rank = 1, .ranks = 2});
  EXPECT_TRUE(first.place(w, "x/1", 100).bytes);
  EXPECT_TRUE(second.place(w, "x/1", 100).bytes);
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

INSTANTIATE_TEST_SUITE_P(Checkpoints, WeightCacheTest,
                         ::testing::Values("llama-mha", "gguf/qwen3-qknorm.Q8_0.gguf"),
                         [](const auto& info) { return std::string(info.index ? "gguf" : "safetensors"); });

}  // namespace
}  // namespace autark::engine
