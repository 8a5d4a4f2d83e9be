// Goal: DeepSeek-V4 computes what the reference computes, as stored in the official files and from GGUF, and
// rounds where the official code rounds. Method: every case directory under $AUTARK_GOLDEN/deepseek-v4 (a
// selection in tests/golden): mathematics end to end on every chip and instruction set; official rounding
// verb by verb from recorded inputs, since its errors do not stay small end to end, and end to end within
// loose bounds; cuts and company bit for bit. Tolerances: the README of the data.
#include <cmath>
#include <optional>
#include <set>
#include "engine/forward.h"
#include "engine/golden_testing.h"
#include "engine/rounding_table.h"
#include "engine/trace.h"

namespace autark::engine {
namespace {

using Tensors = std::map<std::string, Expected>;

constexpr const char *kMath = "expected.math.safetensors", *kOfficial = "expected.official.safetensors";

// Those that have this expectation; none has to have every one.
std::vector<std::filesystem::path> cases(const char* expectation) {
  std::vector<std::filesystem::path> all;
  for (const auto& path : files_in(golden("deepseek-v4")))
    if (std::filesystem::exists(path / "hf" / "config.json") && std::filesystem::exists(path / expectation))
      all.push_back(path);
  return all;
}

// Prompt lengths: names begin with "n<N>/". Short ones under sanitizers.
std::set<int> lengths(const Tensors& t) {
  constexpr int kShort = 5;
  std::set<int> all;
  for (const auto& [name, e] : t) {
    const int n = std::stoi(name.substr(1));
    if (!kSanitized || n <= kShort) all.insert(n);
  }
  return all;
}

double distance(std::span<const float> got, std::span<const float> want) {  // relative L2
  double d = 0, n = 0;
  for (size_t i = 0; i < want.size(); ++i) {
    d += (double(got[i]) - want[i]) * (double(got[i]) - want[i]);
    n += double(want[i]) * want[i];
  }
  return std::sqrt(d / n);
}

std::span<const float> row(const std::vector<float>& all, int64_t i, int64_t n) {
  return std::span(all).subspan(i * n, n);
}

double quantile(std::vector<double> v, double q) {
  std::ranges::sort(v);
  return v[size_t(q * double(v.size() - 1) + 0.5)];
}

// Of each position, got and want being [positions, …].
std::vector<double> distances(const std::vector<float>& got, const std::vector<float>& want, int64_t rows) {
  std::vector<double> d;
  EXPECT_EQ(got.size(), want.size());
  const int64_t n = std::ssize(want) / rows;
  for (int64_t i = 0; i < rows && got.size() == want.size(); ++i)
    d.push_back(distance(row(got, i, n), row(want, i, n)));
  return d;
}

std::vector<float> log_softmax(std::span<const float> x) {
  double sum = 0;
  const float top = *std::ranges::max_element(x);
  for (float v : x) sum += std::exp(double(v) - top);
  std::vector<float> y;
  for (float v : x) y.push_back(float(v - top - std::log(sum)));
  return y;
}

class GoldenV4Test : public ::testing::TestWithParam<Place> {
 protected:
  void SetUp() override {
    if (cases(kMath).empty() && cases(kOfficial).empty())
      GTEST_SKIP() << "lacks reference checkpoints in " << golden("deepseek-v4");
  }
  bool oracle() const { return GetParam().chip == "ref"; }
  Trace traced(const std::filesystem::path& path, std::optional<Rounding> rounding,
               const std::vector<int32_t>& tokens, const TraceOptions& o, int threads = 1) const {
    auto m = load_model(path, {.chip = GetParam().chip,
                               .rounding = rounding,
                               .threads = threads,
                               .isa = GetParam().isa,
                               .drafter = o.draft});
    EXPECT_TRUE(m) << m.error().message;
    if (!m) return {};
    auto t = trace(*m, tokens, o);
    EXPECT_TRUE(t) << t.error().message;
    return t ? std::move(*t) : Trace{};
  }
};

// Everything that was recorded of a layer, by the name that the model gives it.
void compare_layer(const Trace& got, int layer, Tensors& want, const std::string& at) {
  const std::string in = at + "layer" + std::to_string(layer) + "/", ours = "layers." + std::to_string(layer);
  const int64_t rows = std::ssize(got.positions);
  EXPECT_LE(quantile(distances(got.layers[layer].values, want[in + "stream"].values, rows), 1), 1e-5) << in;
  for (const char* ids : {"gate.ids", "idx.ids"}) {
    if (want.contains(in + ids)) {
      EXPECT_EQ(got.notes.at(ours + "." + ids).integers, want[in + ids].integers) << in << ids;
    }
  }
  for (const char* name : {"attn.in", "attn.qr", "attn.z", "attn.out", "ffn.in", "ffn.shared", "ffn.out",
                           "hc_attn.pre", "hc_attn.post", "hc_attn.comb", "gate.weights"}) {
    const Trace::Note& note = got.notes.at(ours + "." + name);
    EXPECT_LE(quantile(distances(note.values, want[in + name].values, rows), 1), 2e-5) << in << name;
  }
  for (const char* name : {"comp", "icomp"}) {
    if (!want.contains(in + name)) continue;
    const Trace::Note& note = got.notes.at(ours + "." + name);
    const auto& ids = want[in + name + ".ids"].integers;
    for (size_t i = 0; i < ids.size(); ++i)
      EXPECT_LE(
          distance(row(note.values, ids[i], note.shape[1]), row(want[in + name].values, i, note.shape[1])),
          1e-5)
          << in << name;
  }
}

void compare_ends(const Trace& got, Tensors& want, const std::string& at, int n) {
  const auto& logits = want[at + "logits"];
  const int64_t rows = logits.shape[0], vocabulary = logits.shape[1];
  for (size_t p = 0; p < got.positions.size(); ++p) {
    const int64_t r = got.positions[p] - (n - rows);
    if (r < 0) continue;
    for (int64_t i = 0; i < vocabulary; ++i)
      ASSERT_NEAR(got.logits.values[p * vocabulary + i], logits.values[r * vocabulary + i], 1e-4) << at;
  }
  const auto& greedy = want[at + "greedy.ids"].integers;
  const auto& margin = want[at + "greedy.margin"].values;
  for (size_t i = 0; i < greedy.size() && margin[i] > 1e-3; ++i) ASSERT_EQ(got.greedy[i], greedy[i]) << at;
}

TEST_P(GoldenV4Test, TheMathematicsFromTheOfficialFiles) {
  for (const auto& path : cases(kMath)) {
    SCOPED_TRACE(path.filename());
    Tensors want = read_expected(path / kMath);
    for (int n : lengths(want)) {
      const std::string at = "n" + std::to_string(n) + "/";
      const auto& p = want[at + "positions"].integers;
      const Trace got = traced(path / "hf", Rounding{}, want[at + "tokens"].integers,
                               {.positions = {p.begin(), p.end()}, .greedy = 16});
      ASSERT_FALSE(got.layers.empty());
      for (size_t l = 0; l < got.layers.size(); ++l) compare_layer(got, int(l), want, at);
      compare_ends(got, want, at, n);
      EXPECT_LE(quantile(distances(got.norm.values, want[at + "final"].values, std::ssize(p)), 1), 1e-5);
    }
  }
}

// The MTP head, reading each position with the token after it, the last one with the greedy token.
TEST_P(GoldenV4Test, TheMathematicsOfTheDraftHead) {
  for (const auto& path : cases(kMath)) {
    Tensors want = read_expected(path / kMath);
    for (int n : lengths(want)) {
      const std::string at = "n" + std::to_string(n) + "/", in = at + "mtp/";
      if (!want.contains(in + "stream")) continue;
      SCOPED_TRACE(path.filename().string() + " " + in);
      const auto& p = want[at + "positions"].integers;
      Trace got = traced(path / "hf", Rounding{}, want[at + "tokens"].integers,
                         {.positions = {p.begin(), p.end()}, .draft = true});
      for (const char* name : {"z", "stream", "attn.in", "attn.out", "ffn.in", "ffn.out", "final"})
        EXPECT_LE(quantile(distances(got.notes["mtp." + std::string(name)].values, want[in + name].values,
                                     std::ssize(p)),
                           1),
                  2e-5)
            << name;
      EXPECT_EQ(got.notes["mtp.gate.ids"].integers, want[in + "gate.ids"].integers);
      const auto& logits = want[in + "logits"];
      const int64_t rows = logits.shape[0], vocabulary = logits.shape[1];
      const auto& ours = got.notes["mtp.logits"].values;
      ASSERT_EQ(std::ssize(ours), std::ssize(p) * vocabulary);
      for (size_t i = 0; i < p.size(); ++i)
        for (int64_t r = p[i] - (n - rows), c = 0; r >= 0 && c < vocabulary; ++c)
          ASSERT_NEAR(ours[i * vocabulary + c], logits.values[r * vocabulary + c], 1e-4);
    }
  }
}

// A twin's own expectation where its weights are not the checkpoint's, else the checkpoint's.
TEST_P(GoldenV4Test, TheMathematicsFromGguf) {
  for (const auto& path : cases("hf")) {
    for (const auto& file : files_in(path)) {
      if (file.extension() != ".gguf") continue;
      SCOPED_TRACE(file.filename());
      std::string flavour = file.stem().string().substr(file.stem().string().rfind('-') + 1);
      std::ranges::transform(flavour, flavour.begin(), [](unsigned char c) { return std::tolower(c); });
      const auto own = path / ("expected.gguf-" + flavour + ".safetensors");
      Tensors want = read_expected(std::filesystem::exists(own) ? own : path / kMath);
      for (int n : lengths(want)) {
        const std::string at = "n" + std::to_string(n) + "/";
        compare_ends(traced(file, Rounding{}, want[at + "tokens"].integers, {.greedy = 16}), want, at, n);
      }
    }
  }
}

TEST_P(GoldenV4Test, CutsCompanyAndThreadsDoNotChangeABit) {
  if (oracle()) GTEST_SKIP() << "the oracle is tested on the toy";
  for (const auto& path : cases(kMath)) {
    SCOPED_TRACE(path.filename());
    Tensors want = read_expected(path / kMath);
    const auto all = lengths(want);
    if (all.empty()) continue;  // only long ones, and sanitizers
    auto tokens = want["n" + std::to_string(*all.rbegin()) + "/tokens"].integers;
    tokens.resize(std::min<size_t>(tokens.size(), 200));
    if (kSanitized) tokens.insert(tokens.end(), 20, tokens[0]);
    const std::vector<std::vector<int32_t>> beside{
        {tokens.begin(), tokens.begin() + std::min<size_t>(tokens.size(), 5)},
        {tokens.rbegin(), tokens.rend()}};
    for (const char* mode : {"none", "trained"}) {
      const auto rounding = rounding_named(mode);
      ASSERT_TRUE(rounding);
      const Trace whole = traced(path / "hf", *rounding, tokens, {.greedy = 4, .chunk = 1000});
      ASSERT_FALSE(whole.layers.empty());
      for (const auto& [threads, options] : {std::pair<int, TraceOptions>{1, {.greedy = 4, .chunk = 13}},
                                             {2, {.greedy = 4, .chunk = 1000}},
                                             {2, {.greedy = 4, .chunk = 33, .beside = beside}}}) {
        const Trace got = traced(path / "hf", *rounding, tokens, options, threads);
        EXPECT_EQ(got.logits.values, whole.logits.values) << mode << " " << threads << " " << options.chunk;
        EXPECT_EQ(got.greedy, whole.greedy);
      }
    }
  }
}

// The longest prompt has the attention's inputs at all positions.
struct Recorded {
  Tensors want;
  std::string at;
  std::vector<int32_t> tokens, positions;
  std::string of(int layer, const char* name) const {
    return at + "layer" + std::to_string(layer) + "/" + name;
  }
};
Recorded read_official(const std::filesystem::path& path) {
  Recorded r{.want = read_expected(path / kOfficial)};
  r.at = "n" + std::to_string(*lengths(r.want).rbegin()) + "/";
  r.tokens = r.want[r.at + "tokens"].integers;
  r.positions = r.want[r.at + "positions"].integers;
  return r;
}

// Every verb from what the official code gave it: median and worst relative L2 over the positions.
struct Bound {
  const char* name;
  double median, worst;
  bool deep = false;  // recorded at fewer positions
};
constexpr Bound kVerbs[] = {{"attn.qr", 5e-3, 5e-3},       {"attn.q", 1e-3, 1e-2, true},
                            {"attn.kv", 5e-3, 5e-3, true}, {"attn.o", 2e-3, 2e-2, true},
                            {"attn.z", 2e-3, 2e-2},        {"attn.out", 1e-3, 4e-2},
                            {"ffn.shared", 5e-3, 5e-3},    {"ffn.out", 5e-3, 5e-3}};

TEST(GoldenV4OfficialTest, VerbByVerb) {
  if (kSanitized) GTEST_SKIP() << "long prompts do not run under sanitizers";
  if (cases(kOfficial).empty()) GTEST_SKIP() << "lacks reference checkpoints in " << golden("deepseek-v4");
  for (const auto& path : cases(kOfficial)) {
    Recorded r = read_official(path);
    const auto exact = rounding_named("exact");
    auto m = load_model(path / "hf", {.chip = "ref", .rounding = *exact});
    ASSERT_TRUE(m) << m.error().message;
    const auto cache = Cache::make(
        *m->model, {.rounding = m->rounding.cache, .bytes_max = INT64_MAX, .context = std::ssize(r.tokens)});
    ASSERT_TRUE(cache);
    const auto state = (*cache)->open();
    ASSERT_TRUE((*cache)->reserve(*state, std::ssize(r.tokens)));
    Forward forward(*m->model, *m->chip, **cache);
    std::map<std::pair<int, std::string>, std::vector<float>> got;
    std::map<std::pair<int, std::string>, std::vector<int32_t>> chosen;
    const auto probe = [&](int l, const char* name, Tensor x) {
      if (name == std::string("attn.in")) {
        std::ranges::copy(r.want[r.of(l, "attn.in_all")].values, x.f32());
      } else if (name == std::string("ffn.in")) {
        const auto& rows = r.want[r.of(l, name)].values;
        for (size_t p = 0; p < r.positions.size(); ++p)
          std::ranges::copy(row(rows, p, x.cols()), x.row(r.positions[p]).begin());
      } else if (x.format == Format::f32) {
        const int64_t n = x.shape.numel() / x.shape[0];
        auto& kept = got[{l, name}];
        for (int32_t p : r.positions) kept.insert(kept.end(), x.f32() + p * n, x.f32() + (p + 1) * n);
      } else {
        auto& kept = chosen[{l, name}];
        for (int32_t p : r.positions)
          kept.insert(kept.end(), x.i32() + p * x.cols(), x.i32() + (p + 1) * x.cols());
      }
      return x;
    };
    const Chunk chunk{state.get(), r.tokens, {}};
    forward.run({&chunk, 1}, probe);
    const auto& deep = r.want[r.at + "deep"].integers;
    for (int l = 0; l < m->model->layers(); ++l) {
      for (const Bound& b : kVerbs) {
        const auto& all = got.at({l, b.name});
        std::vector<float> rows;
        const int64_t n = std::ssize(all) / std::ssize(r.positions);
        for (size_t p = 0; p < r.positions.size(); ++p) {
          if (b.deep && std::ranges::count(deep, r.positions[p]) == 0) continue;
          rows.insert(rows.end(), all.begin() + p * n, all.begin() + (p + 1) * n);
        }
        const auto d = distances(rows, r.want[r.of(l, b.name)].values, std::ssize(rows) / n);
        EXPECT_LE(quantile(d, 0.5), b.median) << path.filename() << r.of(l, b.name);
        EXPECT_LE(quantile(d, 1), b.worst) << path.filename() << r.of(l, b.name);
      }
      EXPECT_EQ(chosen.at({l, "gate.ids"}), r.want[r.of(l, "gate.ids")].integers) << r.of(l, "gate.ids");
      if (!chosen.contains({l, "idx.ids"})) continue;
      const auto& margin = r.want[r.of(l, "idx.margin")].values;
      const auto& spread = r.want[r.of(l, "idx.std")].values;
      const auto &ours = chosen.at({l, "idx.ids"}), &ids = r.want[r.of(l, "idx.ids")].integers;
      const int64_t k = std::ssize(ids) / std::ssize(r.positions);
      for (size_t p = 0; p < r.positions.size(); ++p) {
        if (margin[p] <= 0.02 * spread[p]) continue;
        EXPECT_TRUE(std::is_permutation(ids.begin() + p * k, ids.begin() + (p + 1) * k, ours.begin() + p * k))
            << r.of(l, "idx.ids") << " at " << r.positions[p];
      }
    }
  }
}

// Against the official logits at every position.
struct Agreement {
  double kl = 0, same = 0, same_clear = 0, median = 0, p90 = 0;
};
Agreement agreement(const Trace& got, const Recorded& r) {
  const auto& want = r.want.at(r.at + "logits_all").values;
  const auto& best = r.want.at(r.at + "top1_all").integers;
  const auto& margin = r.want.at(r.at + "top1_margin_all").values;
  const int64_t rows = std::ssize(r.tokens), n = std::ssize(want) / rows;
  Agreement a;
  int clear = 0;
  for (int64_t i = 0; i < rows; ++i) {
    const auto ours = row(got.logits.values, i, n);
    const auto p = log_softmax(row(want, i, n)), q = log_softmax(ours);
    for (int64_t j = 0; j < n; ++j) a.kl += std::exp(double(p[j])) * (double(p[j]) - q[j]) / double(rows);
    const bool same = std::ranges::max_element(ours) - ours.begin() == best[i];
    a.same += same / double(rows);
    if (margin[i] <= 1) continue;
    ++clear;
    a.same_clear += same;
  }
  a.same_clear = clear ? a.same_clear / clear : 1;
  const auto d = distances(got.logits.values, want, rows);
  a.median = quantile(d, 0.5);
  a.p90 = quantile(d, 0.9);
  return a;
}

TEST_P(GoldenV4Test, OfficialRoundingEndToEnd) {
  if (kSanitized) GTEST_SKIP() << "long prompts do not run under sanitizers";
  for (const auto& path : cases(kOfficial)) {
    SCOPED_TRACE(path.filename());
    Recorded r = read_official(path);
    const auto exact = rounding_named("exact");
    const Trace got = traced(path / "hf", *exact, r.tokens, {});
    ASSERT_FALSE(got.layers.empty());
    const Agreement a = agreement(got, r);
    EXPECT_LE(a.median, 0.09);
    EXPECT_LE(a.p90, 0.2);
    EXPECT_LE(a.kl, 0.08);
    EXPECT_GE(a.same, 0.83);
    EXPECT_GE(a.same_clear, 0.97);
    constexpr double kStream[] = {0.03, 0.05, 0.07, 0.08, 0.10};
    for (size_t l = 0; l < std::min(got.layers.size(), std::size(kStream)); ++l) {
      std::vector<double> d;
      const auto& want = r.want[r.of(int(l), "stream")].values;
      const int64_t n = got.layers[l].cols;
      for (size_t p = 0; p < r.positions.size(); ++p)
        d.push_back(distance(row(got.layers[l].values, r.positions[p], n), row(want, p, n)));
      EXPECT_LE(quantile(d, 0.5), kStream[l]) << "layer " << l;
    }
  }
}

// The default is as near to the official code as re-ordered sums are, times 1.5.
TEST_P(GoldenV4Test, TheDefaultIsNearTheOfficialCode) {
  if (kSanitized) GTEST_SKIP() << "long prompts do not run under sanitizers";
  for (const auto& path : cases(kOfficial)) {
    SCOPED_TRACE(path.filename());
    Recorded r = read_official(path);
    const Trace got = traced(path / "hf", {}, r.tokens, {});
    ASSERT_FALSE(got.layers.empty());
    const Agreement a = agreement(got, r);
    EXPECT_LE(a.kl, 1.5 * 0.033);
    EXPECT_LE(1 - a.same, 1.5 * 0.09);
  }
}

INSTANTIATE_TEST_SUITE_P(Places, GoldenV4Test, ::testing::ValuesIn(places()),
                         ::testing::PrintToStringParamName());

}  // namespace
}  // namespace autark::engine
