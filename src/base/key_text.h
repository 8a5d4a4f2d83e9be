// API keys in texts that are shown to others.
#pragma once
#include <string>

namespace autark {

// Shows of an API key of a platform ("ak-", 8 letters, "-", more letters) its first 8 letters only. Clients put keys where
// they do not belong: into paths, names of models and of fields. The log shows no key.
std::string without_keys(std::string line);

}  // namespace autark
