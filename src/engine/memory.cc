#include "engine/memory.h"
#include <algorithm>
#include <fstream>
#include <optional>
#include <string>

namespace autark::engine {
namespace {

std::optional<int64_t> number_in(const std::string& file) {  // "max" is no number
  std::ifstream in(file);
  int64_t n = 0;
  if (in >> n) return n;
  return std::nullopt;
}

// This process's control group (version 2): "0::/path".
std::string group_folder() {
  std::ifstream in("/proc/self/cgroup");
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("0::")) return "/sys/fs/cgroup" + line.substr(3);
  }
  return "/sys/fs/cgroup";
}

}  // namespace

Memory memory_now() {
  Memory m;
  std::ifstream in("/proc/meminfo");
  std::string key, unit;
  for (int64_t kib = 0; in >> key >> kib && std::getline(in, unit);) {
    if (key == "MemTotal:") m.total = kib << 10;
    if (key == "MemAvailable:") m.free = kib << 10;
  }
  const std::string group = group_folder();
  const auto most = number_in(group + "/memory.max"), used = number_in(group + "/memory.current");
  if (!most || *most >= m.total) return m;
  m.limited = true;
  m.total = *most;
  m.free = std::min(m.free, std::max<int64_t>(0, *most - used.value_or(0)));
  return m;
}

}  // namespace autark::engine
