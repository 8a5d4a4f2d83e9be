// The web console as bytes in the program: made by cmake/console.cmake from console/, or, in builds without
// it, a page that says so. Immutable and alive for the whole run; any thread.
#pragma once
#include <span>
#include <string_view>

namespace autark::serve {

struct Asset {
  std::string_view
      path;  // "/index.html", "/assets/index-C1d2.js"; a name under /assets/ never changes its bytes
  std::string_view content_type;
  std::string_view bytes;
};

std::span<const Asset> console_assets();  // "/index.html" is always among them

}  // namespace autark::serve
