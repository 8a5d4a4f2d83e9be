// Agreement of all ranks on a value that each of them measures for itself.
#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>
#include "cluster/comm.h"

namespace autark {

// The smallest of all ranks' numbers; `mine` if comm is null. A collective: every rank must call it.
inline int64_t least_of(Comm* comm, int64_t mine) {
  if (!comm) return mine;
  std::vector<int64_t> all(comm->size());
  comm->all_gather(std::as_bytes(std::span(&mine, 1)), std::as_writable_bytes(std::span(all)));
  return *std::ranges::min_element(all);
}

}  // namespace autark
