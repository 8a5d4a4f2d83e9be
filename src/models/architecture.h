// Everything the program knows about one architecture, in one entry. A model file registers its entry at the
// end; code outside of models/ takes the entry's fields and knows no architecture by name.
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

// The mode of --rounding that runs when the user names none, and the reason that start-up prints for it.
struct RoundingDefault {
  const char* mode = "none";
  const char* because = "nothing has been measured for this architecture";
};
// Weights that keep their own precision: only the cache is rounded.
inline constexpr RoundingDefault kRoundedCache{"fast",
                                               "weights keep their own precision, only the cache is float16"};

struct RoundingDefaults {
  RoundingDefault plain;   // most bytes are F32, F16 or BF16
  RoundingDefault blocks;  // most bytes are quantised in blocks
  bool official = false;   // the chips know the rounding points of its official code: trained, exact
};

// Defaults of architectures whose 8-bit inputs were measured on real checkpoints, and of those that compute
// with the same products.
inline constexpr RoundingDefaults kFastMeasured{kRoundedCache,
                                                {"fast", "8-bit inputs pass the gate on the real goldens"}};
inline constexpr RoundingDefaults kFastAsQwen2{
    kRoundedCache, {"fast", "the same products as qwen2, whose real goldens pass the gate"}};

// Names of what an index notes in each layer that has one. A trace shows them in a form of its own. All are
// empty where the architecture has no index.
struct IndexNotes {
  std::string_view ids, score;      // noted by the layer: the rows that were chosen, and by what
  std::string_view margin, spread;  // added by the trace: how clear the choice was
  std::string_view rows;            // the stream whose rows are chosen
};

struct Architecture {
  std::string name;   // model_type in config.json
  ModelFactory make;  // from a config and its weights
  RoundingDefaults rounding = {};
  std::vector<DrafterKind> drafters = {};  // a checkpoint has the first whose `present` holds
  // Why the files must not run although every tensor of the model is there.
  std::optional<Error> (*check)(const Checkpoint&) = nullptr;
  // The files against the list of their release, for `inspect`.
  std::optional<ReleaseListing> (*list)(const Checkpoint&) = nullptr;
  IndexNotes index = {};
  const char* draft_notes = "draft.";  // what the names of a draft head's notes begin with in a trace
};

// All of them by name.
const std::map<std::string, Architecture>& architectures();
// The entry of that name; the error lists the names that there are.
Result<const Architecture*> find_architecture(const std::string& name);
// The draft head that this checkpoint has; null: none.
const DrafterKind* drafter_of(const Architecture& a, const Json& config);
// The model of a checkpoint. An architecture that nobody registered, files that fail its check, a config or
// tensors that do not fit are errors.
Result<std::unique_ptr<Model>> bind(const Checkpoint& c);

bool register_architecture(Architecture a);

}  // namespace autark

#define AUTARK_JOINED(a, b) a##b
#define AUTARK_NAME_OF_LINE(line) AUTARK_JOINED(registered_, line)
// REGISTER_ARCHITECTURE({.name = "llama", .make = &make_model<Llama, Config>, …});
#define REGISTER_ARCHITECTURE(...)                                   \
  [[maybe_unused]] static const bool AUTARK_NAME_OF_LINE(__LINE__) = \
      ::autark::register_architecture(__VA_ARGS__)
