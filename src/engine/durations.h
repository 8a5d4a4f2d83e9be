// Counts durations by their size, for histograms. A plain value.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>

namespace autark::engine {

struct Durations {
  // Seconds; entry i of `counts` has those above bound i − 1 and up to bound i, the last one those above all.
  static constexpr std::array<double, 15> kBounds = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
                                                     0.5,   1,      2.5,   5,    10,    30,   120};
  std::array<uint64_t, kBounds.size() + 1> counts = {};
  double sum = 0;  // seconds

  void add(double seconds) {
    ++counts[std::ranges::lower_bound(kBounds, seconds) - kBounds.begin()];
    sum += seconds;
  }
};

}  // namespace autark::engine
