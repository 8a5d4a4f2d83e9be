// A trace as tensors by name: tokens, positions, embed, layers.<i>, layers.<i>.router_ids,
// layers.<i>.router_weights, norm, logits, greedy, greedy_margin, and what else the model names
// (layers.<i>.attn.out, layers.<i>.idx.score, mtp.logits …: engine/trace.h); as a safetensors file or as
// JSON.
#pragma once
#include <cstdio>
#include <filesystem>
#include <optional>
#include "base/result.h"
#include "engine/trace.h"

namespace autark::apps {

std::optional<Error> write_safetensors(const std::filesystem::path& path, const engine::Trace& t);
std::optional<Error> write_json(std::FILE* to, const engine::Trace& t);  // values that are not finite: null

}  // namespace autark::apps
