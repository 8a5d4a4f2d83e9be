#include "weights/quantisation.h"
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

std::string fault_of(const Quantisation& q) {
  const std::string side = std::to_string(kTileSide);
  if (q.method == "mxfp4") return {};
  if (q.method == "fp8" && q.block_rows == kTileSide && q.block_columns == kTileSide) return {};
  if (q.method == "fp8" && q.block_rows)
    return "is FP8 in blocks of " + std::to_string(q.block_rows) + " x " + std::to_string(q.block_columns) +
           ", only " + side + " x " + side + " is supported";
  const std::string what = q.method == "fp8"  ? "in FP8 without weight_block_size"
                           : q.method.empty() ? "by a method that quantization_config does not name"
                                              : "by '" + q.method.substr(0, kMethodBytes) + "'";
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
  q.fault = fault_of(q);
  return q;
}

}  // namespace autark
