// For tests of the model families: a tiny config of each, and weights that lack what a test says.
#pragma once
#include <map>
#include <optional>
#include <string>
#include "base/json.h"
#include "weights/weights.h"

namespace autark {

Json sizes(int64_t layers, int64_t dim, int64_t heads, int64_t kv, int64_t head_dim, int64_t ffn,
           int64_t vocab, const Json& more);
Json ernie(int64_t chosen, int64_t width, int64_t shared, int64_t start, bool tied);

// The tiny config of a family.
Json tiny(const std::string& architecture);

inline constexpr const char* kFamilies[] = {
    "deepseek_v3", "kimi_k2", "ernie4_5",    "ernie4_5_moe", "hunyuan_v1_dense", "hunyuan_v1_moe", "hy_v3",
    "qwen3_next",  "qwen3_5", "qwen3_5_moe", "gpt_oss",      "glm4_moe",         "minimax_m2"};

// Has every tensor; of one it can have nothing or another shape. Remembers what was asked for.
class AllBut final : public Weights {
 public:
  explicit AllBut(std::string other, Shape instead = {});
  std::map<std::string, Shape> asked;

 private:
  std::optional<Entry> open(const std::string& name, const Shape& shape) override;
  const std::string other_;
  const Shape instead_;
};

// Why a model cannot be made; empty if it can.
std::string fault_of(const char* architecture, const Json& config, AllBut& weights);

}  // namespace autark
