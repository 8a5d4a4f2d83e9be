// GGUF's numbers for storage types (ggml_type), with the sizes of their blocks.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include "tensor/format.h"

namespace autark {

struct GgufType {
  uint32_t number;
  const char* name;
  int values, bytes;             // per block
  std::optional<Format> format;  // empty: this program cannot read it directly
};

// Null for an unknown number.
const GgufType* gguf_type(uint32_t number);

}  // namespace autark
