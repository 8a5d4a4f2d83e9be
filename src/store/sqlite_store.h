// The store in an SQLite database.
#pragma once
#include <filesystem>
#include <memory>
#include "store/store.h"

namespace autark::storage {

// Opens or creates the file, and takes missing migrations. The file has a write-ahead log beside it.
Result<std::unique_ptr<Store>> open_store(const std::filesystem::path& file, const Limits& limits);
// A store that ends with the process.
Result<std::unique_ptr<Store>> memory_store(const Limits& limits);

}  // namespace autark::storage
