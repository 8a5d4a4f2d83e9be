// For tests of kept state: texts that begin alike.
#pragma once
#include <vector>
#include "engine/testing.h"

namespace autark::engine {

using Tokens = std::vector<int32_t>;

// n tokens that depend on the seed only, within the vocabulary of all toy models.
inline Tokens text(int n, int seed) {
  Tokens t = test_prompt(n, seed);
  for (int32_t& id : t) id %= 60;
  return t;
}
inline Tokens operator+(Tokens a, const Tokens& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

}  // namespace autark::engine
