// The limits that the control groups of this process set: processor time and memory, version 1, version 2 or
// both, from the process's own group up to the topmost one that can be seen. The smallest holds.
//
//   AUTARK_CGROUP_ROOT replaces /sys/fs/cgroup, and a file `self` in it /proc/self/cgroup.
//
//   version 2   /sys/fs/cgroup[/unified]/GROUP/{cpu.max, memory.max, memory.high, memory.current,
//   memory.stat} version 1   /sys/fs/cgroup/CONTROLLERS/GROUP/{cpu.cfs_quota_us, cpu.cfs_period_us,
//   memory.limit_in_bytes,
//               memory.usage_in_bytes, memory.stat}
#pragma once
#include <cstdint>
#include <filesystem>
#include <string_view>

namespace autark {

struct ControlGroups {
  struct Processors {
    double count = 0;                // processors' worth of time; 0: no limit
    std::filesystem::path file;      // that says so
    int threads(int at_most) const;  // as many as the time is enough for, at least one
  } processors;
  struct Memory {
    int64_t bytes = 0;           // 0: no limit
    std::filesystem::path file;  // that says so
    int64_t free = 0;            // the least that a group has left; files' pages that can go count as left
  } memory;
};

// `self`: the text of /proc/self/cgroup. A file that is not there or makes no sense sets no limit.
ControlGroups read_control_groups(const std::filesystem::path& root, std::string_view self);

// This process's, read anew.
ControlGroups control_groups();

}  // namespace autark
