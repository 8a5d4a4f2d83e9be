// One-time codes as RFC 6238 has them: HMAC-SHA-1, six digits, steps of 30 seconds.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include "platform/clock.h"

namespace autark::platform {

// 20 random bytes.
std::string new_totp_secret();
int64_t totp_step(Micros time);
// `digits`: 6, or 8 for the RFC's examples.
std::string totp_code(std::string_view secret, int64_t step, int digits = 6);
// The step whose code it is: of this moment, or one before or after; later than `last`. Unset if it is none of them.
std::optional<int64_t> totp_match(std::string_view secret, std::string_view code, Micros time, int64_t last);
// "otpauth://totp/autark:NAME?secret=…&issuer=autark"
std::string totp_uri(std::string_view secret, std::string_view name);

}  // namespace autark::platform
