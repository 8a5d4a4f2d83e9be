#include "base/control_group.h"
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

namespace autark {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kNoLimit = int64_t{1} << 60;  // version 1 writes "none" as a number near 2^63
constexpr int64_t kPeriod = 100'000;            // microseconds; the kernel's default
constexpr size_t kFileBytes = 64 << 10;

// The first kFileBytes of a file. The kernel reports a size of 0 for these files, so the size is not used.
std::string text_of(const fs::path& file) {
  std::error_code fault;
  if (!fs::is_regular_file(file, fault)) return {};
  std::string text(kFileBytes, '\0');
  std::ifstream in(file, std::ios::binary);
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(std::max<std::streamsize>(in.gcount(), 0)));
  return text;
}

// Removes the next word from `text` and returns it; empty at the end.
std::string_view word(std::string_view& text) {
  constexpr const char* kSpace = " \t\r\n";
  text.remove_prefix(std::min(text.find_first_not_of(kSpace), text.size()));
  const std::string_view w = text.substr(0, text.find_first_of(kSpace));
  text.remove_prefix(w.size());
  return w;
}

// The limit that a word states: a whole number above 0. "max", -1, numbers near 2^63 and other text
// mean no limit.
std::optional<int64_t> limit_of(std::string_view w) {
  int64_t n = 0;
  const auto [end, fault] = std::from_chars(w.data(), w.data() + w.size(), n);
  if (fault != std::errc() || end != w.data() + w.size() || n <= 0 || n >= kNoLimit) return std::nullopt;
  return n;
}

std::optional<int64_t> limit_in(const fs::path& file) {
  const std::string text = text_of(file);
  std::string_view rest = text;
  return limit_of(word(rest));
}

// The number on the line "KEY NUMBER" of memory.stat; 0 if there is none.
int64_t stat_in(const fs::path& file, std::string_view key) {
  const std::string text = text_of(file);
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::string_view name = word(rest), number = word(rest);
    if (name == key) return limit_of(number).value_or(0);
  }
  return 0;
}

struct Names {  // file names of one cgroup version
  const char *used, *cached;
  std::vector<const char*> limits;
};
const Names kMemory1 = {"memory.usage_in_bytes", "total_inactive_file", {"memory.limit_in_bytes"}};
const Names kMemory2 = {"memory.current", "inactive_file", {"memory.max", "memory.high"}};

void add_processors(ControlGroups& all, std::optional<int64_t> quota, std::optional<int64_t> period,
                    const fs::path& file) {
  if (!quota) return;
  const double count = static_cast<double>(*quota) / static_cast<double>(period.value_or(kPeriod));
  if (all.processors.count == 0 || count < all.processors.count) all.processors = {count, file};
}

void add_memory(ControlGroups& all, int64_t bytes, int64_t used, const fs::path& file) {
  const int64_t free = std::max<int64_t>(0, bytes - used);
  const int64_t least = all.memory.bytes == 0 ? free : std::min(free, all.memory.free);
  if (all.memory.bytes == 0 || bytes < all.memory.bytes) all.memory = {bytes, file, 0};
  all.memory.free = least;
}

void read_memory(ControlGroups& all, const fs::path& group, const Names& names) {
  for (const char* name : names.limits) {
    const auto bytes = limit_in(group / name);
    if (!bytes) continue;
    const int64_t used = limit_in(group / names.used).value_or(0);
    add_memory(all, *bytes, used - std::min(used, stat_in(group / "memory.stat", names.cached)),
               group / name);
  }
}

void read_version_2(ControlGroups& all, const fs::path& group) {
  const std::string max = text_of(group / "cpu.max");  // "QUOTA PERIOD" or "max PERIOD"
  std::string_view rest = max;
  const auto quota = limit_of(word(rest));
  const std::string_view period = word(rest);
  if (period.empty() || limit_of(period)) add_processors(all, quota, limit_of(period), group / "cpu.max");
  read_memory(all, group, kMemory2);
}

void read_processors_1(ControlGroups& all, const fs::path& group) {
  add_processors(all, limit_in(group / "cpu.cfs_quota_us"), limit_in(group / "cpu.cfs_period_us"),
                 group / "cpu.cfs_quota_us");
}

void read_memory_1(ControlGroups& all, const fs::path& group) {
  read_memory(all, group, kMemory1);
  // Limits of groups above the visible ones: the kernel reports the smallest of them in memory.stat.
  if (const int64_t bytes = stat_in(group / "memory.stat", "hierarchical_memory_limit"); bytes > 0) {
    const int64_t used = limit_in(group / kMemory1.used).value_or(0);
    const int64_t cached = stat_in(group / "memory.stat", kMemory1.cached);
    if (all.memory.bytes == 0 || bytes < all.memory.bytes)
      add_memory(all, bytes, used - std::min(used, cached), group / "memory.stat");
  }
}

// Splits "/a/b" into its names. Empty if the group lies outside the visible tree ("/../x").
std::vector<std::string> names_in(std::string_view path) {
  std::vector<std::string> names;
  while (!path.empty()) {
    const size_t slash = std::min(path.find('/'), path.size());
    if (path.substr(0, slash) == "..") return {};
    if (slash > 0 && path.substr(0, slash) != ".") names.emplace_back(path.substr(0, slash));
    path.remove_prefix(std::min(slash + 1, path.size()));
  }
  return names;
}

// The folders of a group and of all its parents below the mount. In a container the path can be the host's,
// of which the mount shows only the end or nothing; with nothing left, the mount itself is the group.
std::vector<fs::path> groups_of(const fs::path& mount, std::string_view path) {
  std::vector<std::string> names = names_in(path);
  std::error_code fault;
  const auto place = [&] {
    fs::path at = mount;
    for (const std::string& n : names) at /= n;
    return at;
  };
  while (!names.empty() && !fs::is_directory(place(), fault)) names.erase(names.begin());
  std::vector<fs::path> groups = {place()};
  for (; !names.empty(); groups.push_back(place())) names.pop_back();
  return groups;
}

bool has_word(std::string_view list, std::string_view wanted) {
  while (!list.empty()) {
    const size_t comma = std::min(list.find(','), list.size());
    if (list.substr(0, comma) == wanted) return true;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

// The folders of a version 1 controller, which can be named "cpu", "cpu,cpuacct" or "cpuacct,cpu".
std::vector<fs::path> mounts_of(const fs::path& root, std::string_view controller) {
  std::vector<fs::path> found;
  std::error_code fault;
  for (fs::directory_iterator at(root, fault), end; !fault && at != end; at.increment(fault)) {
    std::error_code ignored;
    if (has_word(at->path().filename().string(), controller) && at->is_directory(ignored))
      found.push_back(at->path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

// One line of /proc/self/cgroup: "NUMBER:CONTROLLERS:PATH"; version 2: "0::PATH".
struct Line {
  std::string_view controllers, path;
};

std::vector<Line> lines_of(std::string_view self) {
  std::vector<Line> lines;
  while (!self.empty()) {
    const size_t end = std::min(self.find('\n'), self.size());
    const std::string_view line = self.substr(0, end);
    self.remove_prefix(std::min(end + 1, self.size()));
    const size_t first = line.find(':'), second = line.find(':', first == line.npos ? first : first + 1);
    if (second == line.npos) continue;
    lines.push_back({line.substr(first + 1, second - first - 1), line.substr(second + 1)});
  }
  return lines;
}

std::string_view path_in(const std::vector<Line>& lines, std::string_view controller) {
  for (const Line& l : lines) {
    if (controller.empty() ? l.controllers.empty() : has_word(l.controllers, controller)) return l.path;
  }
  return "/";
}

}  // namespace

int ControlGroups::Processors::threads(int at_most) const {
  if (count <= 0 || count >= at_most) return std::max(1, at_most);
  return std::max(1, static_cast<int>(std::ceil(count)));
}

ControlGroups read_control_groups(const fs::path& root, std::string_view self) {
  ControlGroups all;
  const std::vector<Line> lines = lines_of(self);
  std::error_code fault;
  const fs::path unified = root / "unified";
  for (const fs::path& group :
       groups_of(fs::is_directory(unified, fault) ? unified : root, path_in(lines, "")))
    read_version_2(all, group);
  for (const fs::path& mount : mounts_of(root, "cpu")) {
    for (const fs::path& group : groups_of(mount, path_in(lines, "cpu"))) read_processors_1(all, group);
  }
  for (const fs::path& mount : mounts_of(root, "memory")) {
    for (const fs::path& group : groups_of(mount, path_in(lines, "memory"))) read_memory_1(all, group);
  }
  return all;
}

ControlGroups control_groups() {
  const char* replaced = std::getenv("AUTARK_CGROUP_ROOT");
  if (replaced && *replaced) return read_control_groups(replaced, text_of(fs::path(replaced) / "self"));
  return read_control_groups("/sys/fs/cgroup", text_of("/proc/self/cgroup"));
}

}  // namespace autark
