// The limits on processor time and memory that control groups set for this process. Versions 1 and 2 are
// read, from the process's own group up to the topmost group that is visible; the smallest limit counts.
//
// The environment variable AUTARK_CGROUP_ROOT replaces /sys/fs/cgroup, and the file `self` in that folder
// replaces /proc/self/cgroup.
//
//   version 2   /sys/fs/cgroup[/unified]/GROUP/
//                 {cpu.max, memory.max, memory.high, memory.current, memory.stat}
//   version 1   /sys/fs/cgroup/CONTROLLERS/GROUP/
//                 {cpu.cfs_quota_us, cpu.cfs_period_us,
//                  memory.limit_in_bytes, memory.usage_in_bytes, memory.stat}
#pragma once
#include <cstdint>
#include <filesystem>
#include <string_view>

namespace autark {

// The smallest limits found, and the files that set them.
struct ControlGroups {
  struct Processors {
    double count = 0;            // in units of one processor; 0: no limit
    std::filesystem::path file;  // the file with that limit
    // The number of threads that this time keeps busy: `count` rounded up, from 1 to `at_most`.
    int threads(int at_most) const;
  } processors;
  struct Memory {
    int64_t bytes = 0;           // the smallest limit; 0: no limit
    std::filesystem::path file;  // the file with that limit
    // The least memory that any limited group has left. Page cache that the kernel can drop counts as free.
    int64_t free = 0;
  } memory;
};

// Reads the limits below `root`. `self` is the text of /proc/self/cgroup. A file that is missing or cannot be
// parsed sets no limit.
ControlGroups read_control_groups(const std::filesystem::path& root, std::string_view self);

// The limits of this process, read from the files again by each call.
ControlGroups control_groups();

}  // namespace autark
