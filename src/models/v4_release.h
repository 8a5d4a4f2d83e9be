// Which DeepSeek-V4 release the files of a checkpoint are, and whether they are of one release at all.
#pragma once
#include <optional>
#include <string>
#include <vector>
#include "weights/checkpoint.h"

namespace autark {

// Safetensors files against the list that their config.json promises.
struct V4Listing {
  std::string release;             // "DeepSeek-V4-Flash (preview)"
  std::string draft;               // "none", "mtp", "dspark"
  bool published = false;          // the sizes are those of a published model
  int64_t tensors = 0, bytes = 0;  // that are promised; draft heads only where any of one is there

  struct Difference {
    std::string name, is, expected;  // "BF16 [7, 4]"; empty where there is none
  };
  std::vector<Difference> differences;
};

// None for another architecture, for GGUF files and for a config that is at fault itself.
std::optional<V4Listing> list_v4(const Checkpoint& c);

// What must not run though every tensor of the trunk is there: files of two releases, experts in two formats,
// layers of another kind than the config says. None for another architecture.
std::optional<Error> fault_of_v4(const Checkpoint& c);

}  // namespace autark
