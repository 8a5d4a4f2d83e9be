// Goal: drafts change the speed only. Method: small models on ref and cpu answer mixed requests without
// drafts. The same requests with drafts must give the same tokens, log-probabilities and ends, bit for bit,
// with a drafter that is often right, with the draft heads, with lookup, with an equal and another draft model and
// with all of them in turn, together with other requests, in small steps and with little memory. Then samples
// with drafts must follow the model's own distribution.
#include "engine/speculative.h"
#include <gtest/gtest.h>
#include <algorithm>
#include <cmath>
#include <numeric>
#include "base/sanitized.h"
#include "engine/batch.h"
#include "engine/constraint_testing.h"
#include "engine/golden_testing.h"
#include "engine/softmax.h"
#include "engine/testing.h"
#include "models/architecture.h"
#include "models/testing.h"

namespace autark::engine {
namespace {

// A drafter that proposes what followed the last token in a given text.
class Bigrams final : public Drafter {
 public:
  Bigrams(int64_t vocabulary, std::vector<int32_t> next) : vocabulary_(vocabulary), next_(std::move(next)) {}
  const char* name() const override { return "bigrams"; }
  int drafts_max() const override { return 6; }
  int layers() const override { return 0; }
  std::vector<StateSpec> state_specs(int) const override { return {}; }
  std::vector<int> taps() const override { return {}; }
  Tensor read(Step&, std::span<const Tensor>) const override { return {}; }
  Tensor propose(Step& s, int, Tensor*) const override {
    const Tensor y = s.on.result({s.tokens.shape[0], vocabulary_});
    s.on.each(y.rows(), {s.tokens}, {y}, [this, y, tokens = s.tokens](int64_t i) {
      std::ranges::fill(y.row(i), 0.f);
      y.row(i)[next_[tokens.i32()[i]]] = 12;
    });
    return y;
  }

 private:
  int64_t vocabulary_;
  std::vector<int32_t> next_;
};

struct Where {
  const char *architecture, *chip, *drafter;
  Rounding::Cache cache = Rounding::Cache::f32;
};
std::ostream& operator<<(std::ostream& to, const Where& p) {
  return to << p.architecture << "_" << p.chip << "_" << p.drafter << int(p.cache);
}

LoadedModel model_at(const Where& p) {
  auto chip = make_chip(p.chip, {.threads = 1});
  AUTARK_CHECK(chip);
  if (p.architecture != std::string("deepseek_v4")) return test_model(p.architecture, std::move(*chip));
  Json config = p.drafter == std::string("dspark") ? toy_dspark_config() : toy_v4_config();
  if (config.contains("dspark_block_size"))
    config["dspark_target_layer_ids"] = {0, 2, 4};  // the embedding, too
  LoadedModel m = toy_v4_model(std::move(*chip), config);
  m.rounding.cache = p.cache;
  return m;
}

// The sources of a place; "mixed" has a head, lookup and a draft model.
DraftOptions drafting_at(const Where& p) {
  const std::string name = p.drafter;
  if (name == "mixed") return {.always = true};
  if (name == "lookup") return {.sources = {DraftSource::lookup}, .always = true};
  if (name == "same" || name == "other") return {.sources = {DraftSource::draft}, .always = true};
  return {.sources = {name == "dspark" ? DraftSource::dspark : DraftSource::mtp}, .always = true};
}

struct Answer {
  std::vector<int32_t> ids;
  std::vector<std::vector<float>> logprobs;
  Finish finish;
  int64_t completion = 0;
  bool operator==(const Answer&) const = default;
};
void PrintTo(const Answer& a, std::ostream* to) {
  *to << name_of(a.finish);
  for (const int32_t id : a.ids) *to << " " << id;
}

std::vector<Answer> answers(Engine& engine, const std::vector<Request>& requests) {
  std::vector<Heard> heard(requests.size());
  std::vector<Answer> all;
  for (size_t i = 0; i < requests.size(); ++i) EXPECT_TRUE(engine.submit(requests[i], heard[i].sink()));
  for (Heard& h : heard) {
    Answer a{.finish = h.wait()};
    a.ids = h.ids;
    a.completion = h.usage.completion_tokens;
    for (const auto* part : {&h.logprobs, &h.prompt}) {
      for (const Logprobs& l : *part) {
        auto& row = a.logprobs.emplace_back();
        row.push_back(l.chosen.logprob);
        for (const auto& t : l.top) row.push_back(t.logprob);
      }
    }
    all.push_back(std::move(a));
  }
  return all;
}

class DraftsTest : public ::testing::TestWithParam<Where> {
 protected:
  void SetUp() override {
    LoadedModel m = model_at(GetParam());
    vocabulary_ = int(m.model->vocabulary());
    plain_ = test_engine(std::move(m));
  }
  std::vector<int32_t> prompt(int length, int seed) const {
    auto p = test_prompt(length, seed);
    for (int32_t& t : p) t %= std::min(vocabulary_, 90);
    return p;
  }
  // Every way to sample and to end.
  std::vector<Request> requests() {
    std::vector<Request> all;
    for (int i = 0; i < 10; ++i) {
      Request r{.prompt = prompt(1 + 17 * i % 60, i), .max_tokens = 3 + 7 * i % 33, .logprobs = 2};
      r.sampling = {.temperature = i % 3 == 2 ? 0.7f : 0.f, .seed = uint64_t(i)};
      r.ignore_end = i % 2;
      all.push_back(r);
    }
    all[0].max_tokens = 1;
    all[1].max_tokens = 2;
    all[3].sampling.repetition_penalty = 1.3f, all[3].sampling.frequency_penalty = 0.4f;
    all[4].sampling.logit_bias = {{5, 2.5f}, {6, -100.f}};
    all[5].sampling.top_k = 5, all[5].sampling.top_p = 0.9f;
    all[6].prompt_logprobs = true;
    all[7].stop_tokens = {11, 12, 13, 14}, all[7].min_tokens = 9;
    all[8].prompt = prompt(70, 8), all[8].max_tokens = -1;  // to the end of the context
    for (const int i : {3, 4, 9}) {                         // a text to look up
      const auto part = prompt(13, i);
      all[i].prompt.clear();
      for (int n = 0; n < 3; ++n) all[i].prompt.insert(all[i].prompt.end(), part.begin(), part.end());
    }
    for (const int i : {1, 2, 8}) all[i].constraint = std::make_shared<HashedConstraint>(vocabulary_);
    const Answer whole = answers(*plain_, {all[9]})[0];
    const int32_t late = whole.ids[whole.ids.size() * 2 / 3];
    all[9].stop_tokens = {late};
    return all;
  }
  // The drafter of the place, and for bigrams: a text that shows it what follows what.
  std::unique_ptr<Drafter> drafter(const LoadedModel& m, const std::vector<Answer>& shown) {
    const std::string name = GetParam().drafter;
    if (name == "lookup" || name == "same" || name == "other") return nullptr;
    if (name != "bigrams" && GetParam().architecture == std::string("deepseek_v4")) {
      auto made = drafter_of(architectures().at("deepseek_v4"), m.checkpoint.config)
                      ->make(m.checkpoint.config, *m.checkpoint.weights);
      AUTARK_CHECK(made);
      return std::move(*made);
    }
    std::vector<int32_t> next(vocabulary_, 1);
    for (const Answer& a : shown) {
      for (size_t i = 1; i < a.ids.size(); ++i) next[a.ids[i - 1]] = a.ids[i];
    }
    return std::make_unique<Bigrams>(vocabulary_, next);
  }
  std::unique_ptr<Engine> drafting(Options options, const std::vector<Answer>& shown, bool always = true) {
    const std::string name = GetParam().drafter;
    Parts parts{.model = model_at(GetParam())};
    parts.model.drafter = drafter(parts.model, shown);
    if (name == "same") parts.draft_model = model_at(GetParam());
    if (name == "other" || name == "mixed")  // wider, and narrower, so that it does not know every token
      parts.draft_model =
          test_model("llama", chip_named("cpu"), random_tensor, {{"vocab_size", name == "other" ? 200 : 91}});
    options.drafting = drafting_at(GetParam());
    options.drafting.always = always;
    auto engine = start(std::move(parts), options);
    AUTARK_CHECK(engine);
    return std::move(*engine);
  }

  int vocabulary_ = 0;
  std::unique_ptr<Engine> plain_;
};

TEST_P(DraftsTest, DoNotChangeAnAnswer) {
  auto asked = requests();
  auto bounded = test_engine(model_at(GetParam()), {.context_max = 96});
  const auto want = answers(*bounded, asked);
  for (size_t i = 0; i < asked.size(); i += 2) asked[i].prediction = want[i].ids;
  for (const Options& o : {Options{.context_max = 96, .drafts = 3},
                           Options{.context_max = 96, .batch_rows_max = 9, .running_max = 4, .drafts = 5}}) {
    auto engine = drafting(o, want);
    const auto got = answers(*engine, asked);
    for (size_t i = 0; i < want.size(); ++i)
      EXPECT_EQ(got[i], want[i]) << "request " << i << ", drafts " << o.drafts;
    const Stats s = engine->stats();
    EXPECT_GT(s.drafted, 0u);
    EXPECT_LE(s.drafts_accepted, s.drafted);
    uint64_t drafted = 0, accepted = 0;
    for (const DraftCounts& c : s.drafts) drafted += c.drafted, accepted += c.accepted;
    EXPECT_EQ(drafted, s.drafted);
    EXPECT_EQ(accepted, s.drafts_accepted);
    const std::string by = GetParam().drafter;
    if (by == "mixed") {
      for (const DraftSource from : {DraftSource::lookup, DraftSource::mtp, DraftSource::draft})
        EXPECT_GT(s.drafts[int(from)].drafted, 0u) << name_of(from);
    }
    if (by == "mtp" || by == "dspark" || by == "other") continue;  // random weights: hardly ever right
    EXPECT_GT(s.drafts_accepted, 0u);
    if (by == "bigrams") {
      EXPECT_LT(s.drafts_accepted, s.drafted) << "what does not hold is taken back";
    }
  }
}

TEST_P(DraftsTest, DoNotChangeAnAnswerWhenPagesRunOut) {
  const auto m = model_at(GetParam());
  const auto layout = layout_of(*m.model, GetParam().cache, 3, nullptr);
  const int64_t two_pages = 2 * layout.page_bytes + 4 * layout.ring_bytes;
  std::vector<Request> asked;
  for (int i = 0; i < 3; ++i) {
    asked.push_back({.prompt = prompt(100 - 5 * i, i), .max_tokens = 60});
    asked.back().sampling = {.temperature = i == 2 ? 1.f : 0.f, .seed = 3};
    asked.back().ignore_end = true;
  }
  const auto want = answers(*plain_, asked);
  auto engine =
      drafting({.state_bytes_max = two_pages, .cache_bytes_max = 1, .running_max = 3, .drafts = 3}, want);
  EXPECT_EQ(answers(*engine, asked), want);
  EXPECT_EQ(engine->stats().pages_used, 0);
}

using Cache = Rounding::Cache;
INSTANTIATE_TEST_SUITE_P(
    Places, DraftsTest,
    ::testing::Values(
        Where{"gemma3", "ref", "bigrams"}, Where{"qwen3_moe", "cpu", "bigrams"},
        Where{"deepseek_v4", "ref", "bigrams"}, Where{"deepseek_v4", "cpu", "bigrams", Cache::native},
        Where{"deepseek_v4", "ref", "mtp", Cache::native}, Where{"deepseek_v4", "cpu", "mtp"},
        Where{"deepseek_v4", "ref", "dspark"}, Where{"deepseek_v4", "cpu", "dspark", Cache::native},
        Where{"gemma3", "far", "bigrams"}, Where{"deepseek_v4", "far", "mtp", Cache::native},
        Where{"deepseek_v4", "far", "dspark"}, Where{"gemma3", "ref", "lookup"},
        Where{"qwen3_moe", "cpu", "lookup"}, Where{"deepseek_v4", "cpu", "lookup", Cache::native},
        Where{"gemma3", "far", "lookup"}, Where{"gemma3", "cpu", "same"}, Where{"qwen3_moe", "cpu", "same"},
        Where{"deepseek_v4", "ref", "same", Cache::native}, Where{"qwen3_moe", "ref", "other"},
        Where{"deepseek_v4", "cpu", "other"}, Where{"gemma3", "cpu", "mixed"},
        Where{"deepseek_v4", "cpu", "mixed", Cache::native}),
    ::testing::PrintToStringParamName());

// The policy chooses by time, so what is drafted differs from run to run, and no token does.
TEST_P(DraftsTest, DoNotChangeAnAnswerWhateverPays) {
  const auto asked = requests();
  const auto want = answers(*test_engine(model_at(GetParam()), {.context_max = 96}), asked);
  auto engine = drafting({.context_max = 96, .running_max = 5, .drafts = 6}, want, /*always=*/false);
  for (int round = 0; round < 3; ++round) EXPECT_EQ(answers(*engine, asked), want) << round;
}

TEST(PredictionTest, IsLookedUpAndChangesNoToken) {
  const Where place{"gemma3", "cpu", "lookup"};
  Request r{.prompt = test_prompt(20, 3), .max_tokens = 60, .logprobs = 1};
  r.sampling = {.temperature = 0.9f, .seed = 5};
  r.ignore_end = true;
  const auto want = answers(*test_engine(model_at(place)), {r})[0];
  uint64_t accepted[2];
  for (const bool predicted : {false, true}) {
    if (predicted) r.prediction = want.ids;
    auto engine = test_engine(model_at(place), {.drafts = 6, .drafting = drafting_at(place)});
    EXPECT_EQ(answers(*engine, {r})[0], want);
    accepted[predicted] = engine->stats().drafts_accepted;
  }
  EXPECT_GT(accepted[1], accepted[0] + 30);
}

// The target drafts for itself: with the same random numbers all its drafts hold, but for those beyond the end.
TEST(DraftModelTest, AnEqualModelIsAlwaysRight) {
  const Where place{"gemma3", "cpu", "same"};
  for (const float temperature : {0.f, 1.f}) {
    std::vector<Request> asked;
    for (int i = 0; i < 4; ++i) {
      asked.push_back(
          {.prompt = test_prompt(30 + 200 * (i == 3), i), .max_tokens = 40 + i, .ignore_end = true});
      asked.back().sampling = {.temperature = temperature, .seed = uint64_t(i)};
    }
    const auto want = answers(*test_engine(model_at(place)), asked);
    Parts parts{.model = model_at(place)};
    parts.draft_model = model_at(place);
    auto engine =
        start(std::move(parts), {.batch_rows_max = 64, .drafts = 4, .drafting = drafting_at(place)});
    ASSERT_TRUE(engine);
    EXPECT_EQ(answers(**engine, asked), want);
    const Stats s = (*engine)->stats();
    EXPECT_EQ(s.drafts_accepted, s.drafted) << "temperature " << temperature;
    EXPECT_GT(s.drafted, 100u);
  }
}

// The drafter always proposes the second best token. Over many seeds each token must still be sampled as
// often as the model's distribution says. χ² over the tokens that top-k leaves.
TEST(DraftedSamplesTest, FollowTheModelsDistribution) {
  constexpr int kSeeds = 1200;
  const Where place{"gemma3", "cpu", "bigrams"};
  const std::vector<int32_t> prompt{5, 6, 7};
  LoadedModel m = model_at(place);
  TinyEngine tiny(*m.model, *m.chip);
  const int32_t first = argmax(tiny.feed(prompt).back());
  const auto logits = tiny.feed(std::vector<int32_t>{first}).back();  // of the drafted token
  std::vector<int32_t> best(logits.size());
  std::iota(best.begin(), best.end(), 0);
  std::ranges::sort(best, [&](int a, int b) { return logits[a] > logits[b]; });
  std::vector<double> share;
  for (int k = 0; k < 4; ++k) share.push_back(std::exp(double(logits[best[k]]) - logits[best[0]]));
  const double all = std::accumulate(share.begin(), share.end(), 0.0);

  std::vector<int32_t> next(kTestVocabulary, best[1]);  // always the second best
  m.drafter = std::make_unique<Bigrams>(kTestVocabulary, next);
  auto engine = test_engine(
      std::move(m),
      {.waiting_max = kSeeds, .drafts = 2, .drafting = {.sources = {DraftSource::mtp}, .always = true}});
  std::vector<Request> asked(kSeeds);
  for (int i = 0; i < kSeeds; ++i) {
    asked[i] = {.prompt = prompt, .max_tokens = 4};
    asked[i].sampling = {.top_k = 4, .seed = uint64_t(i)};
    asked[i].ignore_end = true;
  }
  std::map<int32_t, int> second;
  int conditioned = 0;
  for (const Answer& a : answers(*engine, asked)) {
    if (a.ids[0] != first) continue;
    ++conditioned;
    ++second[a.ids[1]];
  }
  EXPECT_GT(engine->stats().drafts_accepted, 50u);
  ASSERT_GT(conditioned, 100);
  double chi2 = 0;
  for (int k = 0; k < 4; ++k) {
    const double expected = conditioned * share[k] / all;
    chi2 += (second[best[k]] - expected) * (second[best[k]] - expected) / expected;
  }
  EXPECT_LT(chi2, 16.3);  // 3 degrees of freedom, one in a thousand
}

// Official checkpoints: greedy and seeded answers with their own draft head and without, then again, when the prompt
// is read from what was kept.
TEST(DraftedGoldenTest, AnswersAreTheSame) {
  int seen = 0;
  for (const auto& folder : files_in(golden("deepseek-v4"))) {
    if (!std::filesystem::exists(folder / "hf" / "config.json")) continue;
    SCOPED_TRACE(folder.filename());
    const auto want = read_expected(folder / "expected.math.safetensors");
    for (const std::string n : {"n5/", "n129/"}) {
      if (!want.contains(n + "tokens") || !want.contains(n + "greedy.ids") || (kSanitized && n != "n5/"))
        continue;
      Request greedy{.prompt = want.at(n + "tokens").integers,
                     .max_tokens = std::ssize(want.at(n + "greedy.ids").integers),
                     .sampling = {.temperature = 0},
                     .ignore_end = true,
                     .logprobs = 3};
      Request seeded = greedy;
      seeded.sampling = {.temperature = 1, .seed = 7};
      std::vector<std::vector<Answer>> heard;
      for (int drafts : {0, 3}) {
        auto m = load_model(folder / "hf", {.rounding = Rounding{}, .threads = 1, .drafter = drafts > 0});
        ASSERT_TRUE(m) << m.error().message;
        auto engine = test_engine(
            std::move(*m),
            {.context_max = 512, .running_max = 1, .drafts = drafts, .drafting = {.always = true}});
        for (int round = 0; round < 2; ++round) heard.push_back(answers(*engine, {greedy, seeded}));
        EXPECT_EQ(engine->stats().drafted > 0, drafts > 0);
        ++seen;
      }
      for (const auto& other : heard) EXPECT_EQ(heard[0], other);
    }
  }
  if (seen == 0) GTEST_SKIP() << "lacks DeepSeek V4 checkpoints in " << golden("deepseek-v4");
}

}  // namespace
}  // namespace autark::engine
