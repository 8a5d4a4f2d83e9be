// The ranks of one tensor-parallel group and the one collective that models ask for.
#pragma once
#include <cstdint>

namespace autark {

class Comm {
 public:
  virtual ~Comm() = default;
  virtual int rank() const = 0;
  virtual int size() const = 0;
  virtual void all_sum(float* x, int64_t n) = 0;  // blocks until every rank has called it
};

}  // namespace autark
