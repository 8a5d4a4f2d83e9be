#include "chips/cpu/tile_unit.h"
#if defined(__x86_64__) && defined(__linux__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <cerrno>
#include <cstring>
#endif

namespace autark {
namespace {

#if defined(__x86_64__) && defined(__linux__)
// Bits of CPUID leaf 7, register EDX.
constexpr unsigned kAmxBf16 = 1u << 22, kAmxTile = 1u << 24, kAmxInt8 = 1u << 25;
constexpr unsigned kSavesTiles = 3u << 17;  // of XCR0: shapes and data

unsigned saved_registers() {  // the lower half of XCR0
  unsigned a, b, c, d, low, high;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE)) return 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

std::string ask_for_tiles() {
  constexpr unsigned kNeeded = kAmxTile | kAmxInt8 | kAmxBf16;
  unsigned a, b, c, d = 0;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (d & kNeeded) != kNeeded)
    return "the processor has no AMX tiles with int8 and bf16 products";
  if ((saved_registers() & kSavesTiles) != kSavesTiles) return "the system does not save the tiles of AMX";
  constexpr int kRequestPermission = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
  if (syscall(SYS_arch_prctl, kRequestPermission, kTileData) != 0)
    return std::string("the system refuses the tiles of AMX to this process: ") + std::strerror(errno);
  return "";
}
#else
std::string ask_for_tiles() {
  return "only x86-64 under Linux has AMX tiles";
}
#endif

}  // namespace

const std::string& no_tiles_because() {
  static const std::string reason = ask_for_tiles();
  return reason;
}

}  // namespace autark
