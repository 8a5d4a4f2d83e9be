#include "serve/fingerprint.h"
#include <fmt/format.h>
#include "base/fnv.h"
#include "base/version.h"

namespace autark::serve {

std::string fingerprint_of(const engine::ModelCard& c) {
  std::string all = fmt::format("{}\n{}\n{}\n{}\n{} {}\n{}\n{}\n", version(), c.name, c.architecture,
                                c.weights, c.parameters, c.bytes, c.chip, c.rounding);
  // Drafts change no token, so they are left out.
  for (const auto& [verb, kernel] : c.kernels)
    if (verb != "drafts") all += verb + ": " + kernel + "\n";
  return fmt::format("fp_{:016x}", fnv1a(all));
}

}  // namespace autark::serve
