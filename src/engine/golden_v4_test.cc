// Goal: DeepSeek-V4 computes what the reference computes, as stored in the official files and from GGUF, and
// rounds where the official code rounds. Method: every case directory under $AUTARK_GOLDEN/deepseek-v4 (a
// selection in tests/golden): mathematics end to end on every chip and instruction set; official rounding
// verb by verb from recorded inputs, since its errors do not stay small end to end, and end to end within
// loose bounds; cuts and company bit for bit. Tolerances: the README of the data.
#include <algorithm>
#include <cmath>
#include <optional>
#include <set>
#include "base/sanitized.h"
#include "engine/forward.h"
#include "engine/golden_testing.h"
#include "engine/rounding_modes.h"
#include "engine/trace.h"

namespace autark::engine {
namespace {

using Tensors = std::map<std::string, Expected>;

constexpr const char *kMath = "expected.math.safetensors", *kOfficial = "expected.official.safetensors";

// The cases that have this expectation; a case need not have all of them.
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

// Which of the traced positions `count` recorded rows belong to: all, or the deep ones.
std::vector<int64_t> recorded_rows(const Trace& got, Tensors& want, const std::string& at, int64_t count) {
  std::vector<int64_t> rows;
  for (size_t p = 0; p < got.positions.size(); ++p) {
    const bool deep = std::ranges::count(want[at + "deep"].integers, got.positions[p]) > 0;
    if (deep || count == std::ssize(got.positions)) rows.push_back(int64_t(p));
  }
  EXPECT_EQ(std::ssize(rows), count) << at;
  return rows;
}

// Infinite where the reference is, else near it.
void expect_near(std::span<const float> got, std::span<const float> want, double tolerance,
                 const std::string& name) {
  ASSERT_EQ(got.size(), want.size()) << name;
  for (size_t i = 0; i < want.size(); ++i) {
    if (std::isinf(want[i])) {
      EXPECT_EQ(got[i], want[i]) << name;
    } else {
      EXPECT_NEAR(got[i], want[i], tolerance) << name;
    }
  }
}

void compare_note(const Trace::Note& note, const Expected& want, const std::vector<int64_t>& rows,
                  const std::string& name) {
  auto shape = want.shape;
  shape[0] = note.shape[0];
  ASSERT_EQ(note.shape, shape) << name;
  const int64_t n = (std::ssize(want.values) + std::ssize(want.integers)) / want.shape[0];
  const bool compared = name.ends_with(".margin") || name.ends_with("idx.std") || name.ends_with("idx.score");
  for (size_t i = 0; i < rows.size(); ++i) {
    if (note.whole) {
      const auto from = note.integers.begin() + rows[i] * n, to = want.integers.begin() + int64_t(i) * n;
      EXPECT_TRUE(std::equal(from, from + n, to)) << name;
    } else if (compared) {
      expect_near(row(note.values, rows[i], n), row(want.values, int64_t(i), n), 1e-4, name);
    } else {
      EXPECT_LE(distance(row(note.values, rows[i], n), row(want.values, int64_t(i), n)), 2e-5) << name;
    }
  }
}

// Everything that was recorded of a layer or of the draft head, under the names in a trace.
void compare_notes(const Trace& got, const std::string& ours, Tensors& want, const std::string& at,
                   const std::string& theirs) {
  const std::string in = at + theirs + "/";
  for (auto it = want.lower_bound(in); it != want.end() && it->first.starts_with(in); ++it) {
    const std::string name = it->first.substr(in.size());
    const bool elsewhere = name == "logits" || (name == "stream" && ours != "mtp");
    if (elsewhere || name.ends_with("comp.ids")) continue;
    const auto note = got.notes.find(ours + "." + name);
    ASSERT_NE(note, got.notes.end()) << ours << "." << name;
    const bool pooled = name.ends_with("comp");  // chosen rows of all that are there
    const auto& ids = want[pooled ? it->first + ".ids" : at + "deep"].integers;
    compare_note(note->second, it->second,
                 pooled ? std::vector<int64_t>(ids.begin(), ids.end())
                        : recorded_rows(got, want, at, it->second.shape[0]),
                 it->first);
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
    ASSERT_FALSE(want.empty());
    for (int n : lengths(want)) {
      const std::string at = "n" + std::to_string(n) + "/";
      const auto& p = want[at + "positions"].integers;
      const Trace got = traced(path / "hf", Rounding{}, want[at + "tokens"].integers,
                               {.positions = {p.begin(), p.end()}, .greedy = 16});
      ASSERT_FALSE(got.layers.empty());
      for (size_t l = 0; l < got.layers.size(); ++l) {
        const std::string layer = std::to_string(l), stream = at + "layer" + layer + "/stream";
        EXPECT_LE(quantile(distances(got.layers[l].values, want[stream].values, std::ssize(p)), 1), 1e-5)
            << stream;
        compare_notes(got, "layers." + layer, want, at, "layer" + layer);
      }
      compare_ends(got, want, at, n);
      EXPECT_LE(quantile(distances(got.norm.values, want[at + "final"].values, std::ssize(p)), 1), 1e-5);
    }
  }
}

// The MTP head, reading each position with the token after it, the last one with the greedy token.
TEST_P(GoldenV4Test, TheMathematicsOfTheDraftHead) {
  int seen = 0;
  for (const auto& path : cases(kMath)) {
    Tensors want = read_expected(path / kMath);
    for (int n : lengths(want)) {
      const std::string at = "n" + std::to_string(n) + "/", in = at + "mtp/";
      if (!want.contains(in + "stream")) continue;
      SCOPED_TRACE(path.filename().string() + " " + in);
      const auto& p = want[at + "positions"].integers;
      Trace got = traced(path / "hf", Rounding{}, want[at + "tokens"].integers,
                         {.positions = {p.begin(), p.end()}, .draft = true});
      ASSERT_FALSE(got.layers.empty());
      compare_notes(got, "mtp", want, at, "mtp");
      ++seen;
      const auto& logits = want[in + "logits"];
      const int64_t rows = logits.shape[0], vocabulary = logits.shape[1];
      const auto& ours = got.notes["mtp.logits"].values;
      ASSERT_EQ(std::ssize(ours), std::ssize(p) * vocabulary);
      for (size_t i = 0; i < p.size(); ++i)
        for (int64_t r = p[i] - (n - rows), c = 0; r >= 0 && c < vocabulary; ++c)
          ASSERT_NEAR(ours[i * vocabulary + c], logits.values[r * vocabulary + c], 1e-4);
    }
  }
  if (seen == 0) GTEST_SKIP() << "lacks a reference checkpoint with a draft head";
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
  AUTARK_CHECK(!r.want.empty());
  r.at = "n" + std::to_string(*lengths(r.want).rbegin()) + "/";
  r.tokens = r.want[r.at + "tokens"].integers;
  r.positions = r.want[r.at + "positions"].integers;
  return r;
}

// Every verb with the inputs of the official code: median and worst relative L2 over the positions.
struct Bound {
  const char* name;
  double median, worst;
};
constexpr Bound kVerbs[] = {{"attn.in", 5e-3, 5e-3},  {"attn.qr", 5e-3, 5e-3},     {"attn.q", 1e-3, 1e-2},
                            {"attn.kv", 5e-3, 5e-3},  {"attn.o", 2e-3, 2e-2},      {"attn.z", 2e-3, 2e-2},
                            {"attn.out", 1e-3, 4e-2}, {"ffn.in", 5e-3, 5e-3},      {"ffn.shared", 5e-3, 5e-3},
                            {"ffn.out", 5e-3, 5e-3},  {"gate.weights", 1e-5, 1e-5}};
// Those before the experts mix streams that were not recorded: ours, from the recorded attention.
constexpr const char* kMixes[] = {"hc_attn.pre", "hc_attn.post", "hc_attn.comb",
                                  "hc_ffn.pre",  "hc_ffn.post",  "hc_ffn.comb"};

// A run over the longest prompt in which every verb gets the inputs of the official code: the result of a
// verb is kept for comparison, then replaced by the recorded rows.
class RecordedRun {
 public:
  RecordedRun(const std::filesystem::path& path, const char* chip, const char* mode)
      : r(read_official(path)) {
    auto m = load_model(path / "hf", {.chip = chip, .rounding = *rounding_named(mode)});
    EXPECT_TRUE(m) << m.error().message;
    if (!m) return;
    model_ = std::move(*m);
    auto cache = Cache::make(
        *model_.model, *model_.chip,
        {.rounding = model_.rounding.cache, .bytes_max = INT64_MAX, .context = std::ssize(r.tokens) + 1});
    AUTARK_CHECK(cache);
    cache_ = std::move(*cache);
    state_ = cache_->open();
    AUTARK_CHECK(cache_->reserve(*state_, std::ssize(r.tokens) + 1));
    layers = model_.model->layers();
    const Chunk chunk{state_.get(), r.tokens, {}};
    Forward(*model_.model, *model_.chip, *cache_).run({&chunk, 1}, [this](int l, const char* name, Tensor x) {
      model_.chip->wait();
      keep(l, name, x);
      replace(l, name, x);
      return x;
    });
  }
  // Relative L2 of each recorded row.
  std::vector<double> distances_of(int layer, const char* name) {
    const Expected& want = r.want[r.of(layer, name)];
    const auto& all = got.at({layer, name});
    const int64_t count = want.shape[0], n = std::ssize(want.values) / count;
    std::vector<double> d;
    const auto& deep = r.want[r.at + "deep"].integers;
    for (size_t p = 0; p < r.positions.size(); ++p) {
      if (count < std::ssize(r.positions) && std::ranges::count(deep, r.positions[p]) == 0) continue;
      d.push_back(distance(row(all, int64_t(p), n), row(want.values, std::ssize(d), n)));
    }
    EXPECT_EQ(std::ssize(d), count) << name;
    return d;
  }
  // Row `w` of a pooled stream.
  std::vector<float> pooled(int layer, int stream, int64_t w) {
    Packing packing(*cache_);
    packing.begin();
    packing.add(*state_, std::ssize(r.tokens), std::vector<int32_t>{0}, {});
    const StateView rows = packing.step(*model_.chip).state(layer, stream);
    std::vector<float> v(rows.width);
    model_.chip->host({rows}, {}, [&] { load(rows, 0, w, v); });
    model_.chip->wait();
    return v;
  }

  Recorded r;
  int layers = 0;
  std::map<std::pair<int, std::string>, std::vector<float>> got;
  std::map<std::pair<int, std::string>, std::vector<int32_t>> chosen;

 private:
  void keep(int l, const char* name, Tensor x) {
    const int64_t n = x.shape.numel() / x.shape[0];
    for (int32_t p : r.positions) {
      if (x.format == Format::f32)
        got[{l, name}].insert(got[{l, name}].end(), x.f32() + p * n, x.f32() + (p + 1) * n);
      else
        chosen[{l, name}].insert(chosen[{l, name}].end(), x.i32() + p * n, x.i32() + (p + 1) * n);
    }
  }
  void replace(int l, const std::string& name, Tensor x) {
    if (name == "attn.in") {
      std::ranges::copy(r.want.at(r.of(l, "attn.in_all")).values, x.f32());
    } else if (name == "attn.out" || name == "ffn.in" || name == "ffn.out" || (name == "stream" && l >= 0)) {
      const auto& rows = r.want.at(r.of(l, name.c_str())).values;
      const int64_t n = x.shape.numel() / x.shape[0];
      for (size_t p = 0; p < r.positions.size(); ++p)
        std::ranges::copy(row(rows, int64_t(p), n), x.f32() + r.positions[p] * n);
    }
  }

  LoadedModel model_;
  std::unique_ptr<Cache> cache_;
  std::unique_ptr<SequenceState> state_;  // the cache must outlive it
};

void compare_choices(RecordedRun& run, int l) {
  Recorded& r = run.r;
  EXPECT_EQ(run.chosen.at({l, "gate.ids"}), r.want[r.of(l, "gate.ids")].integers) << r.of(l, "gate.ids");
  if (!run.chosen.contains({l, "idx.ids"})) return;
  const auto& margin = r.want[r.of(l, "idx.margin")].values;
  const auto& spread = r.want[r.of(l, "idx.std")].values;
  const auto &ours = run.chosen.at({l, "idx.ids"}), &ids = r.want[r.of(l, "idx.ids")].integers;
  const int64_t k = std::ssize(ids) / std::ssize(r.positions);
  for (size_t p = 0; p < r.positions.size(); ++p) {
    if (margin[p] <= 0.02 * spread[p]) continue;
    EXPECT_TRUE(std::is_permutation(ids.begin() + p * k, ids.begin() + (p + 1) * k, ours.begin() + p * k))
        << r.of(l, "idx.ids") << " at " << r.positions[p];
  }
}

void compare_pooled(RecordedRun& run, int l) {
  for (const auto& [name, stream] : {std::pair{"comp", 1}, {"icomp", 3}}) {
    if (!run.r.want.contains(run.r.of(l, name))) continue;
    const Expected& want = run.r.want[run.r.of(l, name)];
    const auto& ids = run.r.want[run.r.of(l, name) + ".ids"].integers;
    for (size_t i = 0; i < ids.size(); ++i)
      EXPECT_LE(distance(run.pooled(l, stream, ids[i]), row(want.values, int64_t(i), want.shape[1])), 5e-3)
          << run.r.of(l, name);
  }
}

// `mix_tolerance`: of the coefficients behind attention, whose results may be a step of bf16 apart.
void expect_verbs(const char* chip, const char* mode, double mix_tolerance) {
  if (kSanitized) GTEST_SKIP() << "long prompts do not run under sanitizers";
  if (cases(kOfficial).empty()) GTEST_SKIP() << "lacks reference checkpoints in " << golden("deepseek-v4");
  for (const auto& path : cases(kOfficial)) {
    SCOPED_TRACE(path.filename());
    RecordedRun run(path, chip, mode);
    double rows = 0, same = 0;
    for (int l = 0; l < run.layers; ++l) {
      for (const Bound& b : kVerbs) {
        const auto d = run.distances_of(l, b.name);
        EXPECT_LE(quantile(d, 0.5), b.median) << run.r.of(l, b.name);
        EXPECT_LE(quantile(d, 1), b.worst) << run.r.of(l, b.name);
        if (b.name != std::string("attn.out")) continue;
        // The last row is not asked for: the library under the reference rounds its head norm once more.
        rows += double(d.size()) - 1;
        same += double(std::count(d.begin(), d.end() - 1, 0.0));
      }
      for (const char* mix : kMixes)
        expect_near(run.got.at({l, mix}), run.r.want[run.r.of(l, mix)].values,
                    std::string_view(mix).starts_with("hc_ffn") ? mix_tolerance : 1e-5, run.r.of(l, mix));
      compare_choices(run, l);
      compare_pooled(run, l);
    }
    EXPECT_GE(same / rows, 0.8) << "of attention's results are the official code's bits";
  }
}

TEST(GoldenV4OfficialTest, VerbByVerb) {
  expect_verbs("ref", "exact", 1e-4);
}

TEST(GoldenV4OfficialTest, VerbByVerbWithTheBestKernels) {
  expect_verbs("cpu", "trained", 5e-4);
}

// Against the official logits at every position.
struct Agreement {
  double kl = 0, same = 0, same_clear = 0, same_sure = 0, median = 0, p90 = 0;
};
Agreement agreement(const Trace& got, const Recorded& r) {
  const auto& want = r.want.at(r.at + "logits_all").values;
  const auto& best = r.want.at(r.at + "top1_all").integers;
  const auto& margin = r.want.at(r.at + "top1_margin_all").values;
  const int64_t rows = std::ssize(r.tokens), n = std::ssize(want) / rows;
  Agreement a;
  int clear = 0, sure = 0;
  for (int64_t i = 0; i < rows; ++i) {
    const auto ours = row(got.logits.values, i, n);
    const auto p = log_softmax(row(want, i, n)), q = log_softmax(ours);
    for (int64_t j = 0; j < n; ++j) a.kl += std::exp(double(p[j])) * (double(p[j]) - q[j]) / double(rows);
    const bool same = std::ranges::max_element(ours) - ours.begin() == best[i];
    a.same += same / double(rows);
    clear += margin[i] > 1;
    a.same_clear += same && margin[i] > 1;
    sure += margin[i] > 2;
    a.same_sure += same && margin[i] > 2;
  }
  a.same_clear = clear ? a.same_clear / clear : 1;
  a.same_sure = sure ? a.same_sure / sure : 1;
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
    EXPECT_EQ(a.same_sure, 1);
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

// The last position is read with the greedy token, which may be another here.
TEST_P(GoldenV4Test, OfficialRoundingOfTheDraftHead) {
  if (kSanitized) GTEST_SKIP() << "long prompts do not run under sanitizers";
  for (const auto& path : cases(kOfficial)) {
    SCOPED_TRACE(path.filename());
    Recorded r = read_official(path);
    const Expected& want = r.want[r.at + "mtp/logits"];
    if (want.values.empty()) continue;
    std::vector<int64_t> last;
    for (int64_t i = 0; i < want.shape[0]; ++i) last.push_back(i - want.shape[0]);
    Trace got = traced(path / "hf", *rounding_named("exact"), r.tokens, {.positions = last, .draft = true});
    EXPECT_LE(quantile(distances(got.notes["mtp.logits"].values, want.values, want.shape[0]), 0.5), 0.09);
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
