// The comparison of a checkpoint's files with the list of tensors of its release.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace autark {

struct ReleaseListing {
  std::string release;     // "DeepSeek-V4-Flash (preview)"
  std::string draft;       // the kind of its draft head, or "none"
  bool published = false;  // the sizes are those of a published model
  // Of the list. Draft heads count only if the files have any tensor of one.
  int64_t tensors = 0, bytes = 0;

  struct Difference {
    std::string name, is, expected;  // "BF16 [7, 4]"; empty if absent
  };
  std::vector<Difference> differences;
};

}  // namespace autark
