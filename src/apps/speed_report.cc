//   decode GB/s    = (weight bytes + state bytes of a step) · steps/s     against plain reads
//   prefill FLOP/s = FLOP of the prompts / their time                     against the unit's products
#include "apps/speed_report.h"
#include <fmt/core.h>
#include <algorithm>
#include <optional>

namespace autark::apps {
namespace {

double prefill_rate(const SpeedOptions& o, const Phase& p) {
  return double(o.batch) * o.prefill / p.seconds;
}
double decode_rate(const SpeedOptions& o, const Phase& p) {
  return double(o.batch) * o.decode / p.seconds;
}
double bytes_of_step(const SpeedOptions& o, const Speed& s) {
  return s.decode_bytes() / o.decode;
}
// How many times the tokens per second of one sequence a batch reaches where only bytes count.
double batch_gain_by_bytes(const SpeedOptions& o, const Speed& s) {
  return o.batch * s.bytes_of_one_alone / bytes_of_step(o, s);
}

Json or_null(std::optional<double> v) {
  return v ? Json(*v) : Json();
}

Json peaks(const MachineSpeed& m) {
  return {{"read_gb_per_second", m.read_gb_per_second},
          {"f32_gflops", m.f32_gflop_per_second},
          {"bf16_gflops", or_null(m.bf16_gflop_per_second)},
          {"int8_gops_avx512", or_null(m.avx512_int8_gop_per_second)},
          {"int8_gops_amx", or_null(m.amx_int8_gop_per_second)},
          {"bf16_gflops_amx", or_null(m.amx_bf16_gflop_per_second)}};
}

// Null where the chip does not measure groups.
Json groups(const Phase& p) {
  Json by_group;
  if (std::ranges::none_of(p.by_group, [](double s) { return s > 0; })) return by_group;
  for (int i = 0; i < kVerbGroups; ++i) by_group[kVerbGroupNames[i]] = p.by_group[i];
  return by_group;
}

Json prefill_json(const SpeedOptions& o, const Speed& s) {
  const auto vnni = s.machine.avx512_int8_gop_per_second;
  return {{"prefill_seconds", s.prefill.seconds},
          {"prefill_tokens_per_second", prefill_rate(o, s.prefill)},
          {"prefill_gflop_per_second", s.prefill_gflop()},
          {"prefill_unit", s.unit},
          {"prefill_fraction_of_peak", s.prefill_gflop() / s.unit_gop_per_second},
          {"prefill_fraction_of_avx512_int8", vnni ? Json(s.prefill_gflop() / *vnni) : Json()},
          {"prefill_seconds_by_group", groups(s.prefill)}};
}

Json decode_json(const SpeedOptions& o, const Speed& s) {
  return {{"decode_seconds", s.decode.seconds},
          {"decode_seconds_per_step", s.decode.seconds / o.decode},
          {"decode_tokens_per_second", decode_rate(o, s.decode)},
          {"decode_gb_per_second", s.decode_gb()},
          {"decode_fraction_of_read", s.decode_gb() / s.machine.read_gb_per_second},
          {"decode_bytes_per_step", bytes_of_step(o, s)},
          {"batch_gain_by_bytes", batch_gain_by_bytes(o, s)},
          {"decode_seconds_by_group", groups(s.decode)}};
}

Json busy_json(const SpeedOptions& o, const Speed& s) {
  if (!s.busy) return {};
  return {{"processes", s.busy->processes},
          {"prefill_tokens_per_second", prefill_rate(o, s.busy->prefill)},
          {"prefill_fraction_of_idle", s.prefill.seconds / s.busy->prefill.seconds},
          {"decode_tokens_per_second", decode_rate(o, s.busy->decode)},
          {"decode_fraction_of_idle", s.decode.seconds / s.busy->decode.seconds}};
}

void print_busy(const SpeedOptions& o, const Speed& s) {
  if (!s.busy) return;
  fmt::print("\nbeside {} busy processes\n", s.busy->processes);
  const auto row = [](const char* phase, double rate, double fraction) {
    fmt::print("  {:<12}{:>10.1f} tok/s, {:.0f} % of the speed without them\n", phase, rate, 100 * fraction);
  };
  row("prefill", prefill_rate(o, s.busy->prefill), s.prefill.seconds / s.busy->prefill.seconds);
  row("decode", decode_rate(o, s.busy->decode), s.decode.seconds / s.busy->decode.seconds);
}

void print_groups(const char* phase, const Phase& p) {
  std::string line;
  for (int i = 0; i < kVerbGroups; ++i) {
    const double percent = 100 * p.by_group[i] / p.seconds;
    if (percent >= 0.5)
      line += fmt::format("{}{} {:.0f} %", line.empty() ? "" : ", ", kVerbGroupNames[i], percent);
  }
  if (!line.empty()) fmt::print("{:<14}{}\n", phase, line);
}

void print_peaks(const MachineSpeed& m) {
  fmt::print("\nmeasured here  {:.1f} GB/s read, {:.0f} GFLOP/s f32", m.read_gb_per_second,
             m.f32_gflop_per_second);
  const auto also = [](std::optional<double> v, const char* what) {
    if (v) fmt::print(", {:.0f} {}", *v, what);
  };
  also(m.bf16_gflop_per_second, "GFLOP/s bf16");
  also(m.avx512_int8_gop_per_second, "GOP/s int8 AVX-512");
  also(m.amx_int8_gop_per_second, "GOP/s int8 AMX");
  also(m.amx_bf16_gflop_per_second, "GFLOP/s bf16 AMX");
  fmt::print("\n");
}

void print_title(const SpeedOptions& o, const Speed& s) {
  fmt::print("{}: {}\nrounding {}\n{} threads, {}; loaded in {:.1f} s; median of {}\n", o.model, s.weights,
             s.rounding, s.machine.threads, s.machine.isa, s.load_seconds, o.repeat);
  if (o.batch > 1)
    fmt::print("batch {}: the bytes of a step allow {:.2f} × the tokens per second of one sequence\n",
               o.batch, batch_gain_by_bytes(o, s));
  if (o.depth > 0) fmt::print("behind {} tokens of synthetic state\n", o.depth);
}

}  // namespace

Json to_json(const SpeedOptions& o, const Speed& s) {
  Json j = {{"model", o.model},
            {"weights", s.weights},
            {"rounding", s.rounding},
            {"chip", o.chip},
            {"isa", s.machine.isa},
            {"threads", s.machine.threads},
            {"prefill", o.prefill},
            {"decode", o.decode},
            {"batch", o.batch},
            {"depth", o.depth > 0 ? "synthetic" : "none"},
            {"depth_tokens", o.depth},
            {"repeat", o.repeat},
            {"load_seconds", s.load_seconds},
            {"read_gb_per_second", s.machine.read_gb_per_second},
            {"f32_gflop_per_second", s.machine.f32_gflop_per_second},
            {"int8_gop_per_second", s.machine.int8_gop_per_second},
            {"peaks", peaks(s.machine)},
            {"busy", busy_json(o, s)}};
  j.update(prefill_json(o, s));
  j.update(decode_json(o, s));
  return j;
}

void print_table(const SpeedOptions& o, const Speed& s) {
  print_title(o, s);
  fmt::print("\n{:<14}{:>10}{:>10}{:>12}   {}\n", "", "tok/s", "GB/s", "GFLOP/s",
             "of what this machine gives");
  fmt::print("{:<14}{:>10.1f}{:>10}{:>12.1f}   {:.0f} % of {:.0f} GFLOP/s {}\n",
             fmt::format("prefill {}", o.prefill), prefill_rate(o, s.prefill), "", s.prefill_gflop(),
             100 * s.prefill_gflop() / s.unit_gop_per_second, s.unit_gop_per_second, s.unit);
  fmt::print("{:<14}{:>10.1f}{:>10.1f}{:>12.1f}   {:.0f} % of {:.1f} GB/s read\n",
             fmt::format("decode {}", o.decode), decode_rate(o, s.decode), s.decode_gb(), s.decode_gflop(),
             100 * s.decode_gb() / s.machine.read_gb_per_second, s.machine.read_gb_per_second);
  print_busy(o, s);
  fmt::print("\ntime by verbs\n");
  print_groups("  prefill", s.prefill);
  print_groups("  decode", s.decode);
  print_peaks(s.machine);
}

}  // namespace autark::apps
