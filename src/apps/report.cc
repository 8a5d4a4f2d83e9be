#include "apps/report.h"
#include <cstdio>

namespace autark::apps {

int fail(const Error& error) {
  std::fprintf(stderr, "autark: %s\n", error.message.c_str());
  return 1;
}

}  // namespace autark::apps
