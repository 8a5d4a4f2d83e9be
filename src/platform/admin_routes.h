// The HTTP side of a platform: /admin/v1 and its description /admin/openapi.json, /user/balance, and
// /v1/organization/usage/completions. Nothing here blocks a loop thread: requests wait for a few workers of their own, and are
// refused (503) when too many wait. Keys are those of the gatekeeper; a console session is a cookie that only /admin takes.
#pragma once
#include "base/json.h"
#include "http/router.h"
#include "http/workers.h"
#include "platform/server_platform.h"

namespace autark::platform {

struct AdminOptions {
  bool tls = false;  // the server speaks HTTPS: cookies then never travel in clear
  Clock clock = system_now;
  http::Workers::Limits workers{.threads = 2, .jobs = 256, .bytes = size_t{16} << 20};
  // For requests that compute a password: sign-in and what sets one.
  http::Workers::Limits password_workers{.threads = 2, .jobs = 32, .bytes = size_t{1} << 20};
};

// Adds the routes; those that are there already are replaced. `platform` must outlive the router and its copies, and the
// last of these must not be destroyed on one of the routes' own threads.
void add_routes(http::Router& router, ServerPlatform& platform, AdminOptions options = {});

// The OpenAPI 3.1 document of these routes. Operations have "x-autark-roles": who may call, and "-separated": who may when
// roles are separated.
Json admin_openapi();

}  // namespace autark::platform
