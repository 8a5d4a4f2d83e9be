#include "serve/gap_tokens.h"

namespace autark::serve {
namespace {

struct Names {
  const char *before, *after, *fill;
};

constexpr Names kNames[] = {{"<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"},      // Qwen, CodeGemma
                            {"<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>"},      // DeepSeek
                            {"<fim_prefix>", "<fim_suffix>", "<fim_middle>"},            // StarCoder
                            {"<fim-prefix>", "<fim-suffix>", "<fim-middle>"},            // SantaCoder
                            {"▁<PRE>", "▁<SUF>", "▁<MID>"},                              // Code Llama
                            {"<|code_prefix|>", "<|code_suffix|>", "<|code_middle|>"}};  // GLM

}  // namespace

std::optional<GapTokens> gap_tokens(const text::Tokenizer& tokenizer) {
  for (const Names& n : kNames) {
    const auto before = tokenizer.id_of(n.before), after = tokenizer.id_of(n.after),
               fill = tokenizer.id_of(n.fill);
    if (before && after && fill) return GapTokens{*before, *after, *fill};
  }
  return {};
}

}  // namespace autark::serve
