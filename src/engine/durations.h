// Counts durations, and numbers of tokens, by their size, for histograms. Plain values.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>

namespace autark::engine {

// Entry i of `counts` has what is above bound i − 1 and up to bound i, the last one what is above all. B::kBounds rise.
template <class B>
struct Counted {
  static constexpr auto kBounds = B::kBounds;
  std::array<uint64_t, kBounds.size() + 1> counts = {};
  double sum = 0;

  void add(double value) {
    ++counts[std::ranges::lower_bound(kBounds, value) - kBounds.begin()];
    sum += value;
  }
};

struct SecondsBounds {
  static constexpr std::array<double, 15> kBounds = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
                                                     0.5,   1,      2.5,   5,    10,    30,   120};
};
struct TokensBounds {
  static constexpr std::array<double, 19> kBounds = {
      1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000, 1e5, 2e5, 5e5, 1e6};
};
using Durations = Counted<SecondsBounds>;   // of seconds
using TokenCounts = Counted<TokensBounds>;  // of tokens

}  // namespace autark::engine
