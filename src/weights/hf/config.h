// A published config.json in one form: the text model of a multimodal one, one name per architecture, and the
// defaults that Gemma 3 files leave out.
#pragma once
#include <filesystem>
#include <vector>
#include "base/json.h"

namespace autark {

struct HfConfig {
  std::string architecture;
  Json config;
  std::vector<int32_t> end_tokens;
};

// Reads config.json and, if it exists, generation_config.json.
Result<HfConfig> read_hf_config(const std::filesystem::path& directory);

}  // namespace autark
