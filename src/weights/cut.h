// How tensor-parallel ranks share a tensor.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

namespace autark {

struct Cut {
  enum class Along : uint8_t {
    nothing,     // every rank has all of it
    outputs,     // second-last dim, or the only one; shares of matrices are views
    inputs,      // last dim; shares are copies, and the product with one is a partial sum
    first_rank,  // whole on the first rank, zero on the others: the bias of a partial sum
  };
  // What happens where the ranks do not divide the units.
  enum class Uneven : uint8_t {
    refuse,  // loading fails
    repeat,  // fewer units than ranks: neighbouring ranks hold the same unit; otherwise loading fails
    whole,   // every rank has all of it
  };

  Along along = Along::nothing;
  int64_t unit = 1;                 // outputs or inputs that are never separated
  std::string_view units = "rows";  // what messages call them
  Uneven uneven = Uneven::refuse;

  static const Cut none, out, in, once;
  static const Cut vocabulary;  // outputs of the head: its logits are gathered (Chip::all_gather)
  // Outputs by whole query heads of `dim` channels.
  static constexpr Cut heads(int64_t dim) { return {Along::outputs, dim, "heads"}; }
  // Outputs by whole key or value heads: a rank gets those that its query heads attend to.
  static constexpr Cut key_heads(int64_t dim) { return {Along::outputs, dim, "heads", Uneven::repeat}; }
  // Inputs by whole query heads.
  static constexpr Cut head_inputs(int64_t dim) { return {Along::inputs, dim, "heads"}; }

  bool operator==(const Cut&) const = default;
};
inline constexpr Cut Cut::none{};
inline constexpr Cut Cut::out{Along::outputs};
inline constexpr Cut Cut::in{Along::inputs, 1, "columns"};
inline constexpr Cut Cut::once{Along::first_rank};
inline constexpr Cut Cut::vocabulary{Along::outputs, 1, "rows", Uneven::whole};

struct Share {
  int64_t from = 0, count = 0;
};
// What `rank` holds of `n` outputs or inputs, which are stored in blocks of `block` that cannot be taken
// apart. nullopt: the ranks cannot share them; the answer is the same for every rank. REQUIRES: along outputs
// or inputs
std::optional<Share> share_of(int64_t n, const Cut& cut, int64_t block, int rank, int ranks);

}  // namespace autark
