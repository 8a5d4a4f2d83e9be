// For tests that run on every chip: `ref`, and `cpu` with each instruction set of this machine.
#pragma once
#include <memory>
#include <string>
#include <vector>
#include "chips/registry.h"

namespace autark {

// "ref" and the names of cpu_isas().
inline std::vector<std::string> places() {
  std::vector<std::string> all = cpu_isas();
  all.push_back("ref");
  return all;
}

// The chip of a place: a name of cpu_isas(), or "ref".
inline std::unique_ptr<Chip> chip_at(const std::string& place, ChipOptions options = {.threads = 2}) {
  const bool ref = place == "ref";
  if (!ref) options.isa = place;
  auto made = make_chip(ref ? "ref" : "cpu", options);
  AUTARK_CHECK(made);
  return std::move(*made);
}

}  // namespace autark
