#include "api/rfc3339.h"
#include <ctime>

namespace autark::api {

std::string rfc3339(int64_t seconds) {
  const std::time_t at = seconds;
  std::tm utc{};
  gmtime_r(&at, &utc);
  char text[32];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc)};
}

}  // namespace autark::api
