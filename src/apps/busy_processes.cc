#include "apps/busy_processes.h"
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#include <atomic>
#if defined(__linux__)
#include <sys/prctl.h>
#endif

namespace autark::apps {
namespace {

// Runs in a child of a program with threads, so it calls only what is safe after fork().
[[noreturn]] void compute_for_ever(pid_t parent) {
#if defined(__linux__)
  prctl(PR_SET_PDEATHSIG, SIGKILL);
#endif
  for (std::atomic<unsigned> n = 0;; ++n) {
    if (n % (1u << 24) == 0 && getppid() != parent) _exit(0);
  }
}

}  // namespace

BusyProcesses::BusyProcesses(int count) {
  const pid_t self = getpid();
  for (int i = 0; i < count; ++i) {
    const pid_t child = fork();
    if (child == 0) compute_for_ever(self);
    if (child > 0) running_.push_back(child);
  }
}

BusyProcesses::~BusyProcesses() {
  for (const pid_t child : running_) {
    kill(child, SIGKILL);
    while (waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
}

}  // namespace autark::apps
