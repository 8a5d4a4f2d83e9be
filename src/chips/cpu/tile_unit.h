// Whether this process may use the tiles of AMX (tiles.h).
#pragma once
#include <string>

namespace autark {

// Empty if it may; else why not, as a clause. The first call asks the system, which then grants the tiles to all
// threads of the process: until they use them they cost nothing.
const std::string& no_tiles_because();

}  // namespace autark
