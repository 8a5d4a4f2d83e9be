#include "serve/ids.h"
#include <fmt/format.h>

namespace autark::serve {

std::string Ids::next() {
  const std::lock_guard lock(mutex_);
  std::string id;
  for (int i = 0; i < 3; ++i) id += fmt::format("{:08x}", uint32_t{random_()});
  return id;
}

}  // namespace autark::serve
