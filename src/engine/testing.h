// For engine tests: a small random model without files, and a sink that waits for the end.
#pragma once
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>
#include "engine/engine_parts.h"
#include "models/v4_toy_testing.h"

namespace autark::engine {

inline constexpr int kTestVocabulary = 96;
inline constexpr int32_t kBrokenToken = 95;  // in broken_tensor its embedding is NaN
inline constexpr int32_t kEndToken = 94;

void broken_tensor(const std::string& name, const Shape& shape, std::span<float> out);

std::unique_ptr<Chip> chip_named(const char* name);
std::unique_ptr<Chip> ref_chip();

// The chip's share of a checkpoint made by a formula; without a chip the whole checkpoint.
std::unique_ptr<Weights> formula_weights(const Chip* chip, FormulaWeights::Fill fill);

// gemma3: windows and whole streams; qwen3_moe: routes, and a head. `more` overwrites keys of the config.
LoadedModel test_model(const std::string& architecture, std::unique_ptr<Chip> chip,
                       FormulaWeights::Fill fill = random_tensor, const Json& more = empty_object());

// The toy DeepSeek-V4 (models/v4_toy_testing.h); with its draft head if asked for.
LoadedModel toy_v4_model(std::unique_ptr<Chip> chip, const Json& config = toy_v4_config(),
                         bool drafter = false);
// The same with DSpark's three stages.
Json toy_dspark_config(int block = 5);

std::vector<int32_t> test_prompt(int n, int seed);

// Collects the events of one request. Call sink() once; wait() blocks until the last event.
class Heard {
 public:
  ~Heard();
  Sink sink(std::function<void(const Event&)> then = {});
  Finish wait();

  std::vector<int32_t> ids;
  std::vector<Logprobs> logprobs, prompt;
  std::optional<Error> error;
  std::optional<Finish> finish;
  Usage usage;
  int64_t prompt_done = 0;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
};

std::unique_ptr<Engine> test_engine(LoadedModel m, const Options& options = {});

}  // namespace autark::engine
