#include "weights/quantisation.h"
#include <algorithm>
#include "tensor/weight.h"

namespace autark {
namespace {

constexpr int64_t kSideMax = 1 << 20;  // of a block
constexpr size_t kMethodBytes = 40;    // in a message

// "weight_block_size": [rows, columns]
void read_blocks(const Json& about, Quantisation& q) {
  const auto size = about.find("weight_block_size");
  if (size == about.end() || !size->is_array() || size->size() != 2) return;
  int64_t sides[2];
  for (size_t i : {0, 1}) {
    const Json& side = (*size)[i];
    sides[i] = side.is_number_integer() ? side.get<int64_t>() : 0;
    if (sides[i] < 1 || sides[i] > kSideMax) return;
  }
  q.block_rows = sides[0], q.block_columns = sides[1];
}

const Json& value_of(const Json& in, const char* key) {
  static const Json kNull;
  const auto it = in.is_object() ? in.find(key) : in.end();
  return it == in.end() ? kNull : *it;
}

// What differs from what is read of compressed-tensors: symmetric INT4 in groups of 32 in the order of the columns.
std::string other_packing(const Json& about) {
  const auto told = [](const Json& in, const char* key) {
    return " with " + std::string(key) + " " + dump_json(value_of(in, key)).substr(0, kMethodBytes);
  };
  const auto differs = [&](const Json& in, const char* key, const Json& wanted) {
    return value_of(in, key) == wanted ? std::string() : told(in, key);
  };
  std::string found = differs(about, "format", "pack-quantized");
  for (const char* key : {"transform_config", "sparsity_config"})
    if (found.empty() && !value_of(about, key).empty()) found = told(about, key);
  const Json& groups = value_of(about, "config_groups");
  if (found.empty() && (!groups.is_object() || groups.empty())) return told(about, "config_groups");
  for (const Json& group : groups) {
    if (found.empty() && !value_of(group, "format").is_null())
      found = differs(group, "format", "pack-quantized");
    for (const char* rounded : {"input_activations", "output_activations"})
      if (found.empty()) found = differs(group, rounded, nullptr);
    const Json& weights = value_of(group, "weights");
    for (const auto& [key, wanted] : {std::pair<const char*, Json>{"num_bits", 4},
                                      {"type", "int"},
                                      {"symmetric", true},
                                      {"strategy", "group"},
                                      {"group_size", kRunLength},
                                      {"actorder", nullptr}})
      if (found.empty()) found = differs(weights, key, wanted);
  }
  return found;
}

// The patterns with which the files of Kimi exclude everything but routed experts.
bool ignores_all_but_experts(const Json& about) {
  const Json& ignored = value_of(about, "ignore");
  const auto has = [&](const char* pattern) { return std::ranges::count(ignored, Json(pattern)) > 0; };
  return ignored.is_array() && has("re:.*self_attn.*") && has("re:.*shared_experts.*") &&
         has("re:.*mlp\\.(gate|up|gate_up|down)_proj.*");
}

std::string fault_of(const Quantisation& q, const Json& about) {
  const std::string side = std::to_string(kTileSide);
  if (q.method == "mxfp4") return {};
  const std::string packing = q.method == "compressed-tensors" ? other_packing(about) : "";
  if (q.method == "compressed-tensors" && packing.empty()) return {};
  if (q.method == "fp8" && q.block_rows == kTileSide && q.block_columns == kTileSide) return {};
  if (q.method == "fp8" && q.block_rows)
    return "is FP8 in blocks of " + std::to_string(q.block_rows) + " x " + std::to_string(q.block_columns) +
           ", only " + side + " x " + side + " is supported";
  const std::string what = q.method == "fp8"  ? "in FP8 without weight_block_size"
                           : q.method.empty() ? "by a method that quantization_config does not name"
                                              : "by '" + q.method.substr(0, kMethodBytes) + "'" + packing;
  return "is quantised " + what +
         ", which is not supported; take a release in BF16, one in FP8 with blocks of " + side + " x " +
         side + ", or a GGUF file";
}

}  // namespace

Quantisation read_quantisation(const Json& config) {
  Quantisation q;
  const auto about = config.find("quantization_config");
  if (about == config.end() || !about->is_object() || about->empty()) return q;
  const auto method = about->find("quant_method");
  if (method != about->end() && method->is_string()) q.method = method->get<std::string>();
  read_blocks(*about, q);
  q.experts_only = q.method == "mxfp4" || ignores_all_but_experts(*about);
  q.fault = fault_of(q, *about);
  return q;
}

}  // namespace autark
