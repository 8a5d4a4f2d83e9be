// Goal: fingerprints differ exactly if answers can differ. Method: cards that differ in one field.
#include "serve/fingerprint.h"
#include <gtest/gtest.h>
#include <functional>
#include <set>

namespace autark::serve {
namespace {

using engine::ModelCard;

ModelCard card() {
  return {.name = "m",
          .path = "/a/m.gguf",
          .architecture = "qwen2",
          .weights = "Q4_K",
          .parameters = 10,
          .bytes = 100,
          .context = 64,
          .chip = "cpu",
          .rounding = "fast",
          .kernels = {{"linear", "avx2"}}};
}

TEST(Fingerprint, ChangesWithWhatMayChangeAnswers) {
  const std::function<void(ModelCard&)> changes[] = {
      [](ModelCard& c) { c.name = "n"; },         [](ModelCard& c) { c.weights = "Q6_K"; },
      [](ModelCard& c) { c.parameters = 11; },    [](ModelCard& c) { c.bytes = 101; },
      [](ModelCard& c) { c.chip = "ref"; },       [](ModelCard& c) { c.rounding = "none"; },
      [](ModelCard& c) { c.architecture = "x"; }, [](ModelCard& c) { c.kernels[0].second = "avx512"; },
      [](ModelCard& c) { c.kernels.clear(); }};
  std::set<std::string> seen{fingerprint_of(card())};
  for (const auto& change : changes) {
    ModelCard c = card();
    change(c);
    EXPECT_TRUE(seen.insert(fingerprint_of(c)).second);
  }
  for (const std::string& f : seen) EXPECT_EQ(f.size(), 3u + 16);
}

TEST(Fingerprint, StaysWithWhatDoesNot) {
  ModelCard c = card();
  c.path = "/elsewhere/m.gguf";
  c.context = 128;
  c.load_seconds = 3;
  c.kernels.emplace_back("drafts", "MTP");
  EXPECT_EQ(fingerprint_of(c), fingerprint_of(card()));
}

}  // namespace
}  // namespace autark::serve
