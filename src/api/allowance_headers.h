// The response headers that tell what is left of limits.
//
//   OpenAI     x-ratelimit-{limit,remaining,reset}-{requests,tokens}    reset: "120ms", "8.64s", "6m0s"
//   Anthropic  anthropic-ratelimit-{requests,tokens}-{limit,remaining,reset}    reset: RFC 3339, UTC
//
// A reset that is not known is left out.
#pragma once
#include <span>
#include "api/dialect.h"

namespace autark::api {

Headers openai_headers(std::span<const Allowance> left);
// `now`: seconds since 1970.
Headers anthropic_headers(std::span<const Allowance> left, int64_t now);

// A time as OpenAI writes it, rounded up to milliseconds: "0s", "120ms", "8.64s", "6m0s", "1h0m5s". REQUIRES:
// seconds >= 0.
std::string short_duration(double seconds);

}  // namespace autark::api
