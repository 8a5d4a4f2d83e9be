#include "chips/cpu/isa.h"
#include <cstdlib>
#if defined(__x86_64__)
#include <cpuid.h>
#endif
#include "chips/cpu/tile_unit.h"
#include "chips/registry.h"

namespace autark {
namespace {

struct Table {
  std::string_view isa;
  std::string (*lacks)();  // why this processor and system cannot run it, as a clause; empty: they can
  const Kernels& (*kernels)();
};

std::string nothing() {
  return "";
}

// The kernel tables of this processor family (cmake/layer.cmake), the best last.
#if defined(__x86_64__)
bool has_f16c() {  // clang 14's __builtin_cpu_supports does not accept "f16c"
  unsigned a, b, c, d;
  return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_F16C);
}

// __builtin_cpu_supports also checks that the system saves the wide registers.
std::string lacks_avx2() {
  __builtin_cpu_init();
  const bool has = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c() &&
                   __builtin_cpu_supports("bmi2");
  return has ? "" : "the processor or the system lacks one of AVX2, FMA, F16C and BMI2";
}

std::string lacks_avx512() {
  const bool has = lacks_avx2().empty() && __builtin_cpu_supports("avx512f") &&
                   __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
                   __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni") &&
                   __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512vbmi");
  return has ? "" : "the processor or the system lacks one of AVX-512 F, BW, DQ, VL, VNNI, BF16 and VBMI";
}

std::string lacks_amx() {
  const std::string less = lacks_avx512();
  return less.empty() ? no_tiles_because() : less;
}

constexpr Table kTables[] = {{"generic", nothing, kernels_generic},
                             {"avx2", lacks_avx2, kernels_avx2},
                             {"avx512", lacks_avx512, kernels_avx512},
                             {"amx", lacks_amx, kernels_amx}};
#else
constexpr Table kTables[] = {{"generic", nothing, kernels_generic}};
#endif

std::vector<const Kernels*>& added() {
  static std::vector<const Kernels*> all;
  return all;
}

std::string list(const std::vector<std::string>& names) {
  std::string s;
  for (const std::string& n : names) s += (s.empty() ? "" : ", ") + n;
  return s;
}

}  // namespace

void add_kernels(const Kernels& k) {
  added().push_back(&k);
}

std::vector<std::string> cpu_isas() {
  std::vector<std::string> names;
  for (const Table& t : kTables) {
    if (t.lacks().empty()) names.emplace_back(t.isa);
  }
  return names;
}

std::vector<std::string> cpu_isas_missing() {
  std::vector<std::string> all;
  for (const Table& t : kTables) {
    if (const std::string why = t.lacks(); !why.empty()) all.push_back(std::string(t.isa) + ": " + why);
  }
  return all;
}

Result<const Kernels*> kernels_for(std::string_view wish) {
  if (const char* e = std::getenv("AUTARK_CPU"); wish.empty() && e) wish = e;
  const Kernels* best = nullptr;
  std::string why;
  for (const Table& t : kTables) {
    if (!wish.empty() && wish != t.isa) continue;
    if (t.lacks().empty())
      best = &t.kernels();
    else
      why = ": " + t.lacks();
  }
  for (const Kernels* k : added()) {
    if (wish == k->isa) best = k;
  }
  if (best) return best;
  return Error{Code::unsupported, "this machine cannot run the CPU kernels \"" + std::string(wish) + "\"" +
                                      why + "; set AUTARK_CPU to one of: " + list(cpu_isas())};
}

}  // namespace autark
