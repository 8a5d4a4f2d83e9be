// Serves the console's files over HTTP, with an ETag for caches and a Content-Security-Policy that lets the
// page load nothing from other origins.
#pragma once
#include "http/router.h"
#include "serve/console.h"

namespace autark::serve {

// Adds a GET route for every asset, and "/" for "/index.html". The assets' bytes must outlive the router.
void add_assets(http::Router& router, std::span<const Asset> assets);

}  // namespace autark::serve
