// The console's files as HTTP answers: cache by content, and a policy that lets the page load nothing but
// itself.
#pragma once
#include "http/router.h"
#include "serve/console.h"

namespace autark::serve {

// GET for every asset, and "/" for "/index.html". The bytes must outlive the router.
void add_assets(http::Router& router, std::span<const Asset> assets);

}  // namespace autark::serve
