// Routes of the platform outside of /admin, which take API keys only.
#pragma once
#include <memory>
#include "platform/admin/visit.h"

namespace autark::platform::admin {

using OutsideHandler = Answered (*)(ServerPlatform& platform, const http::Request& request,
                                    const api::Caller& caller, Micros now);

// The caller that a filter of the server found, else the one that the gatekeeper lets in.
api::ApiResult<std::shared_ptr<const api::Caller>> caller_of(ServerPlatform& platform,
                                                             const http::Request& request);

// What the account of any key has, in DeepSeek's form.
Answered user_balance(ServerPlatform& platform, const http::Request& request, const api::Caller& caller,
                      Micros now);
// Usage of the account in OpenAI's form, for keys with an administrative role.
Answered organization_usage(ServerPlatform& platform, const http::Request& request, const api::Caller& caller,
                            Micros now);

struct OutsideRoute {
  const char* path;
  OutsideHandler handler;
};
inline constexpr OutsideRoute kOutside[] = {{"/user/balance", user_balance},
                                            {"/v1/organization/usage/completions", organization_usage}};

// Whole hundredths of a currency, rounded down: "12.34".
std::string two_digits(int64_t nanos);

}  // namespace autark::platform::admin
