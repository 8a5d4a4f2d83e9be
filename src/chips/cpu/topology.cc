#include "chips/cpu/topology.h"
#include <hwloc.h>
#include <algorithm>
#include <thread>
#include "base/control_group.h"

namespace autark {
namespace {

// Calls with(topology) unless hwloc fails.
template <class With>
void with_topology(With with) {
  hwloc_topology_t all;
  if (hwloc_topology_init(&all) != 0) return;
  if (hwloc_topology_load(all) == 0) with(all);
  hwloc_topology_destroy(all);
}

// The first processor in the affinity mask of each core that has one; empty if hwloc fails.
std::vector<int> cores_of_mask() {
  std::vector<int> cores;
  with_topology([&](hwloc_topology_t all) {
    hwloc_bitmap_t mask = hwloc_bitmap_alloc();
    if (hwloc_get_cpubind(all, mask, HWLOC_CPUBIND_PROCESS) != 0)
      hwloc_bitmap_copy(mask, hwloc_topology_get_allowed_cpuset(all));
    const int n = hwloc_get_nbobjs_by_type(all, HWLOC_OBJ_CORE);
    for (int i = 0; i < n; ++i) {
      hwloc_bitmap_t of = hwloc_bitmap_dup(hwloc_get_obj_by_type(all, HWLOC_OBJ_CORE, i)->cpuset);
      hwloc_bitmap_and(of, of, mask);
      if (!hwloc_bitmap_iszero(of)) cores.push_back(hwloc_bitmap_first(of));
      hwloc_bitmap_free(of);
    }
    hwloc_bitmap_free(mask);
  });
  return cores;
}

// hwloc counts a processor's caches from the core outwards.
int64_t measure_last_cache() {
  int64_t bytes = 0;
  with_topology([&](hwloc_topology_t all) {
    for (hwloc_obj_t o = hwloc_get_obj_by_type(all, HWLOC_OBJ_PU, 0); o; o = o->parent) {
      if (hwloc_obj_type_is_dcache(o->type)) bytes = static_cast<int64_t>(o->attr->cache.size);
    }
  });
  return bytes;
}

std::vector<int> measure() {
  std::vector<int> cores = cores_of_mask();
  if (cores.empty()) {
    for (unsigned i = 0; i < std::max(1u, std::thread::hardware_concurrency()); ++i) cores.push_back(i);
  }
  cores.resize(control_groups().processors.threads(static_cast<int>(cores.size())));
  return cores;
}

}  // namespace

std::vector<int> usable_cores() {
  static const std::vector<int> cores = measure();
  return cores;
}

int64_t last_cache_bytes() {
  static const int64_t bytes = measure_last_cache();
  return bytes;
}

#if defined(__linux__)
void bind_to(int processor) {
  if (processor >= CPU_SETSIZE) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(processor, &set);
  sched_setaffinity(0, sizeof set, &set);
}

BoundTo::BoundTo(int processor) {
  bound_ = sched_getaffinity(0, sizeof before_, &before_) == 0;
  if (bound_) bind_to(processor);
}

BoundTo::~BoundTo() {
  if (bound_) sched_setaffinity(0, sizeof before_, &before_);
}
#else
void bind_to(int) {}
BoundTo::BoundTo(int) {}
BoundTo::~BoundTo() = default;
#endif

}  // namespace autark
