// What the quantization_config of a config.json says of the matrices in the files.
#pragma once
#include <cstdint>
#include <string>
#include "base/json.h"

namespace autark {

struct Quantisation {
  std::string method;  // "fp8", "mxfp4", "compressed-tensors" …; empty: none, or one without a name
  int64_t block_rows = 0, block_columns = 0;  // of fp8: values that share a scale; 0: not told
  // Whether of all matrices only those of routed experts are codes. Else the files tell which are.
  bool experts_only = false;
  // Why this program cannot read such a matrix, to follow the name of one; empty: it can.
  std::string fault;

  bool is_int4() const { return method == "compressed-tensors" && fault.empty(); }  // tensor/int4.h
};

Quantisation read_quantisation(const Json& config);

}  // namespace autark
