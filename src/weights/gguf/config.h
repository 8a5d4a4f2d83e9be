// What a GGUF file's keys say about the model, in the words of a published config.json, with what its
// architecture implies but no key says.
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

Result<GgufConfig> read_gguf_config(const Gguf& file);

}  // namespace autark
