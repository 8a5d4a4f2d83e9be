// Goal: real checkpoints give the logits of the reference, and the error of the default rounding stays within
// its limit. Method: prompts with the logits of the last position and the greedy text of the model
// dequantised to float32, for each model whose file (by its SHA-256) is in the model folder. Tolerances are
// in the README beside the references.
#include <openssl/evp.h>
#include <algorithm>
#include <cmath>
#include <fstream>
#include <numeric>
#include "base/mapped_file.h"
#include "base/sanitized.h"
#include "engine/golden_testing.h"
#include "engine/rounding_modes.h"
#include "engine/trace.h"

namespace autark::engine {
namespace {

constexpr int kShortPrompt = 48;  // tokens; longer prompts are skipped on slow chips

std::filesystem::path model_folder() {
  if (const char* named = std::getenv("AUTARK_MODELS"); named && *named) return named;
  const char* home = std::getenv("HOME");
  return std::filesystem::path(home ? home : "/") / ".cache/autark/models";
}

std::string sha256_of(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  EVP_MD_CTX* c = EVP_MD_CTX_new();
  EVP_DigestInit_ex(c, EVP_sha256(), nullptr);
  std::vector<char> block(1 << 20);
  while (in.read(block.data(), std::ssize(block)), in.gcount() > 0)
    EVP_DigestUpdate(c, block.data(), in.gcount());
  unsigned char sum[32];
  EVP_DigestFinal_ex(c, sum, nullptr);
  EVP_MD_CTX_free(c);
  std::string hex;
  for (unsigned char b : sum) hex += {"0123456789abcdef"[b >> 4], "0123456789abcdef"[b & 15]};
  return hex;
}

// The file of that size and sum; empty: it is not here.
std::filesystem::path find_file(const Json& golden) {
  for (const auto& folder : files_in(model_folder())) {
    for (const auto& file : files_in(folder)) {
      std::error_code none;
      if (file.extension() != ".gguf" || int64_t(std::filesystem::file_size(file, none)) != golden["bytes"])
        continue;
      if (sha256_of(file) == golden["sha256"]) return file;
    }
  }
  return {};
}

struct Difference {
  double mean = 0, max = 0, kl = 0, logsumexp = 0;
};

double logsumexp_of(std::span<const float> logits) {
  const double max = *std::ranges::max_element(logits);
  double sum = 0;
  for (float l : logits) sum += std::exp(l - max);
  return max + std::log(sum);
}

// Over the 20 stored ids. KL over them and one bin for the rest, p from the golden, as Σ p ln(p/q) − p + q:
// the stored logits have five decimals, and in this form that rounding counts squared. A rest of p below 1e-4
// is nothing but rounding.
Difference compare(std::span<const float> got, const Json& want) {
  Difference d;
  const double here = logsumexp_of(got), there = want["logsumexp"];
  d.logsumexp = std::abs(here - there);
  double rest_p = 1, rest_q = 1;
  for (const auto& pair : want["top20"]) {
    const double a = got[pair[0].get<int>()], b = pair[1].get<double>();
    d.mean += std::abs(a - b) / double(want["top20"].size());
    d.max = std::max(d.max, std::abs(a - b));
    const double p = std::exp(b - there), q = std::exp(a - here);
    d.kl += p * std::log(p / q) - p + q;
    rest_p -= p, rest_q -= q;
  }
  if (rest_p > 1e-4) d.kl += rest_p * std::log(rest_p / std::max(rest_q, 1e-12)) - rest_p + rest_q;
  return d;
}

int greedy_demanded(const Json& prompt) {
  const Json& first = prompt["first_margin_below_0.05"];
  return first.is_null() ? int(prompt["greedy"].size()) : first.get<int>();
}

void expect_layers(const Trace& t, const Json& want) {
  ASSERT_EQ(t.layers.size(), want.size());
  for (size_t i = 0; i < want.size(); ++i) {
    double sum = 0;
    for (float v : t.layers[i].values) sum += double(v) * v;
    const double l2 = want[i]["l2"];
    EXPECT_LE(std::abs(std::sqrt(sum) - l2) / l2, 2e-5) << "norm of layer " << i;
  }
}

class RealModelTest : public ::testing::TestWithParam<Place> {
 protected:
  void SetUp() override {
    if (kSanitized) GTEST_SKIP() << "real models do not run under sanitizers";
  }
  bool fast_place() const { return GetParam().chip == "cpu" && GetParam().isa == cpu_isas().back(); }
  // All on the fast place, the shortest one on the oracle, short ones elsewhere.
  bool runs(const Json& prompt, const Json& golden) const {
    if (fast_place()) return true;
    if (GetParam().chip != "ref") return prompt["tokens"].size() <= kShortPrompt;
    return std::ranges::none_of(golden["prompts"], [&](const Json& other) {
      return other["tokens"].size() < prompt["tokens"].size();
    });
  }

  // Calls `check(model, golden)` for each model that is here; names the others.
  void for_each_model(const char* mode, const std::function<void(LoadedModel&, const Json&)>& check) {
    int ran = 0;
    std::string lacking;
    for (const auto& path : files_in(golden("real"))) {
      if (path.extension() != ".json") continue;
      const auto text = read_file(path);
      ASSERT_TRUE(text);
      const auto golden = parse_json(*text, path.string());
      ASSERT_TRUE(golden);
      const auto file = find_file(*golden);
      if (file.empty()) {
        lacking += " " + (*golden)["model"].get<std::string>();
        continue;
      }
      SCOPED_TRACE((*golden)["model"]);
      auto m = load_model(
          file, {.chip = GetParam().chip, .rounding = *rounding_named(mode), .isa = GetParam().isa});
      ASSERT_TRUE(m) << m.error().message;
      check(*m, *golden);
      ++ran;
    }
    if (!lacking.empty()) std::printf("[ LACKING ] in %s:%s\n", model_folder().c_str(), lacking.c_str());
    if (ran == 0) GTEST_SKIP() << "lacks every model in " << model_folder() << ":" << lacking;
  }
  Trace last_row(LoadedModel& m, const Json& prompt, int greedy) {
    auto t = trace(m, prompt["tokens"].get<std::vector<int32_t>>(),
                   {.positions = {-1}, .greedy = greedy, .chunk = 256});
    EXPECT_TRUE(t) << t.error().message;
    return t ? std::move(*t) : Trace{};
  }
};

TEST_P(RealModelTest, WithoutRoundingIsTheMathematics) {
  for_each_model("none", [&](LoadedModel& m, const Json& golden) {
    for (const Json& prompt : golden["prompts"]) {
      if (!runs(prompt, golden)) continue;
      SCOPED_TRACE(prompt["name"]);
      const int demanded = fast_place() ? greedy_demanded(prompt) : 1;
      const Trace t = last_row(m, prompt, demanded);
      const Difference d = compare(t.logits.values, prompt);
      EXPECT_LE(d.mean, 2e-4);
      EXPECT_LE(d.max, 1e-3);
      EXPECT_LE(d.kl, 1e-6);
      EXPECT_LE(d.logsumexp, 5e-4);
      expect_layers(t, prompt["layers"]);
      const auto greedy = prompt["greedy"].get<std::vector<int32_t>>();
      EXPECT_EQ(t.greedy, std::vector<int32_t>(greedy.begin(), greedy.begin() + demanded));
    }
  });
}

TEST_P(RealModelTest, TheSpeedDefaultPassesItsGate) {
  if (GetParam().chip == "ref") GTEST_SKIP() << "the ref chip does not round";
  for_each_model("fast", [&](LoadedModel& m, const Json& golden) {
    std::vector<double> means;
    for (const Json& prompt : golden["prompts"]) {
      if (!runs(prompt, golden)) continue;
      SCOPED_TRACE(prompt["name"]);
      const Trace t = last_row(m, prompt, 1);
      const Difference d = compare(t.logits.values, prompt);
      means.push_back(d.mean);
      EXPECT_LE(d.mean, 0.6);
      EXPECT_LE(d.max, 1.5);
      EXPECT_LE(d.kl, 0.03);
      if (prompt["greedy_margin"][0] > 0.5) {
        EXPECT_EQ(t.greedy[0], prompt["greedy"][0]);
      }
      std::printf("[   GATE  ] %s %s: mean %.3f, max %.3f, KL %.1e\n",
                  golden["model"].get<std::string>().c_str(), prompt["name"].get<std::string>().c_str(),
                  d.mean, d.max, d.kl);
    }
    EXPECT_LE(std::accumulate(means.begin(), means.end(), 0.0) / double(means.size()), 0.25);
  });
}

INSTANTIATE_TEST_SUITE_P(Places, RealModelTest, ::testing::ValuesIn(places()),
                         ::testing::PrintToStringParamName());

}  // namespace
}  // namespace autark::engine
