// Files in a folder of their own: the bytes of one in ID, and beside them ID.json with the rest. A file exists once
// its ID.json does; a process that is killed while it writes leaves nothing that the next one does not remove.
#pragma once
#include <filesystem>
#include "store/files.h"

namespace autark::storage {

struct FileLimits {
  int64_t bytes = int64_t{16} << 30;  // of all files, those that are being written included
  size_t count = 100'000;             // of files
  bool shared = false;                // among owners, each of whom has a share of both (share.h)
};

// Opens the folder or creates it, for its owner only. Nothing else may use it at the same time. Files in it that are
// not whole are removed. Beyond its limits create() and write() are Errors (exhausted).
Result<std::unique_ptr<Files>> open_files(const std::filesystem::path& folder, const FileLimits& limits);
// The same in a new folder below the system's for temporary files, made with the first file and removed at the end.
std::unique_ptr<Files> temporary_files(const FileLimits& limits);

}  // namespace autark::storage
