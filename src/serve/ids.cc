#include "serve/ids.h"
#include <fmt/format.h>
#include <random>

namespace autark::serve {

Ids::Ids() {
  std::random_device random;
  for (uint64_t& s : state_) s = (uint64_t{random()} << 32) ^ random();
}

// splitmix64 over two words.
std::string Ids::next() {
  const std::lock_guard lock(mutex_);
  std::string id;
  for (uint64_t& s : state_) {
    uint64_t z = s += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    id += fmt::format("{:012x}", (z ^ (z >> 31)) >> 16);
  }
  return id;
}

}  // namespace autark::serve
