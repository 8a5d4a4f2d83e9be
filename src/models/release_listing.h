// The files of a checkpoint against the list of tensors that its release has.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace autark {

struct ReleaseListing {
  std::string release;             // "DeepSeek-V4-Flash (preview)"
  std::string draft;               // the kind of draft head that is there, or "none"
  bool published = false;          // the sizes are those of a published model
  int64_t tensors = 0, bytes = 0;  // of the list; draft heads count only where any tensor of one is there

  struct Difference {
    std::string name, is, expected;  // "BF16 [7, 4]"; empty where there is none
  };
  std::vector<Difference> differences;
};

}  // namespace autark
