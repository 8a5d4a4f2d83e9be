// The processors that this process may use: one per physical core inside its affinity mask, at most as many
// as the processor time of its control groups allows.
#pragma once
#if defined(__linux__)
#include <sched.h>
#endif
#include <cstdint>
#include <vector>

namespace autark {

// Operating-system numbers of each usable core's first processor, in topology order. Not empty; read once.
std::vector<int> usable_cores();

// The size of one last-level cache of this machine, also where others share it; 0 if unknown. Read once.
int64_t last_cache_bytes();

// Binds the calling thread to a processor. If the system refuses, only speed suffers.
void bind_to(int processor);

// Binds the calling thread until it is destroyed. The thread's previous mask is restored then.
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
