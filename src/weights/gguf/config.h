// The config.json of a GGUF file: its keys under the names of a published config.json, and the values that
// its architecture implies without a key.
#pragma once
#include <vector>
#include "base/gguf.h"
#include "base/json.h"

namespace autark {

struct GgufConfig {
  std::string architecture;  // as in config.json's model_type
  Json config;
  std::vector<int32_t> end_tokens;
};

// An Error only if the file names no architecture; the model judges everything else.
Result<GgufConfig> read_gguf_config(const Gguf& file);

}  // namespace autark
