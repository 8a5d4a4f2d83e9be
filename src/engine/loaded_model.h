// A checkpoint bound to its architecture and a chip. The engine, `logits` and `bench` load models with this.
#pragma once
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include "chips/registry.h"
#include "models/drafter.h"
#include "models/model.h"
#include "tensor/rounding.h"
#include "weights/checkpoint.h"

namespace autark::engine {

struct LoadOptions {
  std::string chip = "cpu";  // a name of chips/registry.h
  // Empty: the architecture's default; on `ref`, which has no int8 inputs, "none" instead of "fast".
  std::optional<Rounding> rounding;
  int threads = 0;       // 0: one per physical core
  std::string isa;       // instruction set of the chip `cpu`; empty: the best one here
  bool eager = false;    // see ChipOptions
  bool drafter = false;  // load the draft head, too; an error if the checkpoint has none
  // Where the chip adds its time by groups of verbs, see ChipOptions; null: nowhere. Must outlive the model.
  VerbTimes* times = nullptr;
  // This process's rank in a tensor-parallel group; null: no group. Must outlive the model.
  Comm* comm = nullptr;
};

// The order of the members matters: they are destroyed in reverse, the chip first and the mapped files last.
struct LoadedModel {
  Checkpoint checkpoint;
  std::unique_ptr<Model> model;
  std::unique_ptr<Drafter> drafter;  // null unless LoadOptions::drafter was set
  std::unique_ptr<Chip> chip;
  Rounding rounding;
  std::string rounding_line;  // the mode, and why: which default applies, or that the user chose it
};

// Opens the files at `path`, makes the model and its chip. Weights are mapped, not read: see warm_up().
Result<LoadedModel> load_model(const std::filesystem::path& path, const LoadOptions& options = {});

// An error if the chip's attention cannot read the state in the formats that the model declares. load_model()
// refuses such a model where state is kept in these formats (Rounding::Cache::native).
std::optional<Error> fault_of_records(const Model& m, const Chip& chip);

// Runs one token through every layer, so that all dense weights are read and the chip has prepared its own
// form of them before the first request. `progress` is called with 0…1.
void warm_up(LoadedModel& m, const std::function<void(double)>& progress = {});

// The storage formats and their share of the bytes: "Q4_K 62 %, Q6_K 38 %".
std::string weights_line(const Checkpoint& c);

}  // namespace autark::engine
