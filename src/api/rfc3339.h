// Times as RFC 3339 writes them, in UTC: "2026-01-31T12:00:00Z".
#pragma once
#include <cstdint>
#include <string>

namespace autark::api {

// `seconds`: since 1970.
std::string rfc3339(int64_t seconds);

}  // namespace autark::api
