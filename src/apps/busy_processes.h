// Processes that compute without rest, for measuring beside other load.
#pragma once
#include <sys/types.h>
#include <vector>

namespace autark::apps {

class BusyProcesses {
 public:
  // Starts as many processes; fewer if the system allows no more. They end with this object or with this process.
  explicit BusyProcesses(int count);
  ~BusyProcesses();
  BusyProcesses(const BusyProcesses&) = delete;
  BusyProcesses& operator=(const BusyProcesses&) = delete;
  int count() const { return static_cast<int>(running_.size()); }

 private:
  std::vector<pid_t> running_;
};

}  // namespace autark::apps
