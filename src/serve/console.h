// The files of the web console, embedded in the program. cmake/console.cmake makes them from
// console/; a build without the console has one page that says so. Immutable, valid until the
// program ends, for any thread.
#pragma once
#include <span>
#include <string_view>

namespace autark::serve {

struct Asset {
  // "/index.html", "/assets/index-C1d2.js". A name under /assets/ has a hash, so its bytes never change.
  std::string_view path;
  std::string_view content_type;
  std::string_view bytes;
};

// All files; "/index.html" is always among them.
std::span<const Asset> console_assets();

}  // namespace autark::serve
