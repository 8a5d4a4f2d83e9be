// The tokens with which code models are asked to fill a gap: BEFORE text SUFFIX text MIDDLE, then the answer.
#pragma once
#include <optional>
#include "text/tokenizer.h"

namespace autark::serve {

struct GapTokens {
  int32_t before = 0, after = 0, fill = 0;
};

// Those of the model's vocabulary; empty if it has none that are known here.
std::optional<GapTokens> gap_tokens(const text::Tokenizer& tokenizer);

}  // namespace autark::serve
