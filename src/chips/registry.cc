#include "chips/registry.h"
#include <algorithm>
#include "chips/cpu/cpu_chip.h"
#include "chips/far/far_chip.h"
#include "chips/ref/ref_chip.h"
#include "chips/timed/timed_chip.h"

namespace autark {
namespace {

Result<std::unique_ptr<Chip>> open_ref(const ChipOptions& o) {
  if (o.inputs != Rounding::Inputs::int8) return make_ref_chip(o.comm, o.inputs);
  return Error{Code::unsupported,
               "the ref chip has no 8-bit inputs; use --rounding none or exact, or --chip cpu"};
}

struct Entry {
  std::string_view name;
  Result<std::unique_ptr<Chip>> (*open)(const ChipOptions&);
  bool listed = true, int8 = false;  // listed: named to users; int8: has 8-bit inputs
};
constexpr Entry kChips[] = {
    {"ref", open_ref}, {"cpu", make_cpu_chip, true, true}, {"far", make_far_chip, false}};

Result<std::unique_ptr<Chip>> opened(const Entry& e, const ChipOptions& options) {
  AUTARK_TRY(auto chip, e.open(options));
  if (options.times) chip = make_timed_chip(std::move(chip), *options.times);
  return chip;
}

}  // namespace

Result<std::unique_ptr<Chip>> make_chip(std::string_view name, const ChipOptions& options) {
  std::string all;
  for (const Entry& e : kChips) {
    if (e.name == name) return opened(e, options);
    if (e.listed) all += (all.empty() ? "" : ", ") + std::string(e.name);
  }
  return Error{Code::not_found, "there is no chip \"" + std::string(name) + "\"; there are: " + all};
}

std::vector<std::string> chip_names() {
  std::vector<std::string> names;
  for (const Entry& e : kChips) {
    if (e.listed) names.emplace_back(e.name);
  }
  return names;
}

bool rounds_to_int8(std::string_view chip) {
  return std::ranges::any_of(kChips, [&](const Entry& e) { return e.name == chip && e.int8; });
}

}  // namespace autark
