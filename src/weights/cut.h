// How tensor-parallel ranks share a tensor.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

namespace autark {

struct Cut {
  enum class Along : uint8_t {
    nothing,     // every rank has the whole tensor
    outputs,     // second-last dimension, or the only one; shares of matrices are views
    inputs,      // last dimension; shares are copies, and a product with one is a partial sum
    first_rank,  // the whole tensor on the first rank, zeros on the others: the bias of a partial sum
  };
  // What to do if the ranks do not divide the number of units.
  enum class Uneven : uint8_t {
    refuse,  // loading fails
    repeat,  // fewer units than ranks: neighbouring ranks hold the same one; else loading fails
    whole,   // every rank has the whole tensor
  };

  Along along = Along::nothing;
  int64_t unit = 1;                 // outputs or inputs that must stay together
  std::string_view units = "rows";  // the word for units in messages
  Uneven uneven = Uneven::refuse;

  static const Cut none, out, in, once;
  static const Cut vocabulary;  // outputs of the head: its logits are gathered (Chip::all_gather)
  // Outputs by whole query heads of `dim` channels.
  static constexpr Cut heads(int64_t dim) { return {Along::outputs, dim, "heads"}; }
  // Outputs by whole key or value heads. A rank gets those to which its query heads attend.
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

struct Share {  // the range of one rank
  int64_t from = 0, count = 0;
};
// The share of `rank` in `n` outputs or inputs that are stored in indivisible blocks of `block`. nullopt if
// the ranks cannot share them; that is the same for every rank.
// REQUIRES: a cut along outputs or inputs.
std::optional<Share> share_of(int64_t n, const Cut& cut, int64_t block, int rank, int ranks);

}  // namespace autark
