// Fair shares of the rows of all steps: virtual time.
//
// A flow is a domain and a class. A row that a flow computes moves its time by the cost of its class; the flow
// with the least time goes first. So flows that always want rows get them in the ratio of 1 / cost, whatever
// they ask for, and differ from it by one slice each at most.
//
// The time of the shares is the least time of the flows that want rows, and a flow that begins to want some starts
// there: who asked for nothing has no claim on what others used. While nobody wants rows, nobody is owed any, and
// the time of the shares moves up to the greatest time. Deterministic (rules in batch.h).
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include "engine/service.h"

namespace autark::engine {

class Shares {
 public:
  struct Flow {
    uint64_t id = 0;     // in the order of appearance
    int64_t time = 0;    // cost of all rows so far
    int64_t cost = 1;    // of one row
    int jobs = 0;        // that belong to it
    bool wants = false;  // rows of a prompt, in this step
  };

  static constexpr int64_t kIdleMax = 1024;  // idle flows that are remembered
  static int64_t cost(ServiceClass c) { return int64_t{1} << (3 * int(c)); }

  // The flow of a new job. Stays in place until leave() was called for all its jobs.
  Flow& join(const std::string& domain, ServiceClass c);
  void leave(Flow& f);
  void charge(Flow& f, int64_t rows) { f.time += rows * f.cost; }
  // Moves the time of the shares. Call in each step, when `wants` is set for the flows that want rows; clears it.
  void settle();
  int64_t now() const { return now_; }
  int64_t flows() const { return std::ssize(flows_); }  // with jobs, or remembered

 private:
  void forget_idle();

  std::map<std::pair<std::string, ServiceClass>, Flow> flows_;
  int64_t now_ = 0, idle_ = 0;
  uint64_t last_id_ = 0;
};

}  // namespace autark::engine
