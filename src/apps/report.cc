#include "apps/report.h"
#include <cstdio>
#include "base/control_group.h"

namespace autark::apps {

int fail(const Error& error) {
  std::fprintf(stderr, "autark: %s\n", error.message.c_str());
  return 1;
}

// The number in the message is the one that the control group's processor time is enough for.
void warn_of_threads(int threads) {
  const ControlGroups::Processors group = control_groups().processors;
  if (group.count <= 0 || threads <= group.threads(threads)) return;
  std::fprintf(stderr,
               "autark: --threads %d, but %s allows the time of %.2f processors: %d would be faster\n",
               threads, group.file.c_str(), group.count, group.threads(threads));
}

}  // namespace autark::apps
