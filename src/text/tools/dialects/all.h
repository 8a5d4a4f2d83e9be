// The tables of the dialects, one file each. Private to text/; others use dialect_of().
#pragma once
#include "text/dialect.h"

namespace autark::text {

extern const Dialect kDeepseekV3, kDeepseekV31, kErnie, kGlm4, kHarmony, kHunyuan, kHy3, kHy3Opensource,
    kKimiK2, kLlama3, kMinimaxM2, kMistral, kMistralList, kQwen3Coder;

}  // namespace autark::text
