// A checkpoint bound to its architecture and a chip, ready to run: what the engine, `logits` and `bench`
// share.
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
  std::string chip = "cpu";
  std::optional<Rounding> rounding;  // empty: the architecture's default; on `ref`, the oracle: none
  int threads = 0;
  std::string isa;       // of `cpu`; empty: the best
  bool eager = false;    // see ChipOptions
  bool drafter = false;  // with the draft head; a checkpoint without one is an error
  Comm* comm = nullptr;  // the tensor-parallel group whose rank this is; null: alone. Outlives the model
};

struct LoadedModel {  // members go in reverse: the chip first, the mapped file last
  Checkpoint checkpoint;
  std::unique_ptr<Model> model;
  std::unique_ptr<Drafter> drafter;  // empty unless asked for
  std::unique_ptr<Chip> chip;
  Rounding rounding;
  std::string rounding_line;  // which default applies and why, or that the user chose it
};

Result<LoadedModel> load_model(const std::filesystem::path& path, const LoadOptions& options = {});

// The chip's attention cannot read what the model keeps, where state is kept in the records that the model
// declares (Rounding::Cache::native).
std::optional<Error> fault_of_records(const Model& m, const Chip& chip);

// One token through every layer: touches all dense weights, so that the chip has its own form of them before
// the first request. `progress` hears 0…1.
void warm_up(LoadedModel& m, const std::function<void(double)>& progress = {});

// "Q4_K 62 %, Q6_K 38 %", by bytes.
std::string weights_line(const Checkpoint& c);

}  // namespace autark::engine
