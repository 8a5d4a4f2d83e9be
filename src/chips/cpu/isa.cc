#include "chips/cpu/isa.h"
#include <cstdlib>
#if defined(__x86_64__)
#include <cpuid.h>
#endif
#include "chips/registry.h"

namespace autark {
namespace {

struct Table {
  std::string_view isa;
  bool (*runs)();  // true if this processor and system can run it
  const Kernels& (*kernels)();
};

bool always() {
  return true;
}

// The kernel tables of this processor family (cmake/layer.cmake), the best last.
#if defined(__x86_64__)
bool has_f16c() {  // clang 14's __builtin_cpu_supports does not accept "f16c"
  unsigned a, b, c, d;
  return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_F16C);
}

// __builtin_cpu_supports also checks that the system saves the wide registers.
bool has_avx2() {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c() &&
         __builtin_cpu_supports("bmi2");
}

bool has_avx512() {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bf16") &&
         __builtin_cpu_supports("avx512vbmi");
}

constexpr Table kTables[] = {{"generic", always, kernels_generic},
                             {"avx2", has_avx2, kernels_avx2},
                             {"avx512", has_avx512, kernels_avx512}};
#else
constexpr Table kTables[] = {{"generic", always, kernels_generic}};
#endif

std::string list(const std::vector<std::string>& names) {
  std::string s;
  for (const std::string& n : names) s += (s.empty() ? "" : ", ") + n;
  return s;
}

}  // namespace

std::vector<std::string> cpu_isas() {
  std::vector<std::string> names;
  for (const Table& t : kTables) {
    if (t.runs()) names.emplace_back(t.isa);
  }
  return names;
}

Result<const Kernels*> kernels_for(std::string_view wish) {
  if (const char* e = std::getenv("AUTARK_CPU"); wish.empty() && e) wish = e;
  const Kernels* best = nullptr;
  for (const Table& t : kTables) {
    if (t.runs() && (wish.empty() || wish == t.isa)) best = &t.kernels();
  }
  if (best) return best;
  return Error{Code::unsupported, "this machine cannot run the CPU kernels \"" + std::string(wish) +
                                      "\"; set AUTARK_CPU to one of: " + list(cpu_isas())};
}

}  // namespace autark
