// A checkpoint bound to its architecture and a chip. The engine, `logits` and `bench` load models with this.
#pragma once
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include "chips/registry.h"
#include "engine/weight_cache.h"
#include "models/drafter.h"
#include "models/model.h"
#include "tensor/rounding.h"
#include "weights/checkpoint.h"

namespace autark::engine {

struct LoadOptions {
  std::string chip = "cpu";  // a name of chips/registry.h
  // Empty: the architecture's default; on `ref`, which has no int8 inputs, "none" instead of "fast".
  std::optional<Rounding> rounding;
  int threads = 0;                // 0: one per physical core that the process may use
  std::string isa;                // instruction set of the chip `cpu`; empty: the best one here
  bool eager = false;             // see ChipOptions
  bool drafter = false;           // load the draft head, too; an error if the checkpoint has none
  bool drafter_optional = false;  // with `drafter`: no error if the checkpoint has none that works
  // Where the chip adds its time by groups of verbs, see ChipOptions; null: nowhere. Must outlive the model.
  VerbTimes* times = nullptr;
  // This process's rank in a tensor-parallel group; null: no group. Must outlive the model.
  Comm* comm = nullptr;
  WeightCachePlace weight_cache;
  std::function<void(const std::string&)> say;  // called with sentences about the weight cache; may be empty
};

// The order of the members matters: they are destroyed in reverse, the chip first and the mapped files last.
struct LoadedModel {
  Checkpoint checkpoint;
  std::unique_ptr<Model> model;
  std::unique_ptr<Drafter> drafter;  // null unless LoadOptions::drafter was set
  std::unique_ptr<WeightCache> weight_cache;
  std::unique_ptr<Chip> chip;
  Rounding rounding;
  std::string rounding_line;  // the mode, and why: which default applies, or that the user chose it

  // An error once a file of the model or of its weight cache was truncated or rewritten since it was opened; results
  // computed since are then invalid. Thread-safe after warm_up(); some system calls.
  std::optional<Error> change() const;
};

// Opens the files at `path`, makes the model and its chip. Weights are mapped, not read: see warm_up().
Result<LoadedModel> load_model(const std::filesystem::path& path, const LoadOptions& options = {});

// An error if the chip's attention cannot read the state in the formats that the model declares. load_model()
// refuses such a model where state is kept in these formats (Rounding::Cache::native).
std::optional<Error> fault_of_records(const Model& m, const Chip& chip);

// Runs one token through every layer, so that the chip has its own form of all weights before the first request and
// the weight cache is on the disk. `progress` is called with 0…1. Code::io if the disk failed or the model changed.
std::optional<Error> warm_up(LoadedModel& m, const std::function<void(double)>& progress = {});

// The storage formats and their share of the bytes: "Q4_K 62 %, Q6_K 38 %".
std::string weights_line(const Checkpoint& c);

}  // namespace autark::engine
