#include "engine/rounding_modes.h"

namespace autark::engine {
namespace {

constexpr Rounding kExact{Rounding::Inputs::official, Rounding::Cache::qdq};
constexpr Rounding kNone{Rounding::Inputs::f32, Rounding::Cache::f32};
constexpr Rounding kTrained{Rounding::Inputs::official, Rounding::Cache::native};
constexpr Rounding kFast{Rounding::Inputs::int8, Rounding::Cache::native};

// Names of the architectures that have official rounding points: "a, b".
std::string with_official_code() {
  std::string names;
  for (const auto& [name, a] : architectures()) {
    if (a.rounding.official) names += (names.empty() ? "" : ", ") + name;
  }
  return names;
}

}  // namespace

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

std::optional<Error> fault_of(Rounding r, const Architecture& a, std::string_view kind) {
  if (r.inputs != Rounding::Inputs::official) return {};
  const bool exact = r.cache == kExact.cache;
  if (a.rounding.official && !(exact && kind == "gguf")) return {};
  return Error{Code::unsupported,
               "rounding: " + name_of(r) + " repeats the rounding points of a model's official code; " +
                   with_official_code() + " in its published safetensors has them, " + a.name + " from " +
                   std::string(kind) + " has none; use none (the mathematics) or fast"};
}

}  // namespace autark::engine
