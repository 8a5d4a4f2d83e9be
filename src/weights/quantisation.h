// What the quantization_config of a config.json says of the matrices in the files.
#pragma once
#include <cstdint>
#include <string>
#include "base/json.h"

namespace autark {

struct Quantisation {
  std::string method;                         // "fp8", "mxfp4" …; empty: none, or one without a name
  int64_t block_rows = 0, block_columns = 0;  // of fp8: values that share a scale; 0: not told
  // Why this program cannot read such a matrix, to follow the name of one; empty: it can.
  std::string fault;
};

Quantisation read_quantisation(const Json& config);

}  // namespace autark
