// The ranks of one tensor-parallel group and their collectives. Every rank calls the same collectives in the
// same order with the same sizes; each call blocks until all ranks have made it.
#pragma once
#include <cstddef>
#include <span>

namespace autark {

class Comm {
 public:
  virtual ~Comm() = default;
  virtual int rank() const = 0;  // from 0 to size() − 1
  virtual int size() const = 0;
  // x[i] becomes the sum of all ranks' x[i]. The order of summation is fixed: every rank gets the same bits,
  // and the same values give the same bits each time.
  virtual void all_sum(std::span<float> x) = 0;
  // Fills `all` with every rank's bytes in the order of ranks. REQUIRES: all.size() == size() · mine.size()
  virtual void all_gather(std::span<const std::byte> mine, std::span<std::byte> all) = 0;
  // Overwrites `bytes` with those of rank 0.
  virtual void broadcast(std::span<std::byte> bytes) = 0;
};

}  // namespace autark
