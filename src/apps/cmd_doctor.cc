#include "apps/cmd_doctor.h"
#include <fmt/core.h>
#include <sched.h>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <thread>
#include "apps/command_line.h"
#include "apps/report.h"
#include "base/control_group.h"
#include "chips/registry.h"
#include "engine/memory.h"
#include "engine/weight_cache_place.h"
#include "hub/hub.h"

namespace autark::apps {
namespace {

namespace fs = std::filesystem;

// The first line of a file; empty if it cannot be read.
std::string first_line(const fs::path& file) {
  std::ifstream in(file);
  std::string line;
  std::getline(in, line);
  return line;
}

std::string processor() {
  std::ifstream in("/proc/cpuinfo");
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  }
  return "unknown";
}

// Logical cores that the affinity of this process allows.
int usable_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

double gib(int64_t bytes) {
  return double(bytes) / double(1 << 30);
}

// Of all models in this folder.
int64_t weight_cache_below(const fs::path& folder) {
  int64_t all = 0;
  std::error_code fault;
  for (fs::recursive_directory_iterator at(folder, fault), end; !fault && at != end; at.increment(fault))
    if (at->path().filename() == ".autark") all += engine::weight_cache_bytes(at->path(), "");
  return all;
}

// Prints one line for each property and collects warnings, which it prints at the end.
class Checkup {
 public:
  // Returns the exit code: 1 if the chip cannot be made or the best ISA is not in use.
  int run() {
    if (auto fault = look_at_chips()) return fail(*fault);
    look_at_cores();
    look_at_memory();
    look_at_models();
    fmt::print("\n");
    for (const auto& w : warnings_) fmt::print("!  {}\n", w);
    if (warnings_.empty()) fmt::print("Nothing is set up wrongly.\n");
    return best_in_use_ ? 0 : 1;
  }

 private:
  template <class... T>
  void say(const char* what, fmt::format_string<T...> format, T&&... values) {
    fmt::print("{:<14}{}\n", what, fmt::format(format, std::forward<T>(values)...));
  }

  std::optional<Error> look_at_chips() {
    std::string chips, isas;
    for (const auto& c : chip_names()) chips += (chips.empty() ? "" : ", ") + c;
    for (const auto& i : cpu_isas()) isas += (isas.empty() ? "" : ", ") + i;
    say("processor", "{}", processor());
    say("chips", "{}", chips);
    say("ISAs", "{} (the best last)", isas);
    for (const auto& missing : cpu_isas_missing()) say("", "not {}", missing);
    const auto made = make_chip("cpu", {.inputs = Rounding::Inputs::int8});
    if (!made) return made.error();
    const auto measured = measure_machine({});
    if (!measured) return measured.error();
    const MachineSpeed& speed = *measured;
    best_in_use_ = speed.isa == cpu_isas().back();
    say("in use", "{}, {} threads", speed.isa, speed.threads);
    for (const auto& [group, kernel] : (*made)->kernels()) say("", "{}: {}", group, kernel);
    say("reads", "{:.1f} GB/s", speed.read_gb_per_second);
    say("products", "{:.0f} GFLOP/s in float32, {:.0f} GOP/s in int8", speed.f32_gflop_per_second,
        speed.int8_gop_per_second);
    threads_ = speed.threads;
    const char* forced = std::getenv("AUTARK_CPU");
    if (!best_in_use_)
      warn("AUTARK_CPU={} forces {}, this processor can run {}: unset AUTARK_CPU", forced ? forced : "",
           speed.isa, cpu_isas().back());
    return std::nullopt;
  }

  void look_at_cores() {
    const int all = int(std::thread::hardware_concurrency()), usable = usable_cores();
    say("cores", "{} logical, {} of them usable by this process", all, usable);
    const ControlGroups::Processors group = control_groups().processors;
    const std::string limit =
        group.count > 0 ? fmt::format(", processor time for {:.2f} ({})", group.count, group.file.string())
                        : "";
    say("threads", "{} by default{}", threads_, limit);
    if (threads_ > usable) warn("{} threads share {} cores: use --threads {}", threads_, usable, usable);
    if (group.count > 0 && group.count < usable)
      warn("{} allows the time of {:.2f} processors: more --threads than {} would wait for each other",
           group.file.string(), group.count, group.threads(usable));
    const std::string governor = first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
    if (!governor.empty()) say("governor", "{}", governor);
    if (governor == "powersave")
      warn("the frequency governor is powersave: `cpupower frequency-set -g performance`");
  }

  void look_at_memory() {
    const engine::Memory m = engine::memory_now();
    say("memory", "{:.1f} GiB, {:.1f} GiB free{}", gib(m.total), gib(m.free),
        m.limited_by.empty() ? "" : " (limit: " + m.limited_by.string() + ")");
    if (m.free < int64_t{2} << 30)
      warn("{:.1f} GiB of memory are free: the default model needs about 2", gib(m.free));
    const std::string pages = first_line("/sys/kernel/mm/transparent_hugepage/enabled");
    if (!pages.empty()) say("huge pages", "{}", pages);
    if (pages.find("[never]") != std::string::npos)
      warn("transparent huge pages are off: echo madvise > /sys/kernel/mm/transparent_hugepage/enabled");
  }

  void look_at_models() {
    const fs::path folder = hub::model_folder();
    std::error_code fault;
    std::string names;
    for (fs::directory_iterator at(folder, fault), end; !fault && at != end; at.increment(fault))
      if (const std::string name = at->path().filename(); !name.starts_with('.'))
        names += (names.empty() ? "" : ", ") + name;
    say("model folder", "{}", folder.string());
    say("models", "{}",
        names.empty() ? "none yet; `autark pull " + std::string(hub::kDefaultModel) + "` gets one" : names);
    say("weight cache",
        "beside each model of {:.0f} GiB or more (.autark) where that can be written, else in the user's "
        "cache "
        "folder; {:.1f} GiB below the model folder",
        gib(engine::kWeightCacheLeast), gib(weight_cache_below(folder)));
    const auto space = fs::space(fs::exists(folder, fault) ? folder : "/", fault);
    if (!fault && space.available < uintmax_t{2} << 30)
      warn("{:.1f} GiB are free on the disk of the model folder", gib(int64_t(space.available)));
  }

  template <class... T>
  void warn(fmt::format_string<T...> format, T&&... values) {
    warnings_.push_back(fmt::format(format, std::forward<T>(values)...));
  }

  std::vector<std::string> warnings_;
  bool best_in_use_ = false;
  int threads_ = 0;
};

}  // namespace

void add_doctor_command(const Command& program) {
  const Command c =
      program.command("doctor", "What this machine has, what is used, and what is set up wrongly");
  c.footer(
      "Threads and memory are limited by the control groups of this process, its own and all above it.\n"
      "AUTARK_CGROUP_ROOT names a folder that is read instead of /sys/fs/cgroup, and the file `self` in\n"
      "it instead of /proc/self/cgroup.\n\n"
      "Examples:\n  autark doctor");
  c.runs([] { return Checkup().run(); });
}

}  // namespace autark::apps
