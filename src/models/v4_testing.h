// For tests: the published DeepSeek-V4 configurations, with the keys that are read.
#pragma once
#include "base/json.h"

namespace autark {

Json v4_flash_config();

Json v4_pro_config();

// The configurations of 0731 (Flash) and 0813 (Pro): the preview's trunk with another draft head.
Json v4_with_dspark(Json preview, int markov_rank);

}  // namespace autark
