// Where a chip keeps its own forms of weights so that they outlive it, and where it says which of the
// checkpoint's pages it has no more use for.
//
// A chip that reorders a weight asks place() for memory. What it gets is either filled already, by this
// program or an earlier run of it, or is to be filled and then reported with filled(). Called by the thread
// that records; the store outlives the chip.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include "tensor/weight.h"

namespace autark {

class WeightStore {
 public:
  virtual ~WeightStore() = default;

  struct Place {
    std::byte* bytes = nullptr;  // aligned to a page; null: the chip takes memory of its own
    bool filled = false;         // may only be read
    bool stays = false;          // of a filled place: else the chip copies it and reports that with copied()
  };
  // The place of w's form. `layout` names how the form is laid out and for which processors; it changes
  // whenever the meaning of a byte does.
  virtual Place place(const Weight& w, std::string_view layout, int64_t bytes) = 0;
  // The chip has written all bytes of a place that was not filled. Returns whether it stays, as in Place.
  virtual bool filled(const Place& place) = 0;
  // The chip has copied this part of a place that does not stay, and does not read it again.
  virtual void copied(std::span<const std::byte> part) = 0;
  // The chip has its form of these rows of one part of w: pages of the checkpoint that hold nothing else may
  // leave memory. They can still be read, from the file.
  virtual void release(const Weight& w, int64_t part, int64_t first_row, int64_t rows) = 0;
};

}  // namespace autark
