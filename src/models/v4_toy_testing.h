// For tests: a DeepSeek-V4 small enough to run a thousand times, with weights made by a formula. The official
// code was run on the same model; deepseek_v4_toy_test.cc has its results.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>
#include "models/testing.h"

namespace autark {

inline constexpr int kToyVocabulary = 64;

Json toy_v4_config();

uint64_t fnv1a64(const std::string& s);
uint64_t splitmix64(uint64_t x);
// Uniform in b ± a; the same value in every run.
void toy_values(const std::string& name, double a, double b, std::span<float> out);

void toy_v4_tensor(const std::string& name, const Shape& shape, std::span<float> out);

std::vector<int32_t> toy_prompt(int n, int shift = 0);

struct ToyV4 {
  explicit ToyV4(const Json& config = toy_v4_config());
  ~ToyV4();
  Json config;
  FormulaWeights weights{toy_v4_tensor};
  std::unique_ptr<Model> model;
};

}  // namespace autark
