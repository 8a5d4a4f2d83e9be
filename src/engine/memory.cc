#include "engine/memory.h"
#include <algorithm>
#include <fstream>
#include <string>
#include "base/control_group.h"

namespace autark::engine {

Memory memory_now() {
  Memory m;
  std::ifstream in("/proc/meminfo");
  std::string key, unit;
  for (int64_t kib = 0; in >> key >> kib && std::getline(in, unit);) {
    if (key == "MemTotal:") m.total = kib << 10;
    if (key == "MemAvailable:") m.free = kib << 10;
  }
  const ControlGroups::Memory groups = control_groups().memory;
  if (groups.bytes == 0) return m;
  m.free = std::min(m.free, groups.free);
  if (groups.bytes >= m.total) return m;
  m.total = groups.bytes;
  m.limited_by = groups.file;
  return m;
}

int64_t memory_for_state(int64_t free, int64_t mapped_weights) {
  return std::max((free - mapped_weights) / 2, free / 32);
}

}  // namespace autark::engine
