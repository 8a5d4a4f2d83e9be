// Goal: a person learns before a start whether and where it writes weights, and the options decide about it.
// Method: a folder that stands for a model; sizes on both sides of the least one.
#include "apps/weight_cache_options.h"
#include <gtest/gtest.h>
#include <unistd.h>
#include <filesystem>
#include <fstream>

namespace autark::apps {
namespace {

namespace fs = std::filesystem;

class WeightCacheOptions : public ::testing::Test {
 protected:
  WeightCacheOptions()
      : model_(fs::weakly_canonical(::testing::TempDir()) / ("model_" + std::to_string(::getpid()))) {
    fs::create_directories(model_);
  }
  ~WeightCacheOptions() override { fs::remove_all(model_); }
  std::string line(int64_t bytes) { return weight_cache_line(weight_cache_for({}, model_), model_, bytes); }

  const fs::path model_;
};

TEST_F(WeightCacheOptions, DecideWhereItLies) {
  EXPECT_EQ(weight_cache_for({}, model_).folder, model_ / ".autark");
  EXPECT_GT(weight_cache_for({}, model_).least_bytes, 0);
  EXPECT_EQ(weight_cache_for({.folder = "/x"}, model_).folder, "/x");
  EXPECT_EQ(weight_cache_for({.folder = "/x"}, model_).least_bytes, 0) << "asked for: at any size";
  EXPECT_TRUE(weight_cache_for({.folder = "/x", .off = true}, model_).folder.empty());
}

TEST_F(WeightCacheOptions, TheBytesAreNamedBeforeTheyAreWritten) {
  EXPECT_EQ(line(160'000'000'000), "none yet: the first start writes about 164.0 GB to " +
                                       (model_ / ".autark").string() + "; --no-weight-cache prevents it");
  EXPECT_TRUE(line(1'000'000'000).starts_with("none: a model of this size is prepared in memory"));
  EXPECT_FALSE(fs::exists(model_ / ".autark"));
}

TEST_F(WeightCacheOptions, WhatIsThereIsCounted) {
  fs::create_directories(model_ / ".autark");
  const fs::path file = model_ / ".autark" / (model_.filename().string() + ".0.weights");
  std::ofstream(file) << "x";
  fs::resize_file(file, 3'000'000'000);  // a hole
  EXPECT_EQ(line(1'000'000'000), "3.0 GB in " + (model_ / ".autark").string());
}

}  // namespace
}  // namespace autark::apps
