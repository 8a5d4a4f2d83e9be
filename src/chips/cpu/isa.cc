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
  bool runs;
  const Kernels& (*kernels)();
};

#if defined(__x86_64__)
bool has_f16c() {  // clang 14's __builtin_cpu_supports does not know the word
  unsigned a, b, c, d;
  return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_F16C);
}
#endif

// __builtin_cpu_supports also asks whether the system saves the wide registers.
std::vector<Table> tables() {
  std::vector<Table> all{{"generic", true, kernels_generic}};
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c() &&
                    __builtin_cpu_supports("bmi2");
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
                      __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bf16");
  all.push_back({"avx2", avx2, kernels_avx2});
  all.push_back({"avx512", avx512, kernels_avx512});
#endif
  return all;
}

std::string list(const std::vector<std::string>& names) {
  std::string s;
  for (const std::string& n : names) s += (s.empty() ? "" : ", ") + n;
  return s;
}

}  // namespace

std::vector<std::string> cpu_isas() {
  std::vector<std::string> names;
  for (const Table& t : tables()) {
    if (t.runs) names.emplace_back(t.isa);
  }
  return names;
}

Result<const Kernels*> kernels_for(std::string_view wish) {
  if (const char* e = std::getenv("AUTARK_CPU"); wish.empty() && e) wish = e;
  const Kernels* best = nullptr;
  for (const Table& t : tables()) {
    if (t.runs && (wish.empty() || wish == t.isa)) best = &t.kernels();
  }
  if (best) return best;
  return Error{Code::unsupported, "this machine cannot run the CPU kernels \"" + std::string(wish) +
                                      "\"; set AUTARK_CPU to one of: " + list(cpu_isas())};
}

}  // namespace autark
