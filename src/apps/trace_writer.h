// Writes a trace as named tensors, to a safetensors file or as JSON. The names are tokens, positions, embed,
// layers.<i>, layers.<i>.router_ids, layers.<i>.router_weights, norm, logits, greedy, greedy_margin, and
// those that the model adds (layers.<i>.attn.out, layers.<i>.idx.score, mtp.logits …; see engine/trace.h).
#pragma once
#include <cstdio>
#include <filesystem>
#include <optional>
#include "base/result.h"
#include "engine/trace.h"

namespace autark::apps {

std::optional<Error> write_safetensors(const std::filesystem::path& path, const engine::Trace& t);
// One JSON object of nested arrays. Values that are not finite become null.
std::optional<Error> write_json(std::FILE* to, const engine::Trace& t);

}  // namespace autark::apps
