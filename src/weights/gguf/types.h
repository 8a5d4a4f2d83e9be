// The numbers by which GGUF names its storage types (ggml_type), with the size of their blocks.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include "tensor/format.h"

namespace autark {

struct GgufType {
  uint32_t number;
  const char* name;
  int values, bytes;             // of a block
  std::optional<Format> format;  // empty: not read as it lies
};

// Null for a number nobody has given out.
const GgufType* gguf_type(uint32_t number);

}  // namespace autark
