// Weights in the kernels' own interleaved form (layout.h), made on first use and kept as long as the chip.
// Codes keep their bits, so a prepared matrix is about as large as the file's. The table is keyed by the
// part's address, format and shape: a chip must not see other weights at an address it has seen before.
#pragma once
#include <unordered_map>
#include <vector>
#include "chips/cpu/layout.h"
#include "chips/cpu/memory.h"
#include "chips/cpu/team.h"
#include "tensor/weight.h"

namespace autark {

// What serves a format; FP8 blocks become BF16, which holds every E4M3 code times a power of two.
Kind kind_of(Format f);

// Products of this kind take activations rounded to int8, where the mode asks for it.
inline bool takes_rounded(Kind k) {
  return layout_of(k).meaning != Meaning::none;
}

class PreparedWeights {
 public:
  // One Panels a part. The views stay where they are until the chip ends. Runs on the team when new.
  const std::vector<Panels>& of(const Weight& w, Team& team);

 private:
  struct Key {
    const std::byte* codes;
    Format format;
    int64_t rows, cols, parts;
    bool operator==(const Key&) const = default;
  };
  struct Hash {
    size_t operator()(const Key& k) const {
      return std::hash<const void*>()(k.codes) ^ k.rows * 31 ^ k.parts;
    }
  };
  struct Prepared {
    Pages pages;
    std::vector<Panels> parts;
  };
  Prepared make(const Weight& w, Team& team);

  std::unordered_map<Key, Prepared, Hash> all_;  // entries keep their place
};

}  // namespace autark
