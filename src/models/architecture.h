// Everything the program knows about an architecture, in one entry, which the model file registers at its
// end. Code outside models/ uses fields of the entry and knows no architecture by name.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>
#include "models/drafter.h"
#include "models/model.h"
#include "models/release_listing.h"
#include "weights/checkpoint.h"

namespace autark {

// The --rounding mode that runs if the user names none, and the reason that start-up prints for it.
struct RoundingDefault {
  const char* mode = "none";
  const char* because = "nothing has been measured for this architecture";
};
// For weights in their own precision: only the cache is rounded.
inline constexpr RoundingDefault kRoundedCache{"fast",
                                               "weights keep their own precision, only the cache is float16"};

// The default mode depends on how most bytes of the weights are stored.
struct RoundingDefaults {
  RoundingDefault plain;   // F32, F16 or BF16
  RoundingDefault blocks;  // quantised in blocks
  bool official = false;   // chips know the rounding points of its official code: modes trained and exact
};

// For architectures whose 8-bit inputs were measured on real checkpoints, and for those that use
// the same products.
inline constexpr RoundingDefaults kFastMeasured{kRoundedCache,
                                                {"fast", "8-bit inputs pass the gate on the real goldens"}};
inline constexpr RoundingDefaults kFastAsQwen2{
    kRoundedCache, {"fast", "the same products as qwen2, whose real goldens pass the gate"}};

// Names of the notes that an index makes in its layers, for a trace that shows them in a special form. Empty
// if the architecture has no index.
struct IndexNotes {
  std::string_view ids, score;      // noted by the layer: the chosen rows and their scores
  std::string_view margin, spread;  // added by the trace: how clear the choice was
  std::string_view rows;            // name of the stream whose rows are chosen
};

// One architecture. Functions are plain pointers; `check` and `list` may be null.
struct Architecture {
  std::string name;   // model_type in config.json
  ModelFactory make;  // makes the model from a config and its weights
  RoundingDefaults rounding = {};
  std::vector<DrafterKind> drafters = {};  // a checkpoint has the first one whose `present` is true
  // Finds files that must not run although every tensor of the model is there.
  std::optional<Error> (*check)(const Checkpoint&) = nullptr;
  // Compares the files with the list of their release, for `inspect`.
  std::optional<ReleaseListing> (*list)(const Checkpoint&) = nullptr;
  IndexNotes index = {};
  const char* draft_notes = "draft.";  // prefix of the names of a draft head's notes in a trace
};

// All registered architectures by name.
const std::map<std::string, Architecture>& architectures();
// The entry of that name. The error lists the known names.
Result<const Architecture*> find_architecture(const std::string& name);
// The draft head of a checkpoint with this config; null if it has none.
const DrafterKind* drafter_of(const Architecture& a, const Json& config);
// Makes the model of a checkpoint. Errors: an unknown architecture, files that fail its check, a config or
// tensors that do not fit, tensors of the model that it does not ask for.
Result<std::unique_ptr<Model>> bind(const Checkpoint& c);

bool register_architecture(Architecture a);  // during static initialisation; false if the name is taken

}  // namespace autark

#define AUTARK_JOINED(a, b) a##b
#define AUTARK_NAME_OF_LINE(line) AUTARK_JOINED(registered_, line)
// REGISTER_ARCHITECTURE({.name = "llama", .make = &make_model<Llama, Config>, …});
#define REGISTER_ARCHITECTURE(...)                                   \
  [[maybe_unused]] static const bool AUTARK_NAME_OF_LINE(__LINE__) = \
      ::autark::register_architecture(__VA_ARGS__)
