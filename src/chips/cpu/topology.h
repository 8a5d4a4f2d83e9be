// The processors this process may use: one per physical core inside its affinity mask, no more of them than
// the processor time of its control groups is enough for.
#pragma once
#if defined(__linux__)
#include <sched.h>
#endif
#include <vector>

namespace autark {

// Operating-system numbers of the cores' first processors, in topology order. Never empty.
std::vector<int> usable_cores();

// Binds the calling thread. A refusal is ignored: speed suffers, results do not.
void bind_to(int processor);

// Binds the calling thread for a while; it and the threads it starts later keep the mask it had.
class BoundTo {
 public:
  explicit BoundTo(int processor);
  ~BoundTo();
  BoundTo(const BoundTo&) = delete;
  BoundTo& operator=(const BoundTo&) = delete;

 private:
#if defined(__linux__)
  cpu_set_t before_;
#endif
  bool bound_ = false;
};

}  // namespace autark
