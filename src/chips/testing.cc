#include "chips/testing.h"
#include <utility>
#include "base/check.h"

namespace autark {

std::vector<std::string> places() {
  std::vector<std::string> all = cpu_isas();
  all.push_back("ref");
  return all;
}

std::unique_ptr<Chip> chip_at(const std::string& place, ChipOptions options) {
  const bool ref = place == "ref";
  if (!ref) options.isa = place;
  auto made = make_chip(ref ? "ref" : "cpu", options);
  AUTARK_CHECK(made);
  return std::move(*made);
}

}  // namespace autark
