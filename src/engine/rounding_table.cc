#include "engine/rounding_table.h"

namespace autark::engine {
namespace {

constexpr Rounding kExact{Rounding::Inputs::official, Rounding::Cache::qdq};
constexpr Rounding kNone{Rounding::Inputs::f32, Rounding::Cache::f32};
constexpr Rounding kTrained{Rounding::Inputs::official, Rounding::Cache::native};
constexpr Rounding kFast{Rounding::Inputs::int8, Rounding::Cache::native};

constexpr std::string_view kWithOfficialCode = "deepseek_v4";
constexpr std::string_view kTrainedSo =
    "nearest to the official code on the tiny checkpoints: its rounding points, its cache records";
constexpr std::string_view kMeasured = "8-bit inputs pass the gate on the real goldens";
constexpr std::string_view kAsMeasured = "the same products as qwen2, whose real goldens pass the gate";
constexpr std::string_view kPlain = "weights keep their own precision, only the cache is float16";
constexpr RoundingRow kRows[] = {
    {"llama", "blocks", "fast", kMeasured},
    {"llama", "plain", "fast", kPlain},
    {"qwen2", "blocks", "fast", kMeasured},
    {"qwen2", "plain", "fast", kPlain},
    {"qwen3", "blocks", "fast", kAsMeasured},
    {"qwen3", "plain", "fast", kPlain},
    {"qwen3_moe", "blocks", "fast", kAsMeasured},
    {"qwen3_moe", "plain", "fast", kPlain},
    {"gemma3", "blocks", "fast", kMeasured},
    {"gemma3", "plain", "fast", kPlain},
    {kWithOfficialCode, "blocks", "trained", kTrainedSo},
    {kWithOfficialCode, "plain", "trained", kTrainedSo},
};
constexpr RoundingRow kUnknown{"any other", "any", "none", "nothing has been measured for this architecture"};

}  // namespace

const RoundingRow& rounding_row(std::string_view architecture, std::string_view weights) {
  for (const RoundingRow& r : kRows) {
    if (r.architecture == architecture && r.weights == weights) return r;
  }
  return kUnknown;
}

Result<Rounding> rounding_named(std::string_view mode) {
  if (mode == "none") return kNone;
  if (mode == "fast") return kFast;
  if (mode == "trained") return kTrained;
  if (mode == "exact") return kExact;
  return Error{Code::invalid,
               "rounding: '" + std::string(mode) + "' is not a mode; use none, trained, exact or fast"};
}

std::string name_of(Rounding r) {
  if (r.inputs == kNone.inputs && r.cache == kNone.cache) return "none";
  if (r.inputs == kExact.inputs && r.cache == kExact.cache) return "exact";
  if (r.inputs == kTrained.inputs && r.cache == kTrained.cache) return "trained";
  if (r.inputs == kFast.inputs && r.cache == kFast.cache) return "fast";
  constexpr const char* kInputs[] = {"f32", "official", "int8"};
  constexpr const char* kCache[] = {"f32", "qdq", "native"};
  return std::string(kInputs[int(r.inputs)]) + " inputs, " + kCache[int(r.cache)] + " cache";
}

std::optional<Error> fault_of(Rounding r, std::string_view architecture, std::string_view kind) {
  if (r.inputs != Rounding::Inputs::official) return {};
  const bool exact = r.cache == kExact.cache;
  if (architecture == kWithOfficialCode && !(exact && kind == "gguf")) return {};
  return Error{Code::unsupported, "rounding: " + name_of(r) +
                                      " repeats the rounding points of a model's official code; deepseek_v4 "
                                      "in its published safetensors has them, " +
                                      std::string(architecture) + " from " + std::string(kind) +
                                      " has none; use none (the mathematics) or fast"};
}

}  // namespace autark::engine
