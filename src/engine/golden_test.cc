// Goal: every architecture computes what the reference computes, from safetensors and from GGUF, on every
// chip and instruction set of this machine. Chunks, other prompts and threads change no bit. Method: the tiny
// reference checkpoints, traced without rounding, are compared with their stored states, routes, logits and
// greedy text, within the tolerances of their README.
#include <unistd.h>
#include <fstream>
#include "engine/golden_testing.h"
#include "engine/trace.h"

namespace autark::engine {
namespace {

constexpr double kStateTolerance = 3e-4, kLogitTolerance = 1e-3, kRouteTolerance = 1e-4;

struct Case {
  std::filesystem::path model, expected;
};

// Checkpoints in a folder and their GGUF twins. A twin without its own expectation has its checkpoint's.
std::vector<Case> cases_in(const std::filesystem::path& folder) {
  std::vector<Case> all;
  for (const auto& path : files_in(folder)) {
    if (std::filesystem::exists(path / "config.json"))  // else only its twin is here
      all.push_back({path, path / "expected.safetensors"});
  }
  for (const auto& path : files_in(folder / "gguf")) {
    if (path.extension() != ".gguf") continue;
    auto own = path;
    own.replace_extension(".expected.safetensors");
    const std::string twin = path.filename().string().substr(0, path.filename().string().find('.'));
    const auto expected = std::filesystem::exists(own) ? own : folder / twin / "expected.safetensors";
    all.push_back({path, expected});
  }
  return all;
}

// All checkpoints of models/ and families/. One that does not open, or that lacks its expectation, fails its tests.
std::vector<Case> cases() {
  std::vector<Case> all = cases_in(golden("models"));
  for (Case& c : cases_in(golden("families"))) all.push_back(std::move(c));
  return all;
}

class GoldenModelTest : public ::testing::TestWithParam<Place> {
 protected:
  void SetUp() override {
    if (cases().empty()) GTEST_SKIP() << "lacks reference models in " << golden("models");
  }
  Trace traced(const Case& c, const TraceOptions& o, int threads = 1) {
    auto m = load_model(
        c.model,
        {.chip = GetParam().chip, .rounding = Rounding{}, .threads = threads, .isa = GetParam().isa});
    EXPECT_TRUE(m) << m.error().message;
    if (!m) return {};
    auto t = trace(*m, read_expected(c.expected)["tokens"].integers, o);
    EXPECT_TRUE(t) << t.error().message;
    return t ? std::move(*t) : Trace{};
  }
};

void expect_state(const std::string& name, const Trace::Matrix& got, const Expected& want) {
  EXPECT_LE(worst_difference(got.values, want.values) / rms(want.values), kStateTolerance)
      << name << ": worst |difference| over rms; " << got.values.size() << " values, " << want.values.size()
      << " expected";
}

// Orders each row's experts by falling weight, as the references do. A router with a bias chooses in another order.
void order_by_weight(auto& route, size_t chosen) {
  auto& ids = route.ids;
  auto& weights = route.weights.values;
  for (size_t at = 0; at < ids.size(); at += chosen)
    for (size_t i = at; i < at + chosen; ++i)
      for (size_t j = i + 1; j < at + chosen; ++j)
        if (weights[j] > weights[i]) std::swap(ids[i], ids[j]), std::swap(weights[i], weights[j]);
}

TEST_P(GoldenModelTest, StatesRoutesLogitsAndGreedyText) {
  for (const Case& c : cases()) {
    SCOPED_TRACE(c.model.filename());
    auto want = read_expected(c.expected);
    ASSERT_FALSE(want.empty()) << c.expected;
    const auto& p = want["positions"].integers;
    Trace got = traced(c, {.positions = {p.begin(), p.end()}, .greedy = int(want["greedy"].integers.size())});
    ASSERT_EQ(got.positions, p);
    expect_state("embed", got.embed, want["embed"]);
    for (size_t i = 0; i < got.layers.size(); ++i) {
      const std::string name = "layers." + std::to_string(i);
      expect_state(name, got.layers[i], want[name]);
      ASSERT_EQ(got.routes.contains(int(i)), want.contains(name + ".router_ids")) << name;
      if (!got.routes.contains(int(i))) continue;
      order_by_weight(got.routes.at(int(i)), want[name + ".router_ids"].shape.back());
      EXPECT_EQ(got.routes.at(int(i)).ids, want[name + ".router_ids"].integers) << name;
      EXPECT_LE(worst_difference(got.routes.at(int(i)).weights.values, want[name + ".router_weights"].values),
                kRouteTolerance)
          << name;
    }
    expect_state("norm", got.norm, want["norm"]);
    EXPECT_LE(worst_difference(got.logits.values, want["logits"].values), kLogitTolerance);
    EXPECT_EQ(got.greedy, want["greedy"].integers);
    EXPECT_LE(worst_difference(got.greedy_margin, want["greedy_margin"].values), 2 * kLogitTolerance);
  }
}

TEST_P(GoldenModelTest, CutsCompanyAndThreadsDoNotChangeABit) {
  if (GetParam().chip == "ref") GTEST_SKIP() << "the oracle is tested on small models (trace_test.cc)";
  for (const Case& c : cases()) {
    SCOPED_TRACE(c.model.filename());
    const Trace want = traced(c, {.greedy = 8, .chunk = 1000}, 1);
    ASSERT_FALSE(want.layers.empty());
    const auto tokens = want.tokens;
    const std::vector<std::vector<int32_t>> beside{{tokens.begin(), tokens.begin() + 5},
                                                   {tokens.rbegin(), tokens.rend()}};
    for (const auto& [threads, options] : {std::pair<int, TraceOptions>{1, {.greedy = 8, .chunk = 13}},
                                           {2, {.greedy = 8, .chunk = 1000}},
                                           {2, {.greedy = 8, .chunk = 33, .beside = beside}}}) {
      const Trace got = traced(c, options, threads);
      ASSERT_EQ(got.layers.size(), want.layers.size());
      EXPECT_EQ(got.logits.values, want.logits.values) << threads << " threads, chunk " << options.chunk;
      EXPECT_EQ(got.greedy_margin, want.greedy_margin);
      for (size_t i = 0; i < want.layers.size(); ++i) EXPECT_EQ(got.layers[i].values, want.layers[i].values);
    }
  }
}

// A folder that no longer opens must not drop out of the tests.
TEST(GoldenCasesTest, WhatDoesNotOpenIsACase) {
  const auto root =
      std::filesystem::path(::testing::TempDir()) / ("golden_cases_" + std::to_string(getpid()));
  const char* before = std::getenv("AUTARK_GOLDEN");
  const std::string whole = before ? before : "";
  ::setenv("AUTARK_GOLDEN", root.c_str(), 1);
  for (const char* file : {"models/a/config.json", "families/b/config.json", "families/gguf/c.F16.gguf"}) {
    std::filesystem::create_directories((root / file).parent_path());
    std::ofstream(root / file) << R"({"model_type": "llama")";
  }
  EXPECT_EQ(cases().size(), 3u);
  EXPECT_EQ(golden_checkpoints(1, "AUTARK_NO_SUCH_VARIABLE").size(), 3u);
  before ? ::setenv("AUTARK_GOLDEN", whole.c_str(), 1) : ::unsetenv("AUTARK_GOLDEN");
  std::filesystem::remove_all(root);
}

INSTANTIATE_TEST_SUITE_P(Places, GoldenModelTest, ::testing::ValuesIn(places()),
                         ::testing::PrintToStringParamName());

}  // namespace
}  // namespace autark::engine
