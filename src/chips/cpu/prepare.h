// Weights in the kernels' own interleaved form (layout.h), made on first use and kept as long as the chip.
// Codes keep their bits, so a prepared matrix is about as large as the file's. With a store the forms lie in
// it, and a part of the checkpoint is released once its form is there. The table is keyed by the part's
// address, format and shape: a chip must not see other weights at an address it has seen before.
#pragma once
#include <span>
#include <unordered_map>
#include <vector>
#include "chips/cpu/layout.h"
#include "chips/cpu/memory.h"
#include "chips/cpu/team.h"
#include "chips/weight_store.h"
#include "tensor/weight.h"

namespace autark {

// What serves a format. (FP8 weights with a NaN among their codes become BF16 panels nevertheless, or
// F32 panels if their scales are float32.)
Kind kind_of(Format f);

// Products of this kind take activations rounded to int8, where the mode asks for it.
inline bool takes_rounded(Kind k) {
  return layout_of(k).meaning != Meaning::none;
}

class PreparedWeights {
 public:
  explicit PreparedWeights(WeightStore* store = nullptr) : store_(store) {}  // outlives this

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
  std::vector<Panels> make(const Weight& w, Team& team);
  bool fill(const std::vector<Panels>& parts, const Weight& w, Team& team);
  void release(const Weight& w, int64_t first, int64_t end, int64_t per_part);
  const uint8_t* copy(std::span<const std::byte> form, Team& team);
  uint8_t* take(int64_t bytes);

  WeightStore* const store_;

  std::unordered_map<Key, std::vector<Panels>, Hash> all_;  // entries keep their place
  std::vector<Pages> pages_;
  std::byte *free_ = nullptr, *end_ = nullptr;  // of the pages that small matrices share
};

}  // namespace autark
