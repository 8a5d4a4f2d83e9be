// Goal: DeepSeek-V4's arithmetic is correct, and the same however a prompt is cut, packed or taken back.
// Method: a toy checkpoint made by a formula, on every chip and instruction set. Expected logits come from
// the official code run on the same toy, without and with simulated cache quantisation; every other property
// is compared bit by bit with the whole prompt in one step.
#include <gtest/gtest.h>
#include <algorithm>
#include <cmath>
#include "chips/registry.h"
#include "cluster/thread_comm.h"
#include "models/architecture.h"
#include "models/testing.h"
#include "models/v4_toy_testing.h"

namespace autark {
namespace {

using Cache = Rounding::Cache;
constexpr Cache kCaches[] = {Cache::f32, Cache::qdq, Cache::native};

std::vector<std::string> places() {
  std::vector<std::string> all = cpu_isas();
  all.insert(all.end(), {"ref", "far"});
  return all;
}

std::vector<int32_t> cut(const std::vector<int32_t>& t, int from, int to) {
  return {t.begin() + from, t.begin() + to};
}

class ToyV4Test : public ::testing::TestWithParam<std::string> {
 protected:
  static std::unique_ptr<Chip> make(bool eager = false, int threads = 1) {
    const bool isa = GetParam() != "ref" && GetParam() != "far";
    auto chip = make_chip(isa ? "cpu" : GetParam(),
                          {.threads = threads, .isa = isa ? GetParam() : "", .eager = eager});
    AUTARK_CHECK(chip);
    return std::move(*chip);
  }
  TinyEngine engine(TinyEngine::Options o = {}) { return {*toy_.model, *chip_, o}; }

  ToyV4 toy_;
  std::unique_ptr<Chip> chip_ = make();
};

struct Golden {
  int n;
  Cache cache;
  float tolerance;
  std::vector<float> logits;
  int argmax;
  double norm;
  std::vector<double> streams;  // L2 of the last token's streams after each layer
};

const std::vector<Golden> kGolden{
    {5,
     Cache::f32,
     1e-4f,
     {-0.31970f, 0.68988f, 1.80521f, 0.08850f, -0.57020f, -1.34047f, -1.01837f, 1.65755f},
     54,
     8.25418,
     {21.91221, 27.85540, 38.78590, 42.97999, 46.15325}},
    {41,
     Cache::f32,
     1e-4f,
     {2.25716f, -0.05710f, -1.71159f, 2.39439f, -0.35269f, -1.33994f, -0.05263f, 1.35142f},
     45,
     9.11884,
     {18.18459, 23.15902, 28.97367, 31.84213, 39.65714}},
    {5,
     Cache::qdq,
     1e-3f,
     {-0.30749f, 0.65823f, 1.84843f, 0.09517f, -0.57265f, -1.35317f, -1.06992f, 1.62843f},
     54,
     8.25754,
     {22.19463, 28.05414, 38.96879, 43.28638, 46.43283}},
    {41,
     Cache::qdq,
     1e-3f,
     {2.18687f, -0.07875f, -1.67229f, 2.12933f, -0.43906f, -1.30665f, 0.02694f, 1.42162f},
     45,
     9.13577,
     {18.23271, 22.93521, 28.30322, 31.88727, 39.91879}},
    {41,
     Cache::native,
     5e-2f,
     {2.18687f, -0.07875f, -1.67229f, 2.12933f, -0.43906f, -1.30665f, 0.02694f, 1.42162f},
     45,
     9.13577,
     {18.23271, 22.93521, 28.30322, 31.88727, 39.91879}},
    {1, Cache::f32, 1e-4f, {-1.294387f, -0.668735f, -0.307847f, -0.725119f}, 50, 0, {}},
    {8, Cache::f32, 1e-4f, {-0.565271f, -0.828169f, 0.425098f, 0.478651f}, 61, 0, {}},
    {16, Cache::f32, 1e-4f, {-0.882702f, -0.126377f, 0.228886f, 0.363331f}, 26, 0, {}}};

double length(std::span<const float> x) {
  double s = 0;
  for (float v : x) s += double(v) * v;
  return std::sqrt(s);
}

TEST_P(ToyV4Test, EqualsTheOfficialCode) {
  for (const Golden& g : kGolden) {
    SCOPED_TRACE("N=" + std::to_string(g.n) + " cache " + std::to_string(int(g.cache)));
    TinyEngine e = engine({.cache = g.cache});
    const auto got = e.feed(toy_prompt(g.n)).back();
    for (size_t i = 0; i < g.logits.size(); ++i) EXPECT_NEAR(got[i], g.logits[i], g.tolerance);
    for (size_t i = 0; i < g.streams.size(); ++i) {
      const Tensor x = e.notes.at({int(i), "stream"});
      const auto last = chip_->read(x).subspan((g.n - 1) * 4 * 64, 4 * 64);
      EXPECT_NEAR(length(last) / g.streams[i], 1, g.tolerance) << "layer " << i;
    }
    EXPECT_EQ(std::ranges::max_element(got) - got.begin(), g.argmax);
    if (g.norm > 0) {
      EXPECT_NEAR(length(got), g.norm, 10 * g.tolerance);
    }
  }
}

// One prompt, cut into chunks in every way the engine may choose.
TEST_P(ToyV4Test, EveryCutGivesTheSameBits) {
  const auto tokens = toy_prompt(41);
  for (Cache cache : kCaches) {
    const auto whole = engine({.cache = cache}).feed(tokens);
    for (int at = 1; at < 41; ++at) {
      TinyEngine e = engine({.cache = cache});
      auto got = e.feed(cut(tokens, 0, at));
      for (auto& row : e.feed(cut(tokens, at, 41))) got.push_back(row);
      EXPECT_EQ(got, whole) << "cut at " << at << " cache " << int(cache);
    }
    TinyEngine e = engine({.cache = cache});
    for (int i = 0; i < 41; ++i) EXPECT_EQ(e.feed(cut(tokens, i, i + 1))[0], whole[i]) << "token " << i;
  }
}

TEST_P(ToyV4Test, SequencesOfOneStepDoNotSeeEachOther) {
  const auto a = toy_prompt(41), b = toy_prompt(41, 11);
  for (Cache cache : kCaches) {
    TinyEngine alone = engine({.cache = cache}), both = engine({.cache = cache});
    const auto a1 = alone.feed({{0, cut(a, 0, 13)}}), a2 = alone.feed({{0, cut(a, 13, 41)}});
    const auto b1 = alone.feed({{1, cut(b, 0, 30)}}), b2 = alone.feed({{1, cut(b, 30, 31)}});
    auto first = both.feed({{0, cut(a, 0, 13)}, {1, cut(b, 0, 30)}});
    auto second = both.feed({{1, cut(b, 30, 31)}, {0, cut(a, 13, 41)}});  // in another order
    EXPECT_TRUE(std::equal(a1.begin(), a1.end(), first.begin()));
    EXPECT_TRUE(std::equal(b1.begin(), b1.end(), first.begin() + 13));
    EXPECT_EQ(b2[0], second[0]);
    EXPECT_TRUE(std::equal(a2.begin(), a2.end(), second.begin() + 1));
  }
}

TEST_P(ToyV4Test, TakingTokensBackLeavesNoTrace) {
  const auto tokens = toy_prompt(41), wrong = toy_prompt(41, 29);
  const auto whole = engine().feed(tokens);
  for (int k : {1, 3, 5, 9}) {
    for (int at = k; at + k < 41; at += 3) {
      TinyEngine e = engine({.rewind_tokens = k});
      e.feed(cut(tokens, 0, at));
      e.feed(cut(wrong, at, at + k));
      e.rewind(0, k);
      const auto got = e.feed(cut(tokens, at, 41));
      EXPECT_TRUE(std::equal(got.begin(), got.end(), whole.begin() + at)) << k << " back to " << at;
    }
  }
}

TEST_P(ToyV4Test, WantedRowsAreRowsOfTheWhole) {
  const auto whole = engine().feed(toy_prompt(41));
  const auto last = engine().feed({{0, toy_prompt(41)}}, /*last_only=*/true);
  ASSERT_EQ(last.size(), 1u);
  EXPECT_EQ(last[0], whole.back());
}

TEST_P(ToyV4Test, ThreadsAndRecordingDoNotChangeABit) {
  if (GetParam() == "ref") GTEST_SKIP() << "ref has one thread and no recording";
  const auto whole = engine().feed(toy_prompt(41));
  const auto eager = make(/*eager=*/true), team = make(false, /*threads=*/2);
  EXPECT_EQ(TinyEngine(*toy_.model, *eager).feed(toy_prompt(41)), whole);
  EXPECT_EQ(TinyEngine(*toy_.model, *team).feed(toy_prompt(41)), whole);
}

INSTANTIATE_TEST_SUITE_P(Places, ToyV4Test, ::testing::ValuesIn(places()),
                         [](const auto& place) { return place.param; });

// Query heads, groups of W_oa, experts and the head are cut; the latent row, its pools and the
// indexer are not.
TEST(DeepseekV4Test, TwoRanksAgreeWithOne) {
  const auto tokens = toy_prompt(41);
  const ToyV4 toy;
  const auto alone = make_chip("ref");
  const auto want = TinyEngine(*toy.model, **alone).feed(tokens);
  std::vector<TinyEngine::Matrix> got(2);
  run_ranks(2, [&](Comm& comm) {
    FormulaWeights weights(toy_v4_tensor, comm.rank(), comm.size());
    const auto model = architectures().at("deepseek_v4").make(toy_v4_config(), weights);
    ASSERT_TRUE(model) << model.error().message;
    const auto chip = make_chip("ref", {.comm = &comm});
    got[comm.rank()] = TinyEngine(**model, **chip).feed(tokens);
  });
  EXPECT_EQ(got[0], got[1]);
  ASSERT_EQ(got[0].size(), want.size());
  for (size_t t = 0; t < want.size(); ++t) {
    const float scale = std::ranges::max(want[t], {}, [](float v) { return std::abs(v); });
    for (size_t i = 0; i < want[t].size(); ++i)
      ASSERT_NEAR(got[0][t][i], want[t][i], 1e-5f * std::abs(scale));
  }
}

TEST(DeepseekV4Test, MoreRanksThanGroupsAreRefused) {
  FormulaWeights weights(toy_v4_tensor, 0, 4);
  const auto made = architectures().at("deepseek_v4").make(toy_v4_config(), weights);
  ASSERT_FALSE(made);
  EXPECT_NE(made.error().message.find("4 shares of whole groups of 16"), std::string::npos)
      << made.error().message;
  EXPECT_NE(made.error().message.find("use fewer ranks: 2 can share this model"), std::string::npos);
}

TEST(DeepseekV4Test, LoadingNamesEveryFault) {
  Json wrong = toy_v4_config();
  wrong["hidden_size"] = 96;
  class Narrow final : public Weights {  // a checkpoint of another width, one tensor missing
    std::optional<Entry> open(const std::string& name, const Shape& s) override {
      if (name == "norm.weight") return {};
      Shape has = s;
      if (has.d[has.rank - 1] == 96) has.d[has.rank - 1] = 64;
      return Entry{name.ends_with("tid2eid") ? Format::i32 : Format::f32, has, {}};
    }
  } w;
  const auto model = architectures().at("deepseek_v4").make(wrong, w);
  ASSERT_FALSE(model);
  const std::string& all = model.error().message;
  EXPECT_NE(all.find("layers.0.attn.wq_a.weight is [32, 64], config says [32, 96]"), all.npos) << all;
  wrong.erase("head_dim");
  wrong["compress_ratios"] = {0, 4};
  const auto again = architectures().at("deepseek_v4").make(wrong, w);
  ASSERT_FALSE(again);
  EXPECT_NE(again.error().message.find("head_dim is missing"), std::string::npos) << again.error().message;
  EXPECT_NE(again.error().message.find("compress_ratios has 2 entries for 5 layers"), std::string::npos);
}

}  // namespace
}  // namespace autark
